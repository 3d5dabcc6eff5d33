"""What reader and gateway say to each other beside the events."""

from enum import IntEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from dashboard_protocol.codec import check_version, first_problem
from dashboard_protocol.errors import ProtocolError
from dashboard_protocol.events import Count, Model, Seconds

MAX_MESSAGE_BYTES = 65_536
"""Largest message a gateway reads; a larger one ends the connection."""

REFUSAL = "This link does not open this class."
"""What whoever has no right to a room reads; never why."""

RateHz = Annotated[float, Field(gt=0, le=1)]


class CloseCode(IntEnum):
    """Why a gateway closed a connection (README.md says what readers should do)."""

    TRY_AGAIN = 1013
    BAD_PROTOCOL = 4400
    NOT_AUTHENTICATED = 4401
    EXPIRED = 4403
    UNKNOWN_VERSION = 4406
    TOO_MANY = 4429


class Resume(Model):
    """Where a reader was: the highest seq it received, and in which epoch."""

    epoch: Count
    seq: Count


class Authenticate(Model):
    """First message of a reader, within 5 s."""

    type: Literal["authenticate"] = "authenticate"
    v: int
    token: str
    rate_hz: RateHz | None = None
    """Most class summaries, and updates of one participant, a second; None for all."""
    resume: Resume | None = None


class Renew(Model):
    """A fresh session token, before the present one expires."""

    type: Literal["renew"] = "renew"
    token: str


class SnapshotWanted(Model):
    """The reader found a gap and asks for a snapshot."""

    type: Literal["snapshot"] = "snapshot"


class Rate(Model):
    """The reader wants another rate."""

    type: Literal["rate"] = "rate"
    rate_hz: RateHz | None = None


class Renewed(Model):
    """The gateway took the fresh token."""

    type: Literal["renewed"] = "renewed"
    expires_in_s: Seconds


class Feed(Model):
    """The gateway lost its event bus, or has it again; the connection stays, and no event is missed unsaid."""

    type: Literal["feed"] = "feed"
    state: Literal["interrupted", "restored"]


class Problem(Model):
    """The gateway did not understand a message, and goes on."""

    type: Literal["error"] = "error"
    code: Literal["unknown_message", "unknown_version"]
    message: str
    """One sentence for people."""


def _of_this_version(message: Any) -> Any:
    if isinstance(message, dict) and "v" in message:
        check_version(message)
    return message


Request = Annotated[Authenticate | Renew | SnapshotWanted | Rate, Field(discriminator="type")]
_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, BeforeValidator(_of_this_version)])


def read_request(text: str | bytes) -> Request:
    """Read what a reader said.

    Raises:
        UnknownVersion: It says another version than 1.
        ProtocolError: It is none of the four messages a reader may send, or larger than 64 KB.
    """
    if len(text) > MAX_MESSAGE_BYTES:
        raise ProtocolError(f"The message is larger than {MAX_MESSAGE_BYTES} bytes.")
    try:
        return _REQUEST.validate_json(text, strict=True)
    except ValidationError as error:
        raise ProtocolError(f"Expected authenticate, renew, snapshot or rate: {first_problem(error)}.") from error
