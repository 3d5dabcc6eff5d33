"""What the ends of a stay in a Janus room mean; the stays themselves are tested on a real server, end to end."""

import asyncio
import time
from typing import cast

import pytest

from bot.errors import RoomClosed, RoomKicked, RoomRefused, RoomUnreachable
from bot.rooms import remote_session
from bot.rooms.base import Admitted, Held, Joined, Lost, RoomEvent
from bot.rooms.janus import room as janus_room
from bot.rooms.janus.room import JanusRoom
from bot.rooms.janus.session import Handle, JanusError
from bot.rooms.janus.session import Notice as Answer
from bot.rooms.notice import Notice, notice_text, summary_of
from bot.rooms.notice_picture import draw_notice
from dashboard_protocol.language import Language, speaking

NOTICE = Notice("Ada", "presence", "Counts only.")
NOT_OPEN = JanusError(426, "No such room")


class Scripted(JanusRoom):
    """A room whose stays end as the test says; one that begins with True was let in before."""

    def __init__(self, *ends: tuple[bool, Exception]) -> None:
        super().__init__("janus+ws://h/1", clock=time.time, notice=NOTICE)
        self._ends = list(ends)

    async def _stay_in(self) -> None:
        was_in, end = self._ends.pop(0)
        if was_in:
            self._is_in = True
            self._publish(Admitted())
        raise end


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_session, "FIRST_RETRY_S", 0.0)
    monkeypatch.setattr(janus_room, "KNOCK_EVERY_S", 0.0)


async def story(room: JanusRoom, ending: type[Exception]) -> list[RoomEvent]:
    """Read what the room publishes, up to the error that ends it."""
    reported = []

    async def read() -> None:
        async for event in room.events():
            reported.append(event)

    async with room:
        with pytest.raises(ending):
            await read()
    return reported


async def test_bot_waits_comes_in_is_lost_and_comes_back_until_it_is_sent_out() -> None:
    room = Scripted(
        (False, NOT_OPEN),
        (True, RoomUnreachable("the line broke")),
        (False, RoomUnreachable("no answer")),
        (False, NOT_OPEN),
        (True, RoomKicked("out")),
    )
    assert await story(room, RoomKicked) == [
        Held("not_open"),
        Admitted(),
        Lost("the line broke"),
        Lost("no answer"),
        Held("not_open"),
        Admitted(),
    ]


@pytest.mark.parametrize("trouble", [JanusError(459, "No such handle"), KeyError("id"), TypeError("None")])
async def test_trouble_of_a_server_that_let_the_bot_in_is_a_broken_line(trouble: Exception) -> None:
    reported = await story(Scripted((True, trouble), (True, RoomClosed("over"))), RoomClosed)
    assert [type(event) for event in reported] == [Admitted, Lost, Admitted]


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (JanusError(433, "Unauthorized"), RoomRefused),
        (RoomUnreachable("no answer"), RoomUnreachable),
        (ValueError("nonsense"), RoomUnreachable),
    ],
)
async def test_bot_that_was_never_let_in_is_reported_at_once(end: Exception, error: type[Exception]) -> None:
    with pytest.raises(error):
        async with Scripted((False, end)):
            pass


async def test_server_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_session, "GIVE_UP_AFTER_S", -1.0)
    reported = await story(Scripted((True, RoomUnreachable("broke"))), RoomUnreachable)
    assert reported == [Admitted()]


def test_notice_picture_is_framed_and_says_something_in_any_script() -> None:
    picture = draw_notice(Notice("Ädä 教室", "aggregate", "Class values only."))
    assert picture.shape == (360, 640, 3)
    assert tuple(picture[0, 0]) == (255, 196, 0)
    assert picture[60:330, 40:600].std() > 20


def test_notice_picture_speaks_the_rooms_language_and_english_where_the_font_lacks_its_letters() -> None:
    notice, drawn = Notice("Ada", "aggregate"), {}
    for language in Language:
        with speaking(language):
            drawn[language] = draw_notice(notice).tobytes()
            assert summary_of(notice) in notice_text(notice)
    assert len(set(drawn.values())) == len(Language) - 2
    assert drawn[Language.ZH] == drawn[Language.AR] == drawn[Language.EN]


class Counted:
    """A handle whose first answer never comes, and whose later ones say that Anna is there."""

    def __init__(self) -> None:
        self.asked = 0

    async def request(self, body: object) -> Answer:
        self.asked += 1
        if self.asked == 1:
            raise RoomUnreachable("Janus did not answer a request (timeout)")
        return Answer(1, "success", {"participants": [{"id": 7, "display": "Anna", "publisher": False}]})


async def test_one_late_answer_does_not_end_the_counting_of_silent_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(janus_room, "COUNT_EVERY_S", 0.0)
    room = JanusRoom("janus+ws://h/1", clock=time.time, notice=NOTICE)
    counting = asyncio.create_task(room._count(cast(Handle, Counted())))
    async with asyncio.timeout(30):
        joined = await anext(room.events())
    assert isinstance(joined, Joined)
    assert joined.participant.name == "Anna"
    assert not counting.done()
    counting.cancel()
