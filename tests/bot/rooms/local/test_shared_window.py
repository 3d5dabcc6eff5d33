"""A window that shows a class, shared with a local room: whoever is in it becomes a participant, beside the others."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import cv2
import httpx
import numpy as np
import pytest
from starlette.applications import Starlette

from bot.rooms.base import (
    Absence,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Joined,
    Left,
    Participant,
    RoomEvent,
)
from bot.rooms.gallery.people import FROZEN
from bot.rooms.local import gateway_routes, whip_endpoint
from bot.rooms.local.room import NO_IDENTITIES, NOT_INFORMED, LocalRoom
from bot.rooms.local.routes import routes
from bot.rooms.notice import Notice
from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import Clip, read_clip
from bot.samples.people import PEOPLE
from dashboard_protocol.http.server import serve
from dashboard_protocol.queue import Invitation, MemoryQueue, Moment
from dashboard_protocol.queue.worker_names import new_worker_name
from dashboard_protocol.vocabulary import Profile, State
from engine.readings import Image
from tests.bot.recordings.files import shown, write
from tests.bot.rooms.conftest import WhipGuest
from tests.hostile import DECISIONS_THAT_ARE_NONE, IDS_OF_NOBODY, SHARED_AS
from tests.served import served

Happened = TypeVar("Happened", bound=RoomEvent)

REPOSITORY = Path(__file__).resolve().parents[4]
LINK, TOKEN = "the link", "the join token"
FPS, TILE = 8, (320, 180)
CLASS = [person.id for person in PEOPLE[:6]]
NOTICE = Notice(bot_name="Ada", profile="aggregate", summary="Class values only.")


def picture(people: list[str], number: int) -> Image:
    """Draw one moment of a meeting's window, 1024x600."""
    image = np.full((600, 1024, 3), (32, 33, 36), np.uint8)
    for place, person in enumerate(people):
        film = shown(f"{person}-calm", 120, TILE)
        left, top = 16 + place % 3 * 336, 40 + place // 3 * 240
        image[top : top + 180, left : left + 320] = film[number * 15 // FPS % len(film)]
        cv2.putText(image, person, (left + 6, top + 196), 0, 0.4, (230, 230, 230), 1)
    return image


@cache
def clip(kind: str) -> Clip:
    """Film the window for some seconds, with pictures that are as sharp as a browser sends them."""
    pictures = [picture(CLASS, 0 if kind == "still" else number) for number in range(8 * FPS)]
    if kind == "tiny":
        pictures = [cv2.resize(each, (64, 64)) for each in pictures]
    with TemporaryDirectory() as folder:
        stamps = [(number * 1000 // FPS, each) for number, each in enumerate(pictures)]
        return read_clip(write(Path(folder) / f"{kind}.webm", stamps, codec="libvpx", of_codec={"b": "6M", "g": "8"}))


class Stage:
    """A room with its server; follows what happens in it."""

    def __init__(self, room: LocalRoom, http: httpx.AsyncClient) -> None:
        self.room = room
        self.http = http
        self.guests: list[WhipGuest] = []
        self.left_out: list[Participant] = []
        self.informed: list[bool] = []
        self.happened: list[RoomEvent] = []
        self.on: dict[str, CameraOn] = {}
        self._news = asyncio.Event()

    async def follow(self) -> None:
        async for event in self.room.events():
            self.happened.append(event)
            if isinstance(event, CameraOn):
                self.on[event.participant.name] = event
            elif isinstance(event, CameraOff | CameraUnreadable | Left):
                self.on.pop(event.participant.name, None)
            self._news.set()

    async def until(self, condition: Callable[[], bool], within_s: float = 60.0) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def seen(self, kind: type[Happened]) -> list[Happened]:
        return [event for event in self.happened if isinstance(event, kind)]

    def window(self, http: httpx.AsyncClient | None = None, path: str = "/whip/seminar") -> WhipGuest:
        guest = WhipGuest(http or self.http, path, LINK)
        guest.camera.stop()
        guest.camera = ClipCamera(clip("living"))  # type: ignore[assignment]
        guest.sender.replaceTrack(guest.camera)
        self.guests.append(guest)
        return guest

    async def share(
        self, *, http: httpx.AsyncClient | None = None, path: str = "/whip/seminar", **query: str
    ) -> WhipGuest:
        guest = self.window(http, path)
        await guest.join(**{"as": "gallery"}, **query)
        while (await guest.http.get(f"{guest.location}/people")).status_code == 202:
            pass
        return guest

    async def people(self, guest: WhipGuest, **decision: object) -> dict:  # type: ignore[type-arg]
        where = f"{guest.location}/people"
        response = await (guest.http.put(where, json=decision) if decision else guest.http.get(where))
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def people_until(self, guest: WhipGuest, condition: Callable[[dict], bool]) -> dict:  # type: ignore[type-arg]
        async with asyncio.timeout(60):
            while not condition(found := await self.people(guest)):
                pass
        return found


def new_room(notice: Notice = NOTICE, *, notice_given: bool = True) -> LocalRoom:
    return LocalRoom("seminar", clock=time.monotonic, notice=notice, token=TOKEN, notice_given=notice_given)


@pytest.fixture
def room() -> LocalRoom:
    return new_room()


@pytest.fixture(scope="module", autouse=True)
def _film() -> None:
    """Made before anybody is connected: whoever sends nothing for so long is gone."""
    for kind in ("living", "still", "tiny"):
        clip(kind)


@pytest.fixture
async def stage(room: LocalRoom) -> AsyncIterator[Stage]:
    stage: Stage
    share = routes(
        room,
        lambda link: link == LINK,
        lambda informed: stage.informed.append(informed),
        lambda participant: stage.left_out.append(participant),
    )
    async with (
        served(Starlette(routes=share)) as origin,
        httpx.AsyncClient(base_url=origin, trust_env=False) as http,
    ):
        stage = Stage(room, http)
        yield stage
        for guest in stage.guests:
            await guest.close()


class Followed:
    """The bot is in the room and follows it, for a block."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def __aenter__(self) -> None:
        await self._stage.room.__aenter__()
        self._task = asyncio.create_task(self._stage.follow())

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await self._stage.room.__aexit__(None, None, None)


async def test_everybody_in_a_shared_window_is_a_participant_beside_a_person_with_a_camera(stage: Stage) -> None:
    async with Followed(stage):
        person = WhipGuest(stage.http, "/whip/seminar", TOKEN)
        stage.guests.append(person)
        await person.join(name="Eve")
        shared = await stage.share(informed="1")
        await stage.until(lambda: len(stage.on) == len(CLASS) + 1)
        assert len({event.participant.id for event in stage.seen(Joined)}) == len(CLASS) + 1
        assert stage.informed == [True]
        parts = []
        for name in stage.on.keys() - {"Eve"}:
            async with asyncio.timeout(30):
                parts.append((await anext(aiter(stage.on[name].track.frames()))).to_rgb())
        for part in parts:
            assert abs(part.shape[1] - TILE[0]) < 12
            assert part.base is not None, "a crop is a view of the picture, and no copy"
        found = await stage.people(shared)
        assert (found["state"], found["width"], found["height"]) == ("sharing", 1024, 600)
        assert {tile["reading"] for tile in found["tiles"]} == {"read"}
        await shared.leave()
        await stage.until(lambda: len(stage.on) == 1)
        assert [event.absence for event in stage.happened if isinstance(event, Left)] == [Absence.LEFT] * len(CLASS)
        assert "Eve" in stage.on


async def test_window_that_ffmpeg_publishes_shows_its_people_and_they_are_gone_when_it_ends(
    stage: Stage, tmp_path: Path
) -> None:
    stamps = [(number * 1000 // FPS, picture(CLASS, number)) for number in range(12 * FPS)]
    film = write(tmp_path / "window.mp4", stamps, of_codec={"profile": "baseline", "tune": "zerolatency", "g": "16"})
    address = str(stage.http.base_url.join("/whip/seminar?as=gallery"))
    async with Followed(stage):
        ffmpeg = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bot.rooms.local.ffmpeg_whip", address, LINK, str(film)), cwd=REPOSITORY
        )
        await stage.until(lambda: len(stage.seen(Joined)) >= len(CLASS) - 1)
        assert await ffmpeg.wait() == 0
        await stage.until(lambda: len(stage.seen(Left)) == len(stage.seen(Joined)) <= len(CLASS))


async def test_who_was_left_out_gets_no_picture_any_more_also_after_the_share_is_reloaded(stage: Stage) -> None:
    async with Followed(stage):
        shared = await stage.share(ask="1")
        found = await stage.people_until(shared, lambda found: len(found["tiles"]) == len(CLASS))
        assert found["state"] == "asking"
        first = min(found["tiles"], key=lambda tile: (tile["box"][1] > 0.3, tile["box"][0]))
        await stage.people(shared, leave_out=[first["id"]], begin=True)
        assert len(stage.left_out) == 1
        await stage.until(lambda: len(stage.on) == len(CLASS) - 1)
        assert stage.left_out[0].name not in stage.on
        await shared.leave()
        again = await stage.share(ask="1")
        assert (await stage.people(again))["has_begun"] is False
        await stage.people(again, begin=True)
        found = await stage.people_until(
            again, lambda found: [tile["reading"] for tile in found["tiles"]].count("read") == len(CLASS) - 1
        )
        assert [tile["box"] for tile in found["tiles"] if tile["reading"] == "left_out"] == [
            pytest.approx(first["box"], abs=0.02)
        ]
        assert stage.left_out[0].name not in stage.on
        await stage.people(again, read=[first["id"]])
        await stage.until(lambda: len(stage.on) == len(CLASS))


async def test_newer_share_takes_the_place_of_the_older_and_nobody_leaves(stage: Stage) -> None:
    async with Followed(stage):
        first = await stage.share()
        await stage.until(lambda: len(stage.on) == len(CLASS))
        second = await stage.share()
        await first.disconnected()
        assert (await stage.http.get(f"{first.location}/people")).status_code == 410
        await stage.people_until(second, lambda found: found["state"] == "sharing")
        await stage.until(lambda: len(stage.on) == len(CLASS))
        assert not stage.seen(Left)
        assert len(stage.seen(Joined)) == len(CLASS)


async def test_share_that_stands_still_or_is_tiny_is_said_to_be_and_nobody_else_is_disturbed(stage: Stage) -> None:
    async with Followed(stage):
        person = WhipGuest(stage.http, "/whip/seminar", TOKEN)
        stage.guests.append(person)
        await person.join(name="Eve")
        shared = await stage.share()
        window: ClipCamera = shared.camera  # type: ignore[assignment]
        await stage.until(lambda: len(stage.on) == len(CLASS) + 1)
        window.play(clip("still"))
        found = await stage.people_until(shared, lambda found: found["state"] == "frozen")
        assert found["obstacle"] == FROZEN
        window.play(clip("tiny"))
        found = await stage.people_until(shared, lambda found: found["state"] == "too_small")
        assert found["obstacle"] == "pictures of 64x64"
        window.play(clip("living"))
        await stage.until(lambda: len(stage.on) == len(CLASS) + 1)
        assert len(stage.seen(Joined)) == len(CLASS) + 1
        assert not stage.seen(Left)
        obstructed = [event for event in stage.happened if isinstance(event, CameraOff | CameraUnreadable)]
        assert all(event.participant.name != "Eve" for event in obstructed)


async def test_window_that_sends_nothing_is_frozen_and_one_that_is_lost_ends_after_its_patience(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.rooms.local.guests.RETURN_S", 0.5)
    monkeypatch.setattr("bot.rooms.webrtc.video_stream.VANISH_PATIENCE_S", 3.0)
    async with Followed(stage):
        shared = await stage.share()
        await stage.until(lambda: len(stage.on) == len(CLASS))
        await shared.camera_off()
        await stage.people_until(shared, lambda found: found["state"] == "frozen")
        await shared.camera_on()
        await stage.until(lambda: len(stage.on) == len(CLASS))
        await shared.vanish()
        await stage.until(lambda: len(stage.seen(Left)) == len(CLASS))


@pytest.mark.parametrize(
    ("room", "token", "query", "status", "text"),
    [
        (new_room(notice_given=False), LINK, {"as": "gallery"}, 403, NOT_INFORMED),
        (
            new_room(Notice("Ada", "individual", "", offers_individual=True)),
            LINK,
            {"as": "gallery"},
            403,
            NO_IDENTITIES,
        ),
        (new_room(), TOKEN, {"as": "gallery"}, 401, whip_endpoint.NOT_THEIRS),
        (new_room(), None, {"as": "gallery"}, 401, whip_endpoint.NOT_THEIRS),
    ],
    ids=["nobody informed", "individual", "a guest's token", "no token"],
)
async def test_gallery_is_refused_in_one_line_without_authorisation_or_word_that_people_were_informed(
    stage: Stage, token: str | None, query: dict[str, str], status: int, text: str
) -> None:
    async with stage.room:
        guest = WhipGuest(stage.http, "/whip/seminar", token)
        stage.guests.append(guest)
        response = await guest.post(await guest.offer(), **query)
        assert response.status_code == status
        assert text in response.text
        assert response.json()["detail"].count("\n") == 0
        assert stage.informed == []


async def test_people_of_a_window_are_shown_to_nobody_but_who_shares_it_authorisation(stage: Stage) -> None:
    async with Followed(stage):
        person = WhipGuest(stage.http, "/whip/seminar", TOKEN)
        stage.guests.append(person)
        await person.join(name="Eve")
        await stage.share()
        for where in (f"{person.location}/people", "/whip/seminar/guessed/people"):
            assert (await stage.http.get(where)).status_code == 404
            assert (await stage.http.put(where, json={"leave_out": ["p1"]})).status_code == 404
        assert stage.left_out == []


async def test_hostile_decisions_change_nothing(stage: Stage) -> None:
    async with Followed(stage):
        shared = await stage.share(ask="1")
        await stage.people_until(shared, lambda found: found["state"] == "asking")
        for body in DECISIONS_THAT_ARE_NONE:
            response = await stage.http.put(f"{shared.location}/people", content=body)
            assert response.status_code == 422, body
        for id_ in IDS_OF_NOBODY:
            found = await stage.people(shared, leave_out=[id_], read=[id_])
            assert {tile["reading"] for tile in found["tiles"]} <= {"found", "still"}
        assert stage.left_out == []
        assert not stage.on, "reading has begun"


@pytest.mark.parametrize("said", SHARED_AS)
async def test_hostile_word_of_what_a_video_is_is_refused(stage: Stage, said: str) -> None:
    async with stage.room:
        guest = WhipGuest(stage.http, "/whip/seminar", LINK)
        stage.guests.append(guest)
        response = await guest.post(await guest.offer(), **{"as": said})
        assert response.status_code == 400


async def test_window_is_shared_with_the_bot_of_a_worker_through_the_gateway_of_its_machine(stage: Stage) -> None:
    queue, key = MemoryQueue(), "seminar-abcdefghij"

    async def notice(room: str) -> Notice | None:
        return NOTICE if room == key else None

    await queue.submit(
        Invitation(id="b", room=key, room_url="local://seminar", policy=Profile.AGGREGATE, requested_at=1.0)
    )
    worker = new_worker_name()
    await queue.claim(worker)
    at = f"{stage.http.base_url.join('/join/seminar')}"
    assert await queue.report(worker, "b", Moment(state=State.LIVE, since=2.0), at)
    async with (
        Followed(stage),
        serve(Starlette(routes=gateway_routes.routes(queue, notice)), port=0) as gateway,
        httpx.AsyncClient(base_url=gateway.origin, trust_env=False) as http,
    ):
        assert "share.js" in (await http.get(f"/share/{key}")).text
        assert (await http.get("/join-assets/share.js")).status_code == 200
        assert (await http.get(f"/join/{key}/info.json")).json()["gallery_obstacle"] is None
        shared = await stage.share(http=http, path=f"/whip/{key}")
        assert shared.location.startswith(f"/whip/{key}/")
        await stage.until(lambda: len(stage.on) == len(CLASS))
        found = await stage.people_until(shared, lambda found: len(found["tiles"]) == len(CLASS))
        await stage.people(shared, leave_out=[found["tiles"][0]["id"]])
        await stage.until(lambda: len(stage.on) == len(CLASS) - 1)
        assert len(stage.left_out) == 1
        stage.guests.remove(shared)
        await shared.leave()
        await stage.until(lambda: not stage.on)
        await shared.close()
