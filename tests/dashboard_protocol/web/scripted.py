"""A scripted class: fifteen minutes of valid events for the page's tests, the same every time."""

import asyncio
import math
from dataclasses import dataclass, field

from dashboard_protocol.bus.memory import MemoryBus
from dashboard_protocol.events import (
    Alert,
    AlertParameters,
    Body,
    BotState,
    ClassSummary,
    Event,
    Hello,
    Level,
    ParticipantUpdate,
    PolicyMeaning,
    Profile,
    State,
    Unmeasurable,
    Window,
    Withheld,
)
from dashboard_protocol.snapshot import Fold
from dashboard_protocol.vocabulary import DISPLAYED

ROOM = "biology"
BOT = "Reads faces (classpulse) · Pulse"
HISTORY_S = 900
FALL_S = 240
"""How long ago, at the end of the script, the class changed and the alert came."""
AWAY_S = (450, 478)
"""When, in seconds after the start, the bot was away."""
NAMES = (
    *("Ada Obi", "Amir Haddad", "Beatriz Lima", "Chen Wei", "Daniel Roth", "Elif Kaya", "Fatou Diop", "Grace Kim"),
    *("Hugo Martin", "Ines Costa", "Jonas Berg", "Kavya Rao", "Leo Novak", "Maya Cohen", "Noah Evans"),
    *("Olga Petrova", "Priya Nair", "Rui Santos", "Sofia Rossi", "Tomas Vega"),
)
LEVELS = tuple(
    Level.model_validate({"name": name, "means": means, "from": threshold})
    for name, means, threshold in (
        ("very low", "mostly away", 0.0),
        ("low", "in and out", 0.30),
        ("high", "with the screen", 0.55),
        ("very high", "with the screen, lively", 0.90),
    )
)
_MEANING = {
    Profile.PRESENCE: (
        "face in view, head direction",
        "counts: present, camera on, and in pairs from 5 people up: face in view, facing the camera",
        "expressions, attention, engagement, names, pictures",
    ),
    Profile.AGGREGATE: (
        "face in view, facing the screen, gaze, eyes, displayed expression, engagement index",
        "class values while at least 5 people are analysed: 10-s means, rounded to 5 points; counts",
        "names, pictures, sound",
    ),
    Profile.INDIVIDUAL: (
        "face in view, facing the screen, gaze, eyes, displayed expression, engagement index",
        "class values while at least 5 people are analysed; values of people who opted in themselves",
        "pictures, sound, values of people who did not opt in",
    ),
}


def hello(profile: Profile, title: str = "Biology 101, section B") -> Hello:
    computed, leaves, never = _MEANING[profile]
    policy = PolicyMeaning(
        profile=profile, computed=computed, leaves=leaves, never=never, opting_out="by anyone, at any time",
        k=5, rounding_points=5, window_s=10, freeze_s=10,
    )  # fmt: skip
    alerts = AlertParameters(
        min_people=8, warm_up_s=300, block_s=30, reference_s=600, slack=1.5, limit=4, min_move=0.15, silence_s=300,
        reset_share=0.2,
    )  # fmt: skip
    return Hello(
        software="classpulse", title=title, bot_name=BOT, policy=policy, formula="classpulse-engagement/2",
        levels=LEVELS, alerts=None if profile is Profile.PRESENCE else alerts,
    )  # fmt: skip


def _wave(second: int, period: int, phase: int = 0) -> float:
    return 0.05 * round(math.sin((second + phase) / period * math.tau))


def summary(second: int, profile: Profile, *, at: float, analysed: int | None = None, fallen: bool) -> ClassSummary:
    """One second of the script."""
    present = 26 if second < 200 else 28
    values: dict[str, object] = dict.fromkeys(
        ("facing", "analysed", "coverage", "engagement", "expressions", "valence", "arousal", "attentive", "withheld")
    )
    values |= {"present": present, "camera_on": present - 4, "visible": present - 6, "reads_per_s": 88, "as_of": at}
    if profile is Profile.PRESENCE:
        facing = (16 if fallen else 22) + 2 * (second // 70 % 3 == 0)
        values |= {"facing": min(facing, present - 6), "withheld": Withheld.PRESENCE}
        return ClassSummary.model_validate(values)
    people = 20 + 2 * (second // 45 % 3 == 0) if analysed is None else analysed
    if people < 5:
        few = {"camera_on": 9, "visible": 6, "analysed": None, "withheld": Withheld.BELOW_K}
        return ClassSummary.model_validate(values | few)
    return ClassSummary.model_validate(values | {"analysed": people} | _class_values(second, fallen, people >= 10))


def _class_values(second: int, fallen: bool, spread: bool) -> dict[str, object]:
    mean = round((0.65 if fallen else 0.80) + _wave(second, 130), 2)
    engagement = {
        "mean": mean,
        "q1": round(mean - 0.15 + _wave(second, 90, 40), 2) if spread else None,
        "q3": round(min(1, mean + 0.10 + _wave(second, 75)), 2) if spread else None,
        "levels": ((0.10, 0.20, 0.45, 0.25) if fallen else (0.0, 0.10, 0.35, 0.55)) if spread else None,
        "level": 2,
    }
    names = DISPLAYED
    shares = (0, 0, 0, 0.1, 0.1, 0.1, 0.55, 0.15) if fallen else (0, 0, 0, 0.25, 0.05, 0.1, 0.45, 0.1)
    attentive = round((0.65 if fallen else 0.85) + _wave(second, 210, 30), 2)
    return {
        "coverage": 0.85,
        "engagement": engagement,
        "expressions": dict(zip(names, shares, strict=True)),
        "valence": 0.1,
        "arousal": -0.2,
        "attentive": attentive,
    }


def alert(at: float, number: int = 1) -> Alert:
    window = Window(start=at - 180, end=at)
    body = {"id": f"a{number}", "kind": "fall", "from": 0.8, "to": 0.6, "window": window, "people": 20, "why": "facing"}
    return Alert.model_validate(body)


def person(number: int, at: float) -> ParticipantUpdate:
    name = NAMES[number]
    reason = {5: Unmeasurable.CAMERA_OFF, 14: Unmeasurable.NOT_IN_VIEW}.get(number)
    level = (3, 2, 2, 1, 2, 2, 3, 2, 1, 2, 2, 0)[number % 12]
    return ParticipantUpdate(
        participant=f"p{number}", name=name, index=None if reason else level / 4 + 0.1, level=None if reason else level,
        coverage=None if reason else 0.9, grade=None if reason else "full", facing=None if reason else level > 0,
        displayed=None if reason else ("neutral", "happy", "unclear")[number % 3], unmeasurable=reason, since=at - 40,
        reads_per_s=4, as_of=at,
    )  # fmt: skip


@dataclass
class ScriptedClass:
    """Publishes the script of one room on a memory bus, as a bot would."""

    bus: MemoryBus
    now: float
    profile: Profile = Profile.AGGREGATE
    room: str = ROOM
    capabilities: tuple[str, ...] = ()
    seq: int = 0
    epoch: int = 1
    fold: Fold = field(default_factory=Fold)

    def _event(self, body: Body, at: float) -> Event:
        event = Event(room=self.room, epoch=self.epoch, seq=self.seq, at=at, body=body)
        self.fold.apply(event)
        return event

    def stamp(self, body: Body, at: float) -> Event:
        """Fold one event without publishing it: history."""
        self.seq += 1
        return self._event(body, at)

    async def open(self, at: float | None = None) -> None:
        """Publish hello and a snapshot of what was published, as of `at`."""
        self.epoch = await self.bus.open_epoch(self.room)
        when = self.now if at is None else at
        said = hello(self.profile).model_copy(update={"capabilities": self.capabilities})
        await self.bus.publish(self._event(said, when))
        await self._snapshot(when)

    async def publish(self, body: Body, at: float | None = None) -> None:
        """Publish one event and let the gateway send it on."""
        when = self.now if at is None else at
        await self.bus.publish(self.stamp(body, when))
        for _ in range(12):  # reaches the socket, so that the next summary does not replace it
            await asyncio.sleep(0)

    async def _snapshot(self, at: float) -> None:
        body = self.fold.snapshot()
        await self.bus.publish(Event(room=self.room, epoch=self.epoch, seq=self.seq, at=at, body=body))

    def summary(self, second: int, analysed: int | None = None) -> ClassSummary:
        at = self.now - HISTORY_S + second
        fallen = second >= HISTORY_S - FALL_S
        return summary(second, self.profile, at=at, analysed=analysed, fallen=fallen)

    def past(self, until_s: int = HISTORY_S, live_s: float = 42 * 60) -> None:
        """Publish the class up to `until_s` seconds after its start."""
        start = self.now - HISTORY_S
        self.stamp(BotState(state=State.LIVE, since=self.now - live_s), self.now - live_s)
        for second in range(until_s):
            if not AWAY_S[0] <= second < AWAY_S[1]:
                self.stamp(self.summary(second), start + second)
        if self.profile is not Profile.PRESENCE and until_s > HISTORY_S - FALL_S:
            self.stamp(alert(self.now - FALL_S), self.now - FALL_S)

    async def stream(self, from_s: int, to_s: int = HISTORY_S + 1, analysed: int | None = None) -> None:
        """Publish seconds of the script one after the other."""
        for second in range(from_s, to_s):
            await self.publish(self.summary(second, analysed), self.now - HISTORY_S + second)
