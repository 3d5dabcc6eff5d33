"""The events of protocol v1: the vocabulary of the whole product.

An `Event` is an envelope and a body. On the wire they stand flat beside each other (`codec`). Shares, scores and
probabilities lie in [0, 1]; `at`, `since`, `as_of` are seconds on the room's clock, which shows Unix time when the
bot starts and is monotonic from then on. What is withheld or not measurable is null, never 0.
"""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from dashboard_protocol.vocabulary import (
    MAX_MARK,
    PROTOCOL_VERSION,
    SHARES_CLASS,
    Count,
    DisplayedName,
    EndReason,
    FromArray,
    LevelNumber,
    MarkKind,
    Model,
    Profile,
    Row,
    Seconds,
    Share,
    Signed,
    State,
    Unmeasurable,
    Withheld,
)

__all__ = [
    "PROTOCOL_VERSION",
    "REPLACEABLE",
    "Alert",
    "AlertAt",
    "AlertParameters",
    "Body",
    "BotState",
    "Bye",
    "ClassSummary",
    "Count",
    "DisplayedName",
    "EndReason",
    "Engagement",
    "Event",
    "Forget",
    "Hello",
    "LearnedModel",
    "Level",
    "LevelNumber",
    "Mark",
    "MarkAt",
    "MarkKind",
    "Model",
    "ParticipantUpdate",
    "PolicyMeaning",
    "Profile",
    "Seconds",
    "Series",
    "Share",
    "Signed",
    "Snapshot",
    "State",
    "Unmeasurable",
    "Window",
    "Withheld",
]


def _absent_if_none() -> Any:
    """Make a field that came to v1 later: where it is None it is not written, and all else is written as ever."""

    def without_default(schema: dict[str, Any]) -> None:
        schema.pop("default", None)

    return Field(default=None, exclude_if=lambda value: value is None, json_schema_extra=without_default)


class Level(Model):
    """One of the four levels of the engagement index, lowest first."""

    name: str
    means: str
    from_: Share = Field(alias="from")
    """Lower threshold of the index."""


class PolicyMeaning(Model):
    """The profile in force, in words for people and in numbers for programs."""

    profile: Profile
    computed: str
    leaves: str
    never: str
    opting_out: str
    k: Annotated[int, Field(ge=1)]
    """Fewest people for class values, and for counts of their faces."""
    rounding_points: Count
    window_s: Seconds
    freeze_s: Seconds


class AlertParameters(Model):
    """Parameters of the change detection in force (bot/ENGAGEMENT.md, section 5)."""

    min_people: Count
    warm_up_s: Seconds
    block_s: Seconds
    reference_s: Seconds
    slack: float
    limit: float
    min_move: Share
    silence_s: Seconds
    reset_share: Share
    """Share of the analysed set that may change before the reference starts again."""


class LearnedModel(Model):
    """A head that was trained on labels and speaks beside the index: what it is, and from whom it learnt."""

    name: str
    trained_on: str
    """The data in words."""
    clips: Count
    people: Count


class Hello(Model):
    """First event on a connection: what this feed is. Consumes no seq."""

    type: Literal["hello"] = "hello"
    software: str
    title: str
    """The room's name for people."""
    bot_name: str
    meeting: str = ""
    """Which class this is: the same for every bot that serves it; links name it. Empty where nobody knows."""
    policy: PolicyMeaning
    formula: str
    levels: Row[Level]
    """Four levels, lowest first."""
    alerts: AlertParameters | None
    """None under `presence`."""
    capabilities: Row[str] = ()
    model: LearnedModel | None = _absent_if_none()
    """What `model` of a participant is; absent where nothing of that kind is shown, which is usual."""

    @property
    def shares_class(self) -> bool:
        """Whether others than its instructor may see the class: where its operator lets them, never single people."""
        return SHARES_CLASS in self.capabilities and self.policy.profile is not Profile.INDIVIDUAL


class BotState(Model):
    """The bot entered a state."""

    type: Literal["bot_state"] = "bot_state"
    state: State
    since: float
    reason: str | None = None
    """Machine word: an end reason, `lobby`, `not_open`, or the cause of a reconnect."""
    attempts: Count = 0
    """Tries made since the connection was lost, or since joining began."""


class Engagement(Model):
    """Class values of the index; quartiles and level shares only from 10 analysed people."""

    mean: Share
    q1: Share | None
    q3: Share | None
    levels: Annotated[tuple[Share, Share, Share, Share], FromArray] | None
    """Share of people at each level, lowest first."""
    level: LevelNumber
    """Level of the mean, with hysteresis."""


class ClassSummary(Model):
    """The class in one second."""

    type: Literal["class_summary"] = "class_summary"
    present: Count
    """As the room shows everybody who is in it, exact; opting out changes nothing about it. So `camera_on`."""
    camera_on: Count
    visible: Count | None
    """People with a face in view, down to pairs; None while fewer than k are, or until the first have settled."""
    facing: Count | None
    """Those of them facing the camera, likewise; only under `presence`."""
    analysed: Count | None
    """People whose index is not null, likewise; None under `presence`."""
    coverage: Share | None
    """Mean facing-coverage of the analysed."""
    engagement: Engagement | None
    expressions: dict[DisplayedName, Share] | None
    """Share of the analysed people by displayed expression, of those for whom it could be read; counted in pairs, so
    that one person alone is not counted and the shares need not add up to 1."""
    expressions_unmeasurable: Unmeasurable | None = None
    """Why expressions, valence and arousal are null while faces are seen: `engine_away`; else None."""
    valence: Signed | None
    arousal: Signed | None
    attentive: Share | None
    """Share of the analysed."""
    withheld: Withheld | None
    """Why the values above are null; None when they are not."""
    opted_out: Count | None = None
    """People in the room who opted out within the last minute; None below k of them."""
    reads_per_s: Annotated[float, Field(ge=0)]
    """Faces read a second, all participants together, mean of 10 s."""
    as_of: float | None
    """When the newest frame in this event was decoded; None before the first."""


class ParticipantUpdate(Model):
    """One person who opted in; only under `individual`."""

    type: Literal["participant"] = "participant"
    participant: str
    name: str
    index: Share | None
    model: Share | None = _absent_if_none()
    """What a learned head says beside the index, see `hello`; absent without one, and where `index` is null."""
    level: LevelNumber | None
    coverage: Share | None
    grade: Literal["full", "partial"] | None
    facing: bool | None
    """Whether the newest measured read faces the screen."""
    displayed: DisplayedName | None
    expressions_unmeasurable: Unmeasurable | None = None
    """Why `displayed` is null although the face is seen well: `engine_away`; else None."""
    unmeasurable: Unmeasurable | None
    """Why `index` is null; None when it is not."""
    since: float
    """Since when `unmeasurable` holds, or since when the person is measured."""
    reads_per_s: Annotated[float, Field(ge=0)]
    as_of: float | None


class Window(Model):
    """A stretch of time on the room's clock."""

    start: float
    end: float


class Alert(Model):
    """The class index changed."""

    type: Literal["alert"] = "alert"
    id: str
    kind: Literal["fall", "rise"]
    from_: Share = Field(alias="from")
    """Reference value, rounded as the policy demands."""
    to: Share
    window: Window
    people: Count
    """People measured, down to pairs."""
    why: Literal["facing", "gaze", "eyes", "activity"]
    """The factor that moved most."""


class Mark(Model):
    """The instructor, or a program of theirs, marked a moment of the class. It says nothing of anybody in it."""

    type: Literal["mark"] = "mark"
    id: Annotated[str, Field(max_length=32)]
    kind: MarkKind
    text: Annotated[str, Field(max_length=MAX_MARK)] = ""
    """As they typed it; empty for the word of its kind alone."""


class Forget(Model):
    """Readers drop everything they hold of this participant."""

    type: Literal["forget"] = "forget"
    participant: str


class Bye(Model):
    """Last event of an epoch."""

    type: Literal["bye"] = "bye"
    reason: EndReason
    report: str | None
    """Address of the report, where there is one."""
    live_s: Seconds
    present_max: Count
    alerts: Count


class Series(Model):
    """Class values of the last ten minutes as columns of equal length, one row a summary, oldest first."""

    at: Row[float] = ()
    mean: Row[Share | None] = ()
    q1: Row[Share | None] = ()
    q3: Row[Share | None] = ()
    attentive: Row[Share | None] = ()
    present: Row[Count] = ()
    camera_on: Row[Count] = ()
    visible: Row[Count | None] = ()
    facing: Row[Count | None] = ()
    analysed: Row[Count | None] = ()


def _no_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _may_lack_marks(schema: dict[str, Any]) -> None:
    """A snapshot without marks is written as it was before there were any."""
    schema["required"] = [name for name in schema["required"] if name != "marks"]


class Snapshot(Model):
    """All that a late reader needs. Carries the current seq and consumes none."""

    model_config = ConfigDict(json_schema_extra=_may_lack_marks)

    type: Literal["snapshot"] = "snapshot"
    bot_state: BotState | None
    live_since: float | None
    summary: ClassSummary | None
    series: Series
    participants: Row[ParticipantUpdate]
    alerts: Row["AlertAt"]
    """Alerts of this epoch, oldest first."""
    bye: Bye | None
    marks: Annotated[Row["MarkAt"], Field(exclude_if=lambda marks: not marks, json_schema_extra=_no_default)] = ()
    """Marks of this epoch, oldest first; left out while there are none."""


class MarkAt(Model):
    """A mark and when it was set."""

    at: float
    mark: Mark


class AlertAt(Model):
    """An alert and when it was raised."""

    at: float
    alert: Alert


Body = Annotated[
    Hello | Snapshot | BotState | ClassSummary | ParticipantUpdate | Alert | Mark | Forget | Bye,
    Field(discriminator="type"),
]
REPLACEABLE: tuple[type[Model], ...] = (ClassSummary, ParticipantUpdate)
"""Bodies a slow reader may lose to newer ones; every other body is delivered or the reader is aborted."""


class Event(Model):
    """An envelope and its body."""

    room: str
    epoch: Count
    """Grows with every bot that serves the room, from 1; 0 only in the snapshot of a room that had no bot yet."""
    seq: Count
    """Grows by one an event within room and epoch; `hello` and `snapshot` repeat the current one."""
    at: float
    """When the event was made."""
    body: Body
    prev: Count | None = None
    """The seq the gateway last sent on this connection; set by the gateway only."""
