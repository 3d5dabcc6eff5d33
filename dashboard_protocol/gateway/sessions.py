"""Who asks by the page: the token of a session, as the live feed takes it, in a header."""

from typing import Any

from fastapi import HTTPException, Request

from dashboard_protocol.auth.links import Access, Doing, Session
from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.errors import AccessDenied
from dashboard_protocol.messages import REFUSAL

BY_SESSION: dict[str, Any] = {"security": [{"session": []}]}
"""What a call says that takes it."""


def session_that_may(access: Access, room: str, request: Request, doing: Doing) -> Session:
    """Return the session that a request shows, `Authorization: Bearer TOKEN`; refuse with 401 one that may not do this.

    Args:
        access: knows sessions.
        room: the meeting's key.
        request: whose.
        doing: what is asked for.
    """
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        held = access.verify_reader(room, token if kind.lower() == "bearer" else "")
        if doing not in held.may:
            raise AccessDenied(REFUSAL)
    except AccessDenied:
        note(SecurityEvent.REFUSED, doing)
        refused = {"www-authenticate": "Bearer"}
        raise HTTPException(401, "Send a session token of this room.", headers=refused) from None
    return held
