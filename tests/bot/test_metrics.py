"""What a bot counts."""

import time
from collections.abc import Callable
from math import isnan

import numpy as np
import pytest
from prometheus_client import REGISTRY

from bot.metrics import Counted, counting, engine_obstacle, own_figures
from bot.rooms.base import Frame
from bot.rooms.latest_frame import FreshFrame, Mailbox
from dashboard_protocol.events import Body, BotState, Event, State
from engine.errors import InferenceFailed
from engine.readings import Box, Face, FaceReading
from tests.dashboard_protocol.staging import summary


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def growth(name: str, **labels: str) -> Callable[[], float]:
    """Count from now on: the registry is the process's."""
    before = value(name, **labels)
    return lambda: value(name, **labels) - before


def reported(body: Body) -> Event:
    return Event(room="r", epoch=1, seq=1, at=time.time(), body=body)


class Engine:
    """Gives what it is asked to."""

    def __init__(self, *answers: FaceReading | InferenceFailed | None) -> None:
        self.answers = list(answers)

    async def read(
        self, frame: Frame, last_box: Box | None, *, participant: str, thorough: bool = True
    ) -> FaceReading | None:
        answer = self.answers.pop(0)
        if isinstance(answer, InferenceFailed):
            raise answer
        return answer


async def test_reads_are_counted_by_whether_they_were_done_and_never_by_whether_a_face_was_found() -> None:
    outcomes = {outcome: growth("classpulse_reads_total", outcome=outcome) for outcome in ("done", "failed")}
    timed = growth("classpulse_read_seconds_count")
    face = Face(Box(0.1, 0.2, 0.2, 0.3), 128, np.zeros((478, 3), np.float32), 0, 0, 0, 0.3, 0, 0.05)
    counted = Counted(Engine(FaceReading(face, None), None, InferenceFailed("broken")))
    frame = Frame(1.0, 640, 360, lambda: np.zeros((360, 640, 3), np.uint8))
    assert await counted.read(frame, None, participant="a") is not None
    assert await counted.read(frame, None, participant="a") is None
    with pytest.raises(InferenceFailed):
        await counted.read(frame, None, participant="a")
    assert {outcome: grown() for outcome, grown in outcomes.items()} == {"done": 2, "failed": 1}
    assert timed() == 3


async def test_every_frame_is_counted_also_those_that_are_skipped() -> None:
    frames = growth("classpulse_frames_total")
    mailbox = Mailbox[Frame]()
    fresh = FreshFrame(mailbox)
    for at in range(5):
        mailbox.put(Frame(float(at), 2, 2, lambda: np.zeros((2, 2, 3), np.uint8)))
    assert (await fresh.next()).at == 4.0
    assert frames() == 5


def test_events_states_and_lag_are_counted_and_shown_on() -> None:
    shown: list[Event] = []
    count = counting(shown.append)
    reconnects, summaries = (
        growth("classpulse_bot_reconnects_total"),
        growth("classpulse_events_total", type="class_summary"),
    )
    lags, late = growth("classpulse_lag_seconds_count"), growth("classpulse_lag_seconds_bucket", le="0.1")
    states = (State.LIVE, State.RECONNECTING, State.RECONNECTING, State.LIVE, State.RECONNECTING)
    for state in states:
        count(reported(BotState(state=state, since=1)))
    assert reconnects() == 2
    assert value("classpulse_bot_state", state="reconnecting") == 1
    assert value("classpulse_bot_state", state="live") == 0
    count(reported(summary(as_of=time.time() - 0.2)))
    count(reported(summary(as_of=None)))
    assert (summaries(), lags(), late()) == (2, 1, 0)
    assert [value("classpulse_people", which=which) for which in ("present", "camera_on", "visible")] == [12, 11, 10]
    assert value("classpulse_reads_per_second") == 40
    count(reported(summary().model_copy(update={"visible": None})))
    assert isnan(value("classpulse_people", which="visible")), "withheld is not 0"
    assert len(shown) == len(states) + 3
    counting(None)(reported(summary()))


def test_own_figures_leave_out_what_every_process_reports() -> None:
    text = own_figures()
    assert "classpulse_reads_total" in text
    assert "python_info" not in text
    [memory] = [line for line in text.splitlines() if line.startswith("classpulse_bot_memory_bytes ")]
    assert float(memory.split()[1]) > 10e6


def test_bot_whose_shared_engine_is_away_says_so() -> None:
    from bot.inference import metrics

    assert engine_obstacle() is None
    metrics.ENGINE_AWAY.set(1)
    try:
        assert "classpulse engine" in (engine_obstacle() or "")
    finally:
        metrics.ENGINE_AWAY.set(0)
