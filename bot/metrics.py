"""What a bot counts, for Prometheus: frames, reads, events, and how far behind the present it is."""

import time
from collections.abc import Callable, Iterator
from math import nan
from pathlib import Path
from resource import getpagesize

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric

from bot.inference import Inference
from bot.rooms.base import Frame
from dashboard_protocol.events import BotState, ClassSummary, Event, State
from engine.errors import EngineError
from engine.readings import Box, FaceReading

FRAMES = Counter("classpulse_frames", "Frames that came from cameras.")
# Not whether a face was found: of a class of one that would be one person's truth, four times a second.
READS = Counter("classpulse_reads", "Reads: done or failed.", ["outcome"])
READ_S = Histogram(
    "classpulse_read_seconds",
    "How long a read took, from the picture to the reading.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2),
)
EVENTS = Counter("classpulse_events", "Events published.", ["type"])
LAG_S = Histogram(
    "classpulse_lag_seconds",
    "How old the newest frame in a summary was when the bus took the summary.",
    buckets=(0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 15),
)
STATE = Gauge("classpulse_bot_state", "1 for the state in which the bot is.", ["state"])
RECONNECTS = Counter("classpulse_bot_reconnects", "How often the connection to the room was lost.")
PEOPLE = Gauge("classpulse_people", "People in the room, with a camera, in view, analysed; NaN: withheld.", ["which"])
READS_PER_S = Gauge("classpulse_reads_per_second", "Reads a second of everybody together, as the summary says.")
DECODERS_ABANDONED = Counter("classpulse_decoders_abandoned", "Decoders that hung and were left behind.")
MEMORY = Gauge("classpulse_bot_memory_bytes", "Resident memory of the process.")
CPU_S = Gauge("classpulse_bot_cpu_seconds", "Processor time of the process since it began.")
_STATM = Path("/proc/self/statm")


def _memory_bytes() -> float:
    try:
        return int(_STATM.read_text().split()[1]) * getpagesize()
    except OSError:  # no Linux
        return 0.0


MEMORY.set_function(_memory_bytes)
CPU_S.set_function(time.process_time)


class Counted:
    """An inference whose reads are counted.

    Args:
        inference: makes them.
    """

    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    async def read(
        self, frame: Frame, last_box: Box | None, *, participant: str, thorough: bool = True
    ) -> FaceReading | None:
        """Read; see `Inference`."""
        try:
            with READ_S.time():
                reading = await self._inference.read(frame, last_box, participant=participant, thorough=thorough)
        except EngineError:
            READS.labels(outcome="failed").inc()
            raise
        READS.labels(outcome="done").inc()
        return reading


def own_figures() -> str:
    """Return what this process counts, in Prometheus' text format, without what every Python process counts."""
    return generate_latest(_Ours()).decode()


def engine_obstacle() -> str | None:
    """Say that the engine which this process shares with others does not answer; None while it does."""
    is_away = REGISTRY.get_sample_value("classpulse_engine_away")
    return "The engine of this machine does not answer: is `classpulse engine` running?" if is_away else None


class _Ours:
    def collect(self) -> Iterator[Metric]:
        return (family for family in REGISTRY.collect() if family.name.startswith("classpulse_"))


def counting(show: Callable[[Event], None] | None) -> Callable[[Event], None]:
    """Count the events that somebody is shown.

    Args:
        show: takes every published event; None for nobody.
    """
    known: list[State] = []

    def count(event: Event) -> None:
        EVENTS.labels(type=event.body.type).inc()
        match event.body:
            case BotState(state=state):
                if state is State.RECONNECTING and known != [state]:
                    RECONNECTS.inc()
                known[:] = [state]
                for each in State:
                    STATE.labels(state=each.value).set(each is state)
            case ClassSummary() as summary:
                _count_summary(summary)
        if show is not None:
            show(event)

    return count


def _count_summary(summary: ClassSummary) -> None:
    for which in ("present", "camera_on", "visible", "analysed"):
        number = getattr(summary, which)
        PEOPLE.labels(which=which).set(nan if number is None else number)
    READS_PER_S.set(summary.reads_per_s or 0)
    if summary.as_of is not None:
        LAG_S.observe(max(0.0, time.time() - summary.as_of))
