"""The wire format of v1 stands still: `events-v1.jsonl` holds what was first written, then what was added."""

import ast
import json
from pathlib import Path
from typing import Any, get_args

import pytest

from dashboard_protocol import codec
from dashboard_protocol.codec import decode, encode
from dashboard_protocol.errors import ProtocolError
from dashboard_protocol.events import Body
from dashboard_protocol.schema import schema
from tests.hostile import REDIS_TEXTS

# Not `splitlines`, to which a line separator in a title would be one more line.
LINES = (Path(__file__).parent / "events-v1.jsonl").read_text(encoding="utf-8").removesuffix("\n").split("\n")
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


@pytest.mark.parametrize("line", LINES, ids=lambda line: json.loads(line)["type"])
def test_event_of_the_first_release_is_read_and_written_byte_by_byte(line: str) -> None:
    assert encode(decode(line)) == line


def test_every_kind_of_event_is_among_them() -> None:
    assert {type(decode(line).body) for line in LINES} == set(get_args(get_args(Body)[0]))


def test_schema_describes_every_event_of_the_first_release() -> None:
    written = schema()
    for line in LINES:
        assert described(json.loads(line), written, written["$defs"]), line


def test_schema_refuses_what_the_decoder_refuses() -> None:
    written = schema()
    for line in LINES:
        fields = json.loads(line)
        for wrong in ({**fields, "v": 2}, {**fields, "seq": -1}, {**fields, "type": "applause"}):
            assert not described(wrong, written, written["$defs"])
            with pytest.raises(ProtocolError):
                decode(json.dumps(wrong))


def test_junk_is_refused_by_one_error() -> None:
    for text in REDIS_TEXTS:
        try:
            decode(text)
        except ProtocolError:
            continue
        assert json.loads(text)["v"] == 1


def test_event_is_parsed_by_one_model_and_once() -> None:
    tree = ast.parse(Path(codec.__file__).read_text(encoding="utf-8"))
    calls = [node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and hasattr(node.func, "attr")]
    assert [name for name in calls if name.endswith(("validate_json", "loads"))] == ["validate_json"]


def described(value: Any, by: dict[str, Any], definitions: dict[str, Any]) -> bool:
    """Whether a schema describes a value; knows the words of JSON Schema that this one uses, and fails at others."""
    return all(_CHECKS[word](value, said, by, definitions) for word, said in by.items())


def _is_of(value: Any, kind: str) -> bool:
    if kind in ("number", "integer"):
        is_number = isinstance(value, int | float if kind == "number" else int)
        return is_number and not isinstance(value, bool)
    return isinstance(value, TYPES[kind])


def _reference(value: Any, said: str, by: Any, definitions: dict[str, Any]) -> bool:
    return described(value, definitions[said.removeprefix("#/$defs/")], definitions)


def _properties(value: Any, said: dict[str, Any], by: Any, definitions: dict[str, Any]) -> bool:
    return not isinstance(value, dict) or all(
        described(value[name], of, definitions) for name, of in said.items() if name in value
    )


def _items(value: Any, said: dict[str, Any], by: dict[str, Any], definitions: dict[str, Any]) -> bool:
    first = len(by.get("prefixItems", ()))
    return not isinstance(value, list) or all(described(item, said, definitions) for item in value[first:])


def _prefix(value: Any, said: list[dict[str, Any]], by: Any, definitions: dict[str, Any]) -> bool:
    return not isinstance(value, list) or all(
        described(item, of, definitions) for item, of in zip(value, said, strict=False)
    )


def _more(value: Any, said: dict[str, Any], by: dict[str, Any], definitions: dict[str, Any]) -> bool:
    known = by.get("properties", {})
    return not isinstance(value, dict) or all(
        described(item, said, definitions) for name, item in value.items() if name not in known
    )


def _no_matter(value: Any, said: Any, by: Any, definitions: Any) -> bool:
    return True


_CHECKS: dict[str, Any] = {
    **dict.fromkeys(("$schema", "$id", "$defs", "title", "description", "default", "discriminator"), _no_matter),
    "$ref": _reference,
    "type": lambda value, said, by, of: _is_of(value, said),
    "maxLength": lambda value, said, by, of: not isinstance(value, str) or len(value) <= said,
    "const": lambda value, said, by, of: value == said,
    "enum": lambda value, said, by, of: value in said,
    "allOf": lambda value, said, by, of: all(described(value, one, of) for one in said),
    "anyOf": lambda value, said, by, of: any(described(value, one, of) for one in said),
    "oneOf": lambda value, said, by, of: sum(described(value, one, of) for one in said) == 1,
    "required": lambda value, said, by, of: not isinstance(value, dict) or set(said) <= set(value),
    "minimum": lambda value, said, by, of: not _is_of(value, "number") or value >= said,
    "maximum": lambda value, said, by, of: not _is_of(value, "number") or value <= said,
    "minItems": lambda value, said, by, of: not isinstance(value, list) or len(value) >= said,
    "maxItems": lambda value, said, by, of: not isinstance(value, list) or len(value) <= said,
    "properties": _properties,
    "additionalProperties": _more,
    "propertyNames": lambda value, said, by, of: (
        not isinstance(value, dict) or all(described(n, said, of) for n in value)
    ),
    "items": _items,
    "prefixItems": _prefix,
}
