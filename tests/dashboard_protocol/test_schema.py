"""The checked-in JSON Schema."""

import json
from typing import get_args

from dashboard_protocol.codec import encode
from dashboard_protocol.events import Body, Event
from dashboard_protocol.schema import SCHEMA_FILE, schema, text
from tests.dashboard_protocol.staging import hello, participant, summary


def test_checked_in_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == text(), "run python -m dashboard_protocol.schema"


def test_schema_describes_every_event() -> None:
    reported = {option["allOf"][1]["$ref"] for option in schema()["$defs"]["ToReader"]["oneOf"] if "allOf" in option}
    assert reported == {f"#/$defs/{body.__name__}" for body in get_args(get_args(Body)[0])}


def test_schema_names_exactly_the_fields_on_the_wire() -> None:
    definitions = schema()["$defs"]
    for body in (hello(), summary(), participant("p1")):
        wire = json.loads(encode(Event(room="r", epoch=1, seq=1, at=1, body=body, prev=0)))
        described = {**definitions["Envelope"]["properties"], **definitions[type(body).__name__]["properties"]}
        assert set(wire) == set(described)
        assert set(definitions["Envelope"]["required"]) <= set(wire)


def test_schema_has_no_loose_ends() -> None:
    written = schema()
    refs = {part.split('"')[0] for part in json.dumps(written).split('"#/$defs/')[1:]}
    assert refs <= set(written["$defs"])
