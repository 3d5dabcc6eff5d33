"""The protocol's JSON Schema, made from the types: `python -m dashboard_protocol.schema` writes it."""

import json
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter

from dashboard_protocol.events import PROTOCOL_VERSION, Body, Event
from dashboard_protocol.messages import Feed, Problem, Renewed, Request

SCHEMA_FILE = Path(__file__).parent / f"events-v{PROTOCOL_VERSION}.schema.json"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Return the schema of everything on the socket: `#/$defs/ToReader` and `#/$defs/FromReader`."""
    bodies = get_args(get_args(Body)[0])
    inputs: list[tuple[str, Any]] = [*((body.__name__, body) for body in bodies), ("Renewed", Renewed)]
    inputs += [("Feed", Feed), ("Problem", Problem), ("FromReader", Request)]
    refs, defs = TypeAdapter.json_schemas(
        [(name, "serialization", TypeAdapter(kind)) for name, kind in inputs], ref_template="#/$defs/{model}"
    )
    definitions: dict[str, Any] = defs["$defs"]
    definitions |= {"Envelope": _envelope(), "FromReader": refs[("FromReader", "serialization")]}
    events = [{"allOf": [{"$ref": "#/$defs/Envelope"}, {"$ref": f"#/$defs/{body.__name__}"}]} for body in bodies]
    answers = [{"$ref": f"#/$defs/{answer}"} for answer in ("Renewed", "Feed", "Problem")]
    definitions["ToReader"] = {"oneOf": [*events, *answers]}
    return {
        "$schema": _DRAFT,
        "title": f"classpulse events, protocol v{PROTOCOL_VERSION}",
        "description": "What a gateway sends to a reader. What a reader may send is #/$defs/FromReader.",
        "$ref": "#/$defs/ToReader",
        "$defs": definitions,
    }


def text() -> str:
    """Return the schema as the checked-in file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _envelope() -> dict[str, Any]:
    fields = Event.model_json_schema(mode="serialization")["properties"]
    del fields["body"]
    fields["v"] = {"const": PROTOCOL_VERSION, "description": "Protocol version."}
    fields["prev"] = {
        "type": "integer",
        "minimum": 0,
        "description": "The seq sent before this one on this connection; absent from `hello` and `snapshot`.",
    }
    return {"type": "object", "properties": fields, "required": ["v", "room", "epoch", "seq", "at"]}
