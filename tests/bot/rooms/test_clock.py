"""Clocks that jump, by NTP or because the machine slept, leave a stay's length, its history and its tokens right."""

import asyncio
import time
from itertools import pairwise
from pathlib import Path

import pytest

from bot.app import Surroundings, run
from bot.rooms.base import RoomClock
from bot.settings import Settings
from dashboard_protocol.auth.links import Access
from dashboard_protocol.errors import AccessDenied
from dashboard_protocol.events import BotState, ClassSummary, EndReason, Event, Profile, State

HOUR_S = 3600.0


class Steps:
    """Moves the machine's clocks under the feet of whoever looks at them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._time, self._clock_gettime = time.time, time.clock_gettime
        self.set_s = 0.0
        self.slept_s = 0.0
        monkeypatch.setattr(time, "time", lambda: self._time() + self.set_s + self.slept_s)
        monkeypatch.setattr(time, "clock_gettime", lambda which: self._clock_gettime(which) + self.slept_s)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Steps:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return Steps(monkeypatch)


def test_rooms_clock_goes_on_while_the_machine_sleeps_and_is_moved_by_no_setting(steps: Steps) -> None:
    clock = RoomClock()
    before = clock()
    steps.set_s = -HOUR_S
    assert 0 <= clock() - before < 60
    steps.slept_s = HOUR_S
    assert 0 <= clock() - before - HOUR_S < 60


async def stay(
    steps: Steps, *, slept_s: float = 0, set_s: float = 0, summaries: int = 3
) -> tuple[EndReason, list[Event]]:
    """Run a bot for half an hour at most; once it is live, clocks jump; it is asked to leave after some seconds."""
    stop, events = asyncio.Event(), list[Event]()

    def show(event: Event) -> None:
        events.append(event)
        if isinstance(event.body, BotState) and event.body.state is State.LIVE:
            steps.slept_s, steps.set_s = slept_s, set_s
        if sum(isinstance(known.body, ClassSummary) for known in events) >= summaries:
            stop.set()

    settings = Settings(room_url="local://r", policy=Profile.PRESENCE, port=0, max_duration_s=HOUR_S / 2)
    async with asyncio.timeout(60):
        reason = await run(settings, Surroundings(stop=stop, report_addresses=lambda _: None, show=show))
    return reason, events


async def test_longest_stay_ends_though_the_machine_slept_through_it(steps: Steps) -> None:
    reason, _ = await stay(steps, slept_s=HOUR_S, summaries=30)
    assert reason is EndReason.MAX_DURATION


@pytest.mark.parametrize("set_s", [HOUR_S, -HOUR_S])
async def test_clock_that_is_set_neither_ends_a_stay_nor_tears_its_history(steps: Steps, set_s: float) -> None:
    reason, events = await stay(steps, set_s=set_s)
    assert reason is EndReason.ASKED_TO_LEAVE
    gaps = [later.at - event.at for event, later in pairwise(events)]
    assert all(0 <= gap < 30 for gap in gaps)


def test_link_outlives_a_clock_that_jumps_and_a_session_ends_early_at_most() -> None:
    now_s = 1_000_000.0
    access = Access(b"s" * 64, clock=lambda: now_s)
    link = access.link("r", "class")
    session, lasts_s = access.exchange("r", link)
    assert 0 < lasts_s <= 600
    for step_s in (HOUR_S, -2 * HOUR_S):
        now_s += step_s
        fresh, lasts_s = access.exchange("r", link)
        assert 0 < lasts_s <= 600
        assert access.remaining_s(access.verify("r", fresh)) == pytest.approx(lasts_s)
    now_s += 2 * HOUR_S
    with pytest.raises(AccessDenied):
        access.verify("r", session)
