"""What OpenAPI says of the WHIP endpoint of a local room, at its bot and at a gateway."""

from pydantic import BaseModel, ConfigDict, Field

from bot.rooms.local.admission import CONSENT_HEADER, NAME_HEADER
from dashboard_protocol.http.described import JSON, SDP, operation

OPTIONS = operation(
    "whip_options", "What the endpoint takes.", "joining", answers={204: None}, refusals=(404, 409, 429, 503)
)
PUBLISH = operation(
    "whip_publish",
    "Come into the room: an offer is answered, and `Location` is the stay's own, unguessable address.",
    "joining",
    answers={201: SDP},
    refusals=(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
    body=(SDP, {"type": "string"}),
    query={
        "individual": {"enum": ["1"], "description": "Asks to be shown under the own name."},
        "as": {"enum": ["gallery"], "description": "A window that shows many; takes an instructor's link as token."},
        "ask": {"enum": ["1"], "description": "Of a gallery: nobody is read before its sharer says so."},
        "informed": {"enum": ["1"], "description": "Of a gallery: its people were informed."},
    },
    headers={
        NAME_HEADER: "The display name, percent-encoded UTF-8.",
        CONSENT_HEADER: "The consent that the person was given.",
    },
    security="guest",
)
LEAVE = operation(
    "whip_leave", "End a stay.", "joining", answers={200: None}, refusals=(400, 401, 404, 409, 413, 503),
    security="guest",
)  # fmt: skip
_READ = {"type": "object", "properties": {"read": {"type": "boolean"}}, "required": ["read"]}
_LINK = {"type": "object", "properties": {"link": {"type": "string"}}, "required": ["link"]}
_LEFT_OUT = {"type": "object", "properties": {"left_out": {"const": True}}, "required": ["left_out"]}
READING = operation(
    "reading", "Say whether who stays there is read.", "joining", answers={200: (JSON, _READ)},
    refusals=(400, 404, 409, 413, 503),
)  # fmt: skip
READ = operation(
    "read", "Be read, or not: a person's own word for their stay.", "joining", answers={200: (JSON, _READ)},
    refusals=(400, 404, 409, 413, 422, 429, 503), body=(JSON, _READ),
)  # fmt: skip
TEACH = operation(
    "teach", "Say by an instructor's link that one teaches the class, and is no part of it.", "joining",
    answers={200: (JSON, _LEFT_OUT)}, refusals=(400, 403, 404, 409, 413, 422, 429, 503), body=(JSON, _LINK),
)  # fmt: skip
CLASS = operation(
    "class_page", "Say where people in a class see what their teacher sees, where its operator allows it.", "joining",
    answers={200: (JSON, {"type": "object", "properties": {"page": {"type": "string"}}, "required": ["page"]})},
    refusals=(400, 404, 409, 413, 503),
)  # fmt: skip


class Decision(BaseModel):
    """Body of the request: whom to leave out, whom to read, and that everybody has been asked about."""

    model_config = ConfigDict(extra="forbid", strict=True)

    leave_out: list[str] = Field(default=[], max_length=64)
    read: list[str] = Field(default=[], max_length=64)
    begin: bool = False


_FOUND = (JSON, {"type": "object"})
FOUND = operation(
    "shared_people", "Say who is found in a window that this stay shares.", "joining",
    answers={200: _FOUND, 202: _FOUND}, refusals=(400, 404, 409, 410, 413, 503),
)  # fmt: skip
DECIDE = operation(
    "decide_shared", "Decide who of them is left out, and begin.", "joining",
    answers={200: _FOUND, 202: _FOUND}, refusals=(400, 404, 409, 410, 413, 422, 503),
    body=(JSON, Decision.model_json_schema()),
)  # fmt: skip
