"""The live feed as an AsyncAPI 3 document: address, what is sent and received, and in which words a connection ends."""

from typing import Any

VERSION = "3.0.0"
_ROOM = "A meeting's key, as links and the control API have it."


def asyncapi(schema: dict[str, Any], webhooks: dict[str, Any]) -> dict[str, Any]:
    """Return the document of schemas as `dashboard_protocol.schema` makes them: of the feed, and of webhooks."""
    definitions = schema["$defs"] | webhooks
    received = [option["allOf"][1]["$ref"] if "allOf" in option else option["$ref"]
                for option in definitions["ToReader"]["oneOf"]]  # fmt: skip
    to_reader, from_reader = _names(received), _names(o["$ref"] for o in definitions["FromReader"]["oneOf"])
    in_envelope = [name for name, o in zip(to_reader, definitions["ToReader"]["oneOf"], strict=True) if "allOf" in o]
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "classpulse live feed",
            "version": "1",
            "description": "One WebSocket per reader, JSON text messages. A reader exchanges an instructor's link for "
            "a session token (`POST /v1/rooms/{room}/session`) and sends it first, within 5 s. It ignores fields and "
            "event types that it does not know: v1 only grows.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": {
                "address": "/v1/rooms/{room}/events",
                "description": "One room's feed.",
                "parameters": {"room": {"description": _ROOM}},
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in to_reader + from_reader},
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
            },
            "webhook": {
                "address": None,
                "description": "The `webhook` of an invitation: each message is one signed POST.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in webhooks},
            },
        },
        "operations": {
            "receive": _operation("receive", "What a reader sends.", from_reader),
            "send": _operation("send", "What the gateway sends.", to_reader),
            "notify": {
                **_operation("send", "What a webhook is notified of.", list(webhooks), channel="webhook"),
                "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
            },
        },
        "components": {
            "messages": {
                name: _message(name, definitions[name], name in in_envelope)
                for name in (*to_reader, *from_reader, *webhooks)
            },
            "schemas": {name: _moved(part) for name, part in definitions.items()},
        },
    }


def _operation(action: str, summary: str, names: list[str], channel: str = "events") -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names],
    }


def _message(name: str, schema: dict[str, Any], in_envelope: bool) -> dict[str, Any]:
    own = {"$ref": f"#/components/schemas/{name}"}
    payload = {"allOf": [{"$ref": "#/components/schemas/Envelope"}, own]} if in_envelope else own
    return {"name": schema["properties"]["type"]["const"], "summary": schema["description"], "payload": payload}


def _names(refs: Any) -> list[str]:
    return [ref.rpartition("/")[2] for ref in refs]


def _moved(part: Any) -> Any:
    """Return a schema whose references lead into this document; a mapping's values are references too."""
    if isinstance(part, dict):
        return {name: _moved(value) for name, value in part.items() if name != "discriminator"}
    if isinstance(part, list):
        return [_moved(value) for value in part]
    return part.replace("#/$defs/", "#/components/schemas/") if isinstance(part, str) else part
