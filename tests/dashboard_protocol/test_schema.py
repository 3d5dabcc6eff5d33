"""What the protocol is published as: JSON Schema, AsyncAPI document, TypeScript types."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from dashboard_protocol.codec import encode
from dashboard_protocol.events import Body, Event
from dashboard_protocol.messages import Request
from dashboard_protocol.schema import ASYNCAPI_FILE, SCHEMA_ID, files, schema
from tests.dashboard_protocol.staging import hello, participant, summary


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_checked_in_file_is_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == files()[path], "run python -m dashboard_protocol.schema"


def test_schema_has_an_identifier_of_its_own() -> None:
    assert schema()["$id"] == SCHEMA_ID
    assert ":" in SCHEMA_ID, "absolute, so that references to it do not depend on where it lies"
    assert "#" not in SCHEMA_ID


def test_fields_are_explained_as_in_the_source() -> None:
    explained = schema()["$defs"]["ClassSummary"]["properties"]["withheld"]["description"]
    assert explained == "Why the values above are null; null when they are not."


def resolved(document: dict[str, Any], ref: str) -> Any:
    found: Any = document
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_asyncapi_document_has_every_message_of_both_ways_and_no_loose_ends() -> None:
    document = json.loads(ASYNCAPI_FILE.read_text(encoding="utf-8"))
    assert document["asyncapi"] == "3.0.0"
    ways = {
        way: {resolved(document, resolved(document, each["$ref"])["$ref"])["name"] for each in operation["messages"]}
        for way, operation in document["operations"].items()
    }
    types = [body.model_fields["type"].default for body in get_args(get_args(Body)[0])]
    assert ways["send"] == {*types, "renewed", "feed", "error"}
    assert ways["notify"] == {"bot.state", "class.alert"}
    assert ways["receive"] == {kind.model_fields["type"].default for kind in get_args(get_args(Request)[0])}
    for ref in {part.split('"')[0] for part in json.dumps(document).split('"$ref": "')[1:]}:
        assert resolved(document, ref)


def test_schema_describes_every_event() -> None:
    reported = {option["allOf"][1]["$ref"] for option in schema()["$defs"]["ToReader"]["oneOf"] if "allOf" in option}
    assert reported == {f"#/$defs/{body.__name__}" for body in get_args(get_args(Body)[0])}


def test_schema_names_exactly_the_fields_on_the_wire() -> None:
    definitions = schema()["$defs"]
    for body in (hello(), summary(), participant("p1")):
        wire = json.loads(encode(Event(room="r", epoch=1, seq=1, at=1, body=body, prev=0)))
        described = {**definitions["Envelope"]["properties"], **definitions[type(body).__name__]["properties"]}
        # What came to v1 later has no default in the schema, and is not written where it is None.
        later = {name for name, field in described.items() if name == "model" and "default" not in field}
        assert set(wire) == set(described) - later
        assert set(definitions["Envelope"]["required"]) <= set(wire)


def test_schema_has_no_loose_ends() -> None:
    written = schema()
    refs = {part.split('"')[0] for part in json.dumps(written).split('"#/$defs/')[1:]}
    assert refs <= set(written["$defs"])
