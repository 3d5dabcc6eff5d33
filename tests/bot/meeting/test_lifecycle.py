"""When a stay ends by itself because nobody is there."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import pytest

from bot import app
from bot.app import Addresses, Surroundings, run
from bot.errors import SettingsRefused
from bot.rooms.base import (
    Absence,
    Admitted,
    CameraUnreadable,
    Held,
    Joined,
    Left,
    OptedIn,
    OptedOut,
    Participant,
    RoomEvent,
)
from bot.settings import Settings
from bot.settings.joining import ALONE_AT_MOST_S
from dashboard_protocol.codec import encode
from dashboard_protocol.events import Bye, ClassSummary, EndReason, Event, Hello, Profile
from dashboard_protocol.vocabulary import LEAVES_OUT

EVE = Participant("p1", "Eve")
ALONE = 0.2


class Silent:
    """A room in which a few things happen, and then nothing."""

    name = "r"

    def __init__(self, *events: RoomEvent) -> None:
        self._events = events

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def events(self) -> AsyncIterator[RoomEvent]:
        for event in self._events:
            yield event
        await asyncio.Event().wait()


async def end_of_stay(
    monkeypatch: pytest.MonkeyPatch, home: Path, room: Silent, summaries: int, left_out: tuple[str, ...] = ()
) -> list[Event]:
    """Run a bot until it ends by itself, or is asked to leave after so many seconds of the class."""
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    monkeypatch.setattr(app, "open_room", lambda *_, **__: room)
    stop, events = asyncio.Event(), list[Event]()

    def show(event: Event) -> None:
        events.append(event)
        if sum(isinstance(event.body, ClassSummary) for event in events) >= summaries:
            stop.set()

    settings = Settings(room_url="janus+ws://h/1", policy=Profile.PRESENCE, port=0, leave_alone_after_s=ALONE)
    settings = settings.model_copy(update={"leave_out": left_out})
    async with asyncio.timeout(60):
        await run(settings, Surroundings(stop=stop, report_addresses=lambda _: None, show=show))
    return events


@pytest.mark.parametrize("events", [(), (Joined(EVE), Left(EVE, Absence.LEFT))])
async def test_bot_whom_everybody_has_left_alone_leaves_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, events: tuple[RoomEvent, ...]
) -> None:
    reported = await end_of_stay(monkeypatch, tmp_path, Silent(Admitted(), *events), summaries=30)
    assert isinstance(reported[-1].body, Bye)
    assert reported[-1].body.reason is EndReason.ALONE


@pytest.mark.parametrize("events", [(Admitted(), Joined(EVE)), (Held("not_open"),)])
async def test_bot_with_company_or_before_a_closed_door_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, events: tuple[RoomEvent, ...]
) -> None:
    reported = await end_of_stay(monkeypatch, tmp_path, Silent(*events), summaries=4)
    assert isinstance(reported[-1].body, Bye)
    assert reported[-1].body.reason is EndReason.ASKED_TO_LEAVE


async def test_teacher_is_not_counted_keeps_the_bot_company_and_hello_and_audit_say_it_without_a_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    teacher = Participant("p9", "Quilla")
    room = Silent(Admitted(), Joined(teacher), CameraUnreadable(teacher, "codec vp9"))
    reported = await end_of_stay(monkeypatch, tmp_path, room, summaries=4, left_out=(" QUILLA\u200b",))
    summaries = [event.body for event in reported if isinstance(event.body, ClassSummary)]
    assert {(summary.present, summary.camera_on) for summary in summaries} == {(0, 0)}
    assert isinstance(reported[-1].body, Bye)
    assert (reported[-1].body.reason, reported[-1].body.present_max) == (EndReason.ASKED_TO_LEAVE, 0)
    [hello] = [event.body for event in reported if isinstance(event.body, Hello)]
    assert hello.capabilities == (LEAVES_OUT,)
    log = (tmp_path / "classpulse/audit.jsonl").read_text()
    assert json.loads(log.splitlines()[0])["leaves_out"] is True
    assert "quilla" not in (log + "".join(map(encode, reported))).lower()


async def test_word_in_the_rooms_chat_is_enough_not_to_be_read_and_is_in_the_audit_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    room = Silent(Admitted(), Joined(EVE), CameraUnreadable(EVE, "codec vp9"), OptedOut(EVE))
    reported = await end_of_stay(monkeypatch, tmp_path, room, summaries=2)
    newest = [event.body for event in reported if isinstance(event.body, ClassSummary)][-1]
    assert (newest.present, newest.camera_on) == (1, 1), "as the room shows everybody"
    assert (newest.visible, newest.reads_per_s) == (None, 0.0), "and nothing more is known of them"
    assert audited(tmp_path) == ["started", "opted_out", "ended"]


async def test_opt_out_in_the_rooms_chat_holds_and_the_class_goes_on_where_the_disk_is_full(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class FullFromNowOn(Silent):
        """By the time somebody writes, nothing can be recorded any more."""

        async def events(self) -> AsyncIterator[RoomEvent]:
            log = tmp_path / "classpulse" / "audit.jsonl"
            log.unlink()
            log.symlink_to("/dev/full")
            async for event in super().events():
                yield event

    room = FullFromNowOn(
        Admitted(), Joined(EVE), CameraUnreadable(EVE, "codec vp9"), OptedOut(EVE), OptedIn(EVE), OptedOut(EVE)
    )
    reported = await end_of_stay(monkeypatch, tmp_path, room, summaries=3)
    newest = [event.body for event in reported if isinstance(event.body, ClassSummary)][-1]
    assert (newest.present, newest.reads_per_s) == (1, 0.0)
    assert isinstance(reported[-1].body, Bye)
    assert reported[-1].body.reason is EndReason.ASKED_TO_LEAVE, "the word ends no class"


async def test_bot_that_cannot_write_its_audit_log_at_the_start_does_not_come(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "classpulse").mkdir()
    (tmp_path / "classpulse" / "audit.jsonl").symlink_to("/dev/full")
    with pytest.raises(SettingsRefused, match="audit log"):
        await end_of_stay(monkeypatch, tmp_path, Silent(Admitted(), Joined(EVE)), summaries=1)


async def test_opt_out_by_the_box_is_what_everybody_of_the_name_is_answered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    people = {"a": Participant("p1", "Guest"), "b": Participant("p2", "Guest"), "late": Participant("p3", "Guest")}

    class Open(Silent):
        """A room of this process, where each person's page may ask."""

        def participant(self, resource: str) -> Participant | None:
            return people.get(resource)

        async def events(self) -> AsyncIterator[RoomEvent]:
            for event in (Admitted(), Joined(people["a"]), Joined(people["b"])):
                yield event
            assert await status_of("b") == {"read": True}
            await http.put(f"{await origin}/whip/r/a/reading", json={"read": False})
            assert [await status_of(each) for each in people] == [{"read": False}] * 3, "also who is not announced yet"
            await http.put(f"{await origin}/whip/r/b/reading", json={"read": True})
            assert [await status_of(each) for each in people] == [{"read": False}, {"read": True}, {"read": False}]
            asked.set()
            await asyncio.Event().wait()

    async def status_of(person: str) -> dict[str, bool]:
        found: dict[str, bool] = (await http.get(f"{await origin}/whip/r/{person}/reading")).json()
        return found

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(app, "open_room", lambda *_, **__: Open())
    origin: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop, asked = asyncio.Event(), asyncio.Event()

    def report_addresses(addresses: Addresses) -> None:
        origin.set_result(addresses.dashboard.partition("/rooms/")[0])

    settings = Settings(room_url="local://r", policy=Profile.PRESENCE, port=0)
    async with httpx.AsyncClient() as http, asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run(settings, Surroundings(stop=stop, report_addresses=report_addresses)))
        asking = tasks.create_task(asked.wait())
        await asyncio.wait([running, asking], return_when=asyncio.FIRST_COMPLETED)
        assert asked.is_set()
        stop.set()


def audited(home: Path) -> list[str]:
    (log,) = home.rglob("audit.jsonl")
    return [json.loads(line)["event"] for line in log.read_text().splitlines()]


@pytest.mark.parametrize(
    ("room_url", "chosen", "at_most_s"),
    [
        ("janus+ws://h/1", None, ALONE_AT_MOST_S),
        ("whep+https://h/1", 60.0, 60.0),
        ("janus+ws://h/1", 0.0, math.inf),
        ("local://r", None, math.inf),
        ("local://r", 60.0, 60.0),
    ],
)
def test_room_of_this_process_is_never_left_unless_somebody_says_so(
    room_url: str, chosen: float | None, at_most_s: float
) -> None:
    settings = Settings(room_url=room_url, policy=Profile.PRESENCE, leave_alone_after_s=chosen)
    assert settings.alone_at_most_s == at_most_s
