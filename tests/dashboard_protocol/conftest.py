"""Fixtures of this package."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from dashboard_protocol.auth.links import Access
from dashboard_protocol.events import (
    Alert,
    AlertParameters,
    Body,
    BotState,
    Bye,
    ClassSummary,
    EndReason,
    Event,
    Forget,
    Hello,
    Level,
    ParticipantUpdate,
    PolicyMeaning,
    Profile,
    State,
    Window,
    Withheld,
)
from tests.contracts.redis_server import RedisServer, a_redis
from tests.dashboard_protocol.staging import SECRET, Clock, Stage, a_stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A gateway with the default limits."""
    async with a_stage() as stage:
        yield stage


@pytest.fixture
def clock() -> Clock:
    """What `access` goes by."""
    return Clock()


@pytest.fixture
def access(clock: Clock) -> Access:
    """Access that goes by a clock which a test moves."""
    return Access(SECRET, clock=clock)


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with a_redis(tmp_path) as server:
        yield server


START = 1_790_000_000.0 - 1_790_000_000.0 % 3600
"""A full hour of Unix time."""


ROOM = "biology"


NAME = "Ada Obi"


LEVELS = (("very low", "mostly away", 0.0), ("low", "in and out", 0.30), ("high", "with the screen", 0.55),
          ("very high", "with the screen, lively", 0.90))  # fmt: skip


def hello(profile: Profile = Profile.AGGREGATE, title: str = "Biology 101, section B") -> Hello:
    is_presence = profile is Profile.PRESENCE
    policy = PolicyMeaning(
        profile=profile,
        computed="face in view" if is_presence else "face in view, facing the screen, gaze, eyes, displayed expression",
        leaves="counts" if is_presence else "class values while at least 5 people are analysed; counts",
        never="names, pictures, sound",
        opting_out="by anyone, at any time: privacy page of this room",
        k=5,
        rounding_points=5,
        window_s=10,
        freeze_s=10,
    )
    alerts = AlertParameters(
        min_people=8, warm_up_s=300, block_s=30, reference_s=600, slack=1.5, limit=4, min_move=0.15, silence_s=300,
        reset_share=0.2,
    )  # fmt: skip
    return Hello(
        software="classpulse/0.1.0",
        title=title,
        bot_name="Reads faces (classpulse) · Pulse",
        policy=policy,
        formula="classpulse-engagement/2",
        levels=tuple(Level.model_validate({"name": n, "means": m, "from": f}) for n, m, f in LEVELS),
        alerts=None if is_presence else alerts,
    )


def summary(
    mean: float | None = 0.8,
    *,
    present: int = 28,
    analysed: int | None = 20,
    attentive: float = 0.85,
    happy: float = 0.1,
    facing: int | None = None,
    withheld: Withheld | None = None,
    as_of: float | None = None,
) -> ClassSummary:
    """One second; `mean` None is withheld."""
    values: dict[str, object] = dict.fromkeys(
        ("coverage", "engagement", "expressions", "valence", "arousal", "attentive")
    )
    if mean is not None:
        level = 3 if mean >= 0.9 else 2 if mean >= 0.55 else 1 if mean >= 0.3 else 0
        spread = {
            "q1": round(max(0.0, mean - 0.15), 2),
            "q3": round(min(1.0, mean + 0.1), 2),
            "levels": (0, 0.1, 0.35, 0.55),
        }
        shares = {"angry": 0, "disgust": 0, "fear": 0, "happy": happy, "sad": 0.05, "surprise": 0.1}
        values |= {
            "engagement": {"mean": mean, "level": level, **spread},
            "expressions": {**shares, "neutral": round(0.85 - happy, 2), "unclear": 0.05},
            "coverage": 0.85,
            "valence": 0.1,
            "arousal": -0.2,
            "attentive": attentive,
        }
    counts = {"present": present, "camera_on": max(0, present - 4), "visible": max(0, present - 6)}
    rest = {"facing": facing, "analysed": analysed, "withheld": withheld, "reads_per_s": 88.0, "as_of": as_of}
    return ClassSummary.model_validate(counts | values | rest)


def alert(at: float, number: int = 1) -> Alert:
    window = Window(start=at - 180, end=at)
    body = {"id": f"a{number}", "kind": "fall", "from": 0.8, "to": 0.55, "window": window, "people": 20}
    return Alert.model_validate({**body, "why": "facing"})


def person(at: float) -> ParticipantUpdate:
    return ParticipantUpdate(
        participant="p1", name=NAME, index=0.4321, level=1, coverage=0.9, grade="full", facing=True, displayed="happy",
        unmeasurable=None, since=at, reads_per_s=4, as_of=at,
    )  # fmt: skip


class Feed:
    """Counts seq for bodies."""

    def __init__(self) -> None:
        self.seq = 0

    def __call__(self, at: float, body: Body) -> Event:
        if not isinstance(body, Hello):
            self.seq += 1
        return Event(room=ROOM, epoch=1, seq=self.seq, at=at, body=body)


def second_of_class(second: int, at: float) -> ClassSummary:
    """Calm until 27 min, a fall of 25 points, back at 34 min; two people come at 8 min; few people at 40 min."""
    present = 26 if second < 480 else 28
    if second < 15:
        return summary(None, present=present, withheld=Withheld.SETTLING)
    if 2400 <= second < 2520:
        return summary(None, present=9, analysed=4, withheld=Withheld.BELOW_K)
    steps = (second - 1620) // 50
    mean = 0.8 - 0.05 * min(5, max(0, steps)) if second < 2040 else 0.8
    wave = 0.05 if second // 90 % 3 == 0 and not 1600 < second < 2060 else 0.0
    happy = 0.45 if 900 <= second < 960 else 0.1
    attentive = round(mean + 0.05, 2)
    analysed = 20 + (second // 45 % 3 == 0)
    return summary(
        round(mean + wave, 2), present=present, analysed=analysed, attentive=attentive, happy=happy, as_of=at
    )


def class_of(length_s: int = 3000, profile: Profile = Profile.AGGREGATE, start: float = START) -> Iterator[Event]:
    """Yield a class from hello to bye; the bot is away for 28 s at 20 min."""
    feed = Feed()
    yield feed(start - 5, hello(profile))
    yield feed(start - 5, BotState(state=State.JOINING, since=start - 5))
    yield feed(start, BotState(state=State.LIVE, since=start))
    for second in range(length_s):
        at = start + second + 0.25
        if second == 1200:
            yield feed(at, BotState(state=State.RECONNECTING, since=at, reason="ice", attempts=1))
        if second == 1228:
            yield feed(at, BotState(state=State.LIVE, since=at))
        if 1200 <= second < 1228:
            continue
        if profile is Profile.PRESENCE:
            facing = 14 if 1620 <= second < 2040 else 18
            yield feed(at, summary(None, analysed=None, facing=facing, withheld=Withheld.PRESENCE))
            continue
        yield feed(at, second_of_class(second, at - 0.1))
        if second == 1800:
            yield feed(at, alert(at))
        if profile is Profile.INDIVIDUAL and second % 10 == 0:
            yield feed(at, person(at))
    at = start + length_s + 0.5
    if profile is Profile.INDIVIDUAL:
        yield feed(at, Forget(participant="p1"))
    yield feed(at, BotState(state=State.LEAVING, since=at, reason=EndReason.ROOM_CLOSED))
    yield feed(at, BotState(state=State.ENDED, since=at, reason=EndReason.ROOM_CLOSED))
    bye = Bye(reason=EndReason.ROOM_CLOSED, report=None, live_s=length_s, present_max=28, alerts=1)
    yield feed(at, bye)


@pytest.fixture
def a_class() -> Callable[..., Iterator[Event]]:
    """The class as a function of its length, profile and start."""
    return class_of


@pytest.fixture
def a_hello() -> Callable[..., Hello]:
    return hello


@pytest.fixture
def a_summary() -> Callable[..., ClassSummary]:
    return summary


@pytest.fixture
def an_alert() -> Callable[..., Alert]:
    return alert


@pytest.fixture
def feed() -> Feed:
    return Feed()
