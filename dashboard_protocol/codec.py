"""Event ↔ JSON text of protocol v1: one flat object, envelope and payload side by side."""

import json
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from dashboard_protocol.errors import ProtocolError, UnknownEvent, UnknownVersion
from dashboard_protocol.events import PROTOCOL_VERSION, Event

MAX_EVENT_BYTES = 1_048_576
"""Largest event, in UTF-8. A snapshot with ten minutes of series and 300 participants takes about 200 KB."""


def check_version(message: dict[str, Any]) -> None:
    """Refuse a message, parsed already, that does not say `"v": 1`: of another version not even the shape is known.

    Raises:
        UnknownVersion: `v` is another whole number.
        ProtocolError: `v` is missing, or none.
    """
    version = message.get("v")
    if type(version) is not int:
        raise ProtocolError("Not a message of this protocol: it does not say its version, v.")
    if version != PROTOCOL_VERSION:
        raise UnknownVersion(f"Protocol version {version!r:.20} is unknown; this software speaks {PROTOCOL_VERSION}.")


def _nested(flat: Any) -> Any:
    # Envelope and body each take their own fields of the one flat object, and ignore the other's.
    if not isinstance(flat, dict):
        return flat
    check_version(flat)
    return {**flat, "body": flat}


_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, BeforeValidator(_nested)])
_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def encode(event: Event) -> str:
    """Return the event as one line of JSON; `prev` is left out while it is None."""
    envelope = {"v": PROTOCOL_VERSION, "room": event.room, "epoch": event.epoch, "seq": event.seq, "at": event.at}
    head = _JSON.encode(envelope)
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
    try:
        return _EVENT.validate_json(text, strict=True)
    except ValidationError as error:
        raise _no_event(error) from error


def _no_event(error: ValidationError) -> ProtocolError:
    problems = error.errors(include_url=False)
    flat = problems[0]["input"]
    kind = flat.get("type") if isinstance(flat, dict) else None
    if [problem["type"] for problem in problems] == ["union_tag_invalid"] and isinstance(kind, str):
        return UnknownEvent(f"Unknown event type {kind[:40]!r}.", flat["seq"])
    return ProtocolError(f"Not a valid event: {first_problem(error).removeprefix('body.')}")


def first_problem(error: ValidationError) -> str:
    """Return the first problem as `field.path: what is wrong`, without the value that caused it."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(str(step) for step in problem['loc'])}: {problem['msg']}"[:200].removeprefix(": ")
