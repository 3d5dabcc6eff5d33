"""The protocol for programs, made from the types: `python -m dashboard_protocol.schema` writes its three files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter

from dashboard_protocol.events import PROTOCOL_VERSION, Body, Event
from dashboard_protocol.messages import Feed, Problem, Renewed, Request
from dashboard_protocol.schema.asyncapi import asyncapi
from dashboard_protocol.schema.field_docs import described
from dashboard_protocol.schema.typescript import typescript
from dashboard_protocol.webhooks.messages import MESSAGES

_FOLDER = Path(__file__).parent
SCHEMA_FILE = _FOLDER / f"events-v{PROTOCOL_VERSION}.schema.json"
TYPES_FILE = _FOLDER / f"events-v{PROTOCOL_VERSION}.d.ts"
ASYNCAPI_FILE = _FOLDER / f"asyncapi-v{PROTOCOL_VERSION}.json"
SCHEMA_ID = f"urn:classpulse:events:v{PROTOCOL_VERSION}"
"""What other schemas call this one; it names, and is not where it lies: every gateway serves it."""
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
    for model in _models(*bodies, Renewed, Feed, Problem, *get_args(get_args(Request)[0])):
        if model.__name__ in definitions:
            described(definitions[model.__name__], model)
    definitions |= {"Envelope": _envelope(), "FromReader": refs[("FromReader", "serialization")]}
    events = [{"allOf": [{"$ref": "#/$defs/Envelope"}, {"$ref": f"#/$defs/{body.__name__}"}]} for body in bodies]
    answers = [{"$ref": f"#/$defs/{answer}"} for answer in ("Renewed", "Feed", "Problem")]
    definitions["ToReader"] = {"oneOf": [*events, *answers]}
    return {
        "$schema": _DRAFT,
        "$id": SCHEMA_ID,
        "title": f"classpulse events, protocol v{PROTOCOL_VERSION}",
        "description": "What a gateway sends to a reader. What a reader may send is #/$defs/FromReader.",
        "$ref": "#/$defs/ToReader",
        "$defs": definitions,
    }


def webhooks() -> dict[str, Any]:
    """Return the schemas of what webhooks are sent, by the names of their types."""
    _, defs = TypeAdapter.json_schemas(
        [(kind, "serialization", TypeAdapter(kind)) for kind in MESSAGES.values()], ref_template="#/$defs/{model}"
    )
    definitions: dict[str, Any] = defs["$defs"]
    return {kind.__name__: described(definitions[kind.__name__], kind) for kind in MESSAGES.values()}


def text() -> str:
    """Return the schema as the checked-in file has it."""
    return _text(schema())


def files() -> dict[Path, str]:
    """Return every checked-in file with what it has to hold."""
    made = schema()
    return {SCHEMA_FILE: _text(made), ASYNCAPI_FILE: _text(asyncapi(made, webhooks())), TYPES_FILE: typescript(made)}


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _models(*outer: Any) -> Iterator[type[BaseModel]]:
    """Yield models and those within."""
    todo, seen = list(outer), set()
    while todo:
        kind = todo.pop()
        if kind in seen:
            continue
        seen.add(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind
            todo += [field.annotation for field in kind.model_fields.values()]
        todo += get_args(kind)


def _envelope() -> dict[str, Any]:
    made = described(Event.model_json_schema(mode="serialization"), Event)
    fields = made["properties"]
    del fields["body"]
    fields["v"] = {"const": PROTOCOL_VERSION, "description": "Protocol version."}
    fields["prev"] = {
        "type": "integer",
        "minimum": 0,
        "description": "The seq sent before this one on this connection; absent from `hello` and `snapshot`.",
    }
    return {"type": "object", "properties": fields, "required": ["v", "room", "epoch", "seq", "at"]}
