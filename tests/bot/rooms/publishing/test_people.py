"""Which rooms drawn people can be sent into, and who they are."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bot.errors import RoomRefused, RoomUnreachable, SettingsRefused
from bot.rooms.publishing import people
from bot.rooms.publishing.people import people_of, send_people, way_into
from dashboard_protocol.http.server import serve


@pytest.mark.parametrize(
    ("room_url", "why"),
    [
        ("whep+https://h/stream", "gives a stream away and takes none"),
        ("whep+http://h/a whep+http://h/b", "gives a stream away and takes none"),
        ("zoom+https://h/1", "no people can be sent into"),
        ("janus+ws://h", "no address of a Janus room"),
        ("http://", "no address of a WHIP endpoint"),
        ("seminar", "no room URL"),
    ],
)
def test_room_that_takes_nobody_is_reported_in_one_line(room_url: str, why: str) -> None:
    with pytest.raises(SettingsRefused, match=why) as refused:
        way_into(room_url)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("room_url", ["janus+wss://h/1?pin=p", "http://h/whip/r", "https://h/join/r#t=secret"])
def test_room_that_takes_publishers_is_found(room_url: str) -> None:
    assert callable(way_into(room_url))


def test_people_have_names_of_their_own_however_many_there_are() -> None:
    assert [person.name for person in people_of(2).people] == [person.name for person in people_of(64).people[:2]]
    names = [person.name for person in people_of(64).people]
    assert len(set(names)) == 64


async def test_page_where_nobody_answers_is_given_up_at_once() -> None:
    with pytest.raises(RoomUnreachable, match=r"127\.0\.0\.1:9/join/r"):
        await send_people("http://127.0.0.1:9/join/r#t=secret", 1, lambda _: None)


@pytest.mark.parametrize(
    ("status", "info", "error"),
    [
        (200, {"is_open": False}, RoomUnreachable),
        (503, {}, RoomUnreachable),
        (404, {}, RoomRefused),
        (200, [], RoomUnreachable),
    ],
)
async def test_page_of_a_room_whose_bot_does_not_come_is_given_up(
    monkeypatch: pytest.MonkeyPatch, status: int, info: object, error: type[Exception]
) -> None:
    async def answer(_: Request) -> JSONResponse:
        return JSONResponse(info, status)

    monkeypatch.setattr(people, "OPEN_WITHIN_S", 0.2)
    async with serve(Starlette(routes=[Route("/join/r/info.json", answer)]), port=0) as site:
        with pytest.raises(error, match="/join/r"):
            await send_people(f"{site.origin}/join/r#t=secret", 1, lambda _: None)
