"""The protocol's types for TypeScript, made from its JSON Schema: `events-v1.d.ts`."""

import json
from collections.abc import Mapping
from typing import Any

_HEAD = """\
/**
 * classpulse events, protocol v1: what a gateway sends to a reader (`ToReader`), and what a reader may send
 * (`FromReader`). Made from the types by `python -m dashboard_protocol.schema`; change nothing here.
 */
"""
_PLAIN = {"number": "number", "integer": "number", "string": "string", "boolean": "boolean", "null": "null"}


def typescript(schema: Mapping[str, Any]) -> str:
    """Write the definitions of a schema as types; knows what `schema` makes, and fails at what it does not."""
    definitions: dict[str, Any] = schema["$defs"]
    asked = {option["$ref"].rpartition("/")[2] for option in definitions["FromReader"]["oneOf"]}
    return _HEAD + "".join(
        f"\n{_declared(name, definitions[name], by_reader=name in asked)}" for name in sorted(definitions)
    )


def _declared(name: str, schema: dict[str, Any], *, by_reader: bool) -> str:
    said = _comment(schema.get("description", ""), "")
    if schema.get("type") == "object" and "properties" in schema:
        return f"{said}export interface {name} {_fields(schema, by_reader=by_reader)}\n"
    return f"{said}export type {name} = {_type(schema)};\n"


def _fields(schema: dict[str, Any], *, by_reader: bool) -> str:
    lines = []
    required = schema.get("required", [])
    for name, field in sorted(schema["properties"].items()):
        # A gateway sends what has a default all the same; a reader need not.
        is_there = name in required or "const" in field or ("default" in field and not by_reader)
        lines.append(_comment(field.get("description", ""), "  "))
        lines.append(f"  {name}{'' if is_there else '?'}: {_type(field)};\n")
    return "{\n" + "".join(lines) + "}"


def _type(schema: dict[str, Any]) -> str:
    match schema:
        case {"$ref": ref}:
            return str(ref).rpartition("/")[2]
        case {"const": value}:
            return json.dumps(value)
        case {"enum": values}:
            return " | ".join(map(json.dumps, values))
        case {"allOf": parts}:
            return " & ".join(map(_type, parts))
        case {"anyOf": parts} | {"oneOf": parts}:
            return " | ".join(f"({_type(part)})" if "allOf" in part else _type(part) for part in parts)
        case {"type": "array"}:
            return _row(schema)
        case {"type": "object", "propertyNames": names, "additionalProperties": value}:
            return f"Partial<Record<{_type(names)}, {_type(value)}>>"
        case {"type": str(name)} if name in _PLAIN:
            return _PLAIN[name]
    raise ValueError(f"no type for {schema}")


def _row(schema: dict[str, Any]) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(map(_type, schema['prefixItems']))}]"
    inner = _type(schema["items"])
    return f"({inner})[]" if " " in inner else f"{inner}[]"


def _comment(text: str, indent: str) -> str:
    if not text:
        return ""
    lines = text.splitlines()
    if len(lines) == 1:
        return f"{indent}/** {text} */\n"
    return f"{indent}/**\n" + "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines) + f"{indent} */\n"
