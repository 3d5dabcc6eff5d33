"""The words and number ranges that the events are made of."""

from enum import StrEnum
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

PROTOCOL_VERSION = 1

Share = Annotated[float, Field(ge=0, le=1)]
Signed = Annotated[float, Field(ge=-1, le=1)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
LevelNumber = Annotated[int, Field(ge=0, le=3)]
_T = TypeVar("_T")
FromArray = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
"""For tuples that are read strictly: JSON has arrays only."""
Row = Annotated[tuple[_T, ...], FromArray]
"""As many values as there are."""
LEAVES_OUT = "leaves_out"
"""Among the capabilities of a `hello`: somebody in the room is no part of the class, neither read nor counted."""
SHARES_CLASS = "shares_class"
"""Likewise: people in the room may see what their teacher sees, the class and nobody in it."""
DisplayedName = Literal["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "unclear"]
"""What a face is said to show: one of the network's classes, or `unclear` where none of them stands out."""
DISPLAYED: tuple[DisplayedName, ...] = get_args(DisplayedName)


MarkKind = Literal["slide", "question", "exercise", "break", "note"]
"""What an instructor marks on the timeline."""
MAX_MARK = 80
"""Letters of a mark's text."""
MAX_MARKS = 200
"""Marks of one class; of more the newest are kept."""


class Model(BaseModel):
    """Frozen; ignores fields it does not know, so that v1 can grow without breaking a reader."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, populate_by_name=True)


class Profile(StrEnum):
    """Policy profile: what may be computed, and what may leave the bot."""

    PRESENCE = "presence"
    AGGREGATE = "aggregate"
    INDIVIDUAL = "individual"


class State(StrEnum):
    """Where a bot is in its life."""

    REQUESTED = "requested"
    JOINING = "joining"
    WAITING = "waiting"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    LEAVING = "leaving"
    ENDED = "ended"


class EndReason(StrEnum):
    """Why a bot's stay ended."""

    ASKED_TO_LEAVE = "asked_to_leave"
    ROOM_CLOSED = "room_closed"
    KICKED = "kicked"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    ALONE = "alone"
    MAX_DURATION = "max_duration"
    OPTED_OUT = "opted_out"
    WORKER_LOST = "worker_lost"
    FAILED = "failed"


class Unmeasurable(StrEnum):
    """Why a participant has no index."""

    CAMERA_OFF = "camera_off"
    NOT_IN_VIEW = "not_in_view"
    TOO_SMALL = "too_small"
    CODEC = "codec"
    ENGINE_AWAY = "engine_away"
    STARTING = "starting"
    WISHES_UNREACHABLE = "wishes_unreachable"
    """The bot cannot hear who asks not to be read, and takes no pictures."""


class Withheld(StrEnum):
    """Why class values are null although the bot is live."""

    BELOW_K = "below_k"
    SETTLING = "settling"
    """First window not full, or the freeze after a change of the analysed set, with nothing to repeat."""
    PRESENCE = "presence"
    WISHES_UNREACHABLE = "wishes_unreachable"
    """The bot cannot hear who asks not to be read, and takes no pictures; also under `presence`."""
