"""Event ↔ JSON text of protocol v1: one flat object, envelope and payload side by side."""

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from dashboard_protocol.errors import ProtocolError, UnknownEvent, UnknownVersion
from dashboard_protocol.events import PROTOCOL_VERSION, Body, Count, Event

MAX_EVENT_BYTES = 1_048_576
"""Largest event, in UTF-8. A snapshot with ten minutes of series and 300 participants takes about 200 KB."""

_STRICT = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class _Version(BaseModel):
    model_config = _STRICT
    v: int


class _Envelope(BaseModel):
    model_config = _STRICT
    type: str
    room: str
    epoch: Count
    seq: Count
    at: float
    prev: Annotated[int, Field(ge=0)] | None = None


_BODY: TypeAdapter[Body] = TypeAdapter(Body)


def encode(event: Event) -> str:
    """Return the event as one line of JSON; `prev` is left out while it is None."""
    envelope = {"v": PROTOCOL_VERSION, "room": event.room, "epoch": event.epoch, "seq": event.seq, "at": event.at}
    head = json.dumps(envelope, separators=(",", ":"), ensure_ascii=False)
    text = f"{head[:-1]},{event.body.model_dump_json(by_alias=True)[1:]}"
    return text if event.prev is None else with_prev(text, event.prev)


def with_prev(text: str, prev: int) -> str:
    """Add `prev` to an encoded event that has none; a gateway encodes once and adds this for each reader."""
    return f'{text[:-1]},"prev":{prev}}}'


def decode(text: str | bytes) -> Event:
    """Read one event; fields that v1 does not know are ignored.

    Raises:
        UnknownVersion: `v` is not 1.
        UnknownEvent: v1, but a type this software does not know.
        ProtocolError: Anything else that is not an event: too large, no JSON, missing or wrong fields.
    """
    if len(text) > MAX_EVENT_BYTES:
        raise ProtocolError(f"The event is larger than {MAX_EVENT_BYTES} bytes.")
    check_version(text)
    try:
        envelope = _Envelope.model_validate_json(text)
    except ValidationError as error:
        raise ProtocolError(f"Not an event: {first_problem(error)}") from error
    try:
        body = _BODY.validate_json(text, strict=True)
        return Event(**envelope.model_dump(exclude={"type"}), body=body)
    except ValidationError as error:
        if any(problem["type"] == "union_tag_invalid" and not problem["loc"] for problem in error.errors()):
            raise UnknownEvent(f"Unknown event type {envelope.type[:40]!r}.", envelope.seq) from error
        raise ProtocolError(f"Not a valid {envelope.type[:40]!r} event: {first_problem(error)}") from error


def check_version(text: str | bytes) -> None:
    """Refuse a message that does not say `"v": 1`.

    Raises:
        UnknownVersion: `v` is another whole number.
        ProtocolError: No JSON object, or no `v`.
    """
    try:
        version = _Version.model_validate_json(text).v
    except ValidationError as error:
        raise ProtocolError(f"Not a message of this protocol: {first_problem(error)}") from error
    if version != PROTOCOL_VERSION:
        raise UnknownVersion(f"Protocol version {version!r:.20} is unknown; this software speaks {PROTOCOL_VERSION}.")


def first_problem(error: ValidationError) -> str:
    """Return the first problem as `field.path: what is wrong`, without the value that caused it."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(str(step) for step in problem['loc'])}: {problem['msg']}"[:200].removeprefix(": ")
