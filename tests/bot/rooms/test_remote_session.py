"""A stay elsewhere whose events nobody reads."""

import asyncio

import pytest

from bot.errors import RoomUnreachable
from bot.rooms import remote_session
from bot.rooms.base import Admitted, Joined, OptedOut, Participant
from bot.rooms.remote_session import RemoteSession


async def test_room_that_says_more_than_is_read_is_left_and_entered_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(remote_session, "MOST_EVENTS", 8)
    stay, ended = RemoteSession("r"), asyncio.Event()

    async def attend() -> None:
        stay.publish(Admitted())
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    await stay.begin(attend())
    for number in range(100):
        stay.publish(Joined(Participant(str(number), "Eve")))
    eve = Participant("7", "Eve")
    stay.publish(OptedOut(eve))
    reported = []
    async with asyncio.timeout(30):
        await ended.wait()
        events = stay.events()
        for _ in range(9):
            reported.append(await anext(events))
        with pytest.raises(RoomUnreachable, match="enters anew"):
            await anext(events)
        await stay.leave()
    assert reported[-1] == OptedOut(eve), "whoever does not want to be read is always heard"
    assert "left out" in caplog.text
