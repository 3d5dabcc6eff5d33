"""What a visit of a meeting finds: whether it is let in, who is there, and whether cameras can be decoded."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

import numpy as np
import pytest

from bot import room_check
from bot.errors import RoomClosed, RoomRefused
from bot.room_check import Findings, visit
from bot.rooms.base import (
    Absence,
    Admitted,
    CameraOn,
    CameraUnreadable,
    Frame,
    Held,
    Joined,
    Left,
    Lost,
    OptedOut,
    Participant,
    PictureLost,
    RoomEvent,
)
from engine.readings import Image

EVE, KOFI, LENA = (Participant(name.lower(), name) for name in ("Eve", "Kofi", "Lena #optout"))
PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_check, "DECODED_EVERY_S", 0.0)


class Video:
    """A camera whose pictures can be decoded, or not."""

    def __init__(self, participant: Participant, *, is_good: bool = True) -> None:
        self.participant = participant
        self.decoded = 0
        self.is_over = asyncio.Event()
        self._is_good = is_good

    async def frames(self) -> AsyncIterator[Frame]:
        for _ in range(3):
            yield Frame(1.0, 640, 360, self._decode, codec="VP8")
        self.is_over.set()

    def _decode(self) -> Image:
        self.decoded += 1
        if not self._is_good:
            raise PictureLost("it cannot be decoded")
        return np.zeros((360, 640, 3), np.uint8)


class Meeting:
    """A room in which things happen one after the other, and which is over at the end where it says so."""

    name = "r"

    def __init__(self, *events: RoomEvent, videos: Sequence[Video] = (), stays_open: bool = False) -> None:
        self.has_left = False
        self._events = events
        self._videos = videos
        self._stays_open = stays_open

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.has_left = True

    async def events(self) -> AsyncIterator[RoomEvent]:
        for event in self._events:
            yield event
        for video in self._videos:
            await video.is_over.wait()
        if self._stays_open:
            await asyncio.Event().wait()
        raise RoomClosed("The meeting is over")


async def visited(*events: RoomEvent, videos: Sequence[Video] = ()) -> Findings:
    """Visit a meeting until the videos have been looked at, or it is over."""
    findings, room = Findings(), Meeting(*events, videos=videos)
    with suppress(RoomClosed):
        await visit(room, findings, patience_s=PATIENCE_S, stay_s=PATIENCE_S)
    assert room.has_left
    return findings


async def test_visit_finds_states_people_and_cameras_and_names_nobody() -> None:
    video = Video(EVE)
    findings = await visited(
        Held("lobby"), Admitted(), Joined(EVE), Joined(KOFI), CameraOn(EVE, video), Lost("the page was loaded anew"),
        Admitted(), Left(KOFI, Absence.LEFT), videos=[video],
    )  # fmt: skip
    found = findings.as_json()
    assert found["ok"] is True
    assert [(step["state"], step["reason"]) for step in found["states"]] == [
        ("waiting", "lobby"), ("live", ""), ("reconnecting", "the page was loaded anew"), ("live", ""),
    ]  # fmt: skip
    assert (found["people"], found["opted_out"]) == (1, 0)
    assert found["cameras"] == [
        {"codec": "VP8", "width_px": 640, "height_px": 360, "pictures": 3, "decoded": 3, "obstacle": None}
    ]
    assert "Eve" not in str(found)


async def test_camera_that_cannot_be_decoded_fails_the_check() -> None:
    video = Video(EVE, is_good=False)
    findings = await visited(Admitted(), Joined(EVE), CameraOn(EVE, video), videos=[video])
    assert not findings.is_good
    assert str(findings.cameras[0]) == "VP8 0x0, 0 of 3 pictures decoded"
    findings = await visited(Admitted(), Joined(EVE), CameraUnreadable(EVE, "VP9 is not decoded here"))
    assert not findings.is_good
    assert str(findings.cameras[0]) == "VP9 is not decoded here"


async def test_nothing_is_decoded_of_whoever_asks_not_to_be_read_opt_out() -> None:
    by_name, by_chat, other = Video(LENA), Video(KOFI), Video(EVE)
    findings = await visited(
        Admitted(), Joined(LENA), CameraOn(LENA, by_name), Joined(KOFI), OptedOut(KOFI), CameraOn(KOFI, by_chat),
        Joined(EVE), CameraOn(EVE, other), videos=[other],
    )  # fmt: skip
    assert (by_name.decoded, by_chat.decoded, other.decoded) == (0, 0, 3)
    assert (findings.as_json()["opted_out"], len(findings.cameras)) == (2, 1)
    assert findings.is_good


async def test_visit_that_nobody_lets_in_is_refused_and_says_where_it_waited() -> None:
    findings, room = Findings(), Meeting(Held("lobby"), stays_open=True)
    with pytest.raises(RoomRefused, match=r"nobody let the bot in within 0 s \(lobby\)"):
        await visit(room, findings, patience_s=0.05, stay_s=PATIENCE_S)
    assert room.has_left
    assert not findings.is_good


async def test_visit_leaves_when_every_camera_was_looked_at() -> None:
    findings, room = Findings(), Meeting(Admitted(), Joined(EVE), CameraOn(EVE, Video(EVE)), stays_open=True)
    await visit(room, findings, patience_s=PATIENCE_S, stay_s=3600)
    assert room.has_left
    assert findings.is_good


async def test_visit_leaves_after_its_stay() -> None:
    findings, room = Findings(), Meeting(Admitted(), stays_open=True)
    await visit(room, findings, patience_s=PATIENCE_S, stay_s=0.05)
    assert room.has_left
    assert findings.is_good


async def test_cancelled_visit_leaves_the_meeting() -> None:
    findings, room = Findings(), Meeting(Admitted(), stays_open=True)
    visiting = asyncio.create_task(visit(room, findings, patience_s=PATIENCE_S, stay_s=PATIENCE_S))
    await findings.admitted.wait()
    visiting.cancel()
    await asyncio.wait([visiting])
    assert room.has_left
