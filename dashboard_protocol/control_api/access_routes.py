"""The control API's say over access: people's consents, and the end of links and consents that were given."""

from typing import TYPE_CHECKING

from fastapi import APIRouter

from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.control_api.api_keys import Scope
from dashboard_protocol.control_api.callers import By, needs
from dashboard_protocol.control_api.openapi import may_refuse
from dashboard_protocol.control_api.schemas import ConsentRequest, ConsentView, RevocationView, Withdrawal

if TYPE_CHECKING:
    from dashboard_protocol.control_api.service import Control


MAY_CONSENT = needs(Scope.CONSENT)


def add_access(router: APIRouter, control: "Control") -> None:
    """Add the routes."""
    access = control.access

    @router.post("/rooms/{room}/consents", status_code=201, tags=["access"], openapi_extra=MAY_CONSENT)
    async def consent(room: str, wanted: ConsentRequest) -> ConsentView:
        """Make a token by which one person agrees to be read under their name, in one room, until it expires.

        Of whichever room: people are asked before a bot is invited, and a token counts only where the person brings it.
        """
        token = access.consents.grant(room, wanted.name, wanted.valid_s)
        return ConsentView(token=token, expires_in_s=wanted.valid_s)

    @router.post("/rooms/{room}/consents/revocations", tags=["access"], openapi_extra=MAY_CONSENT)
    async def withdraw(room: str, whose: Withdrawal, by: By) -> RevocationView:
        """End every consent of one person in one room; open pages forget them within 2 s. The name is not kept."""
        try:
            generation = await access.consents.revoke(room, whose.name)
        finally:
            note(SecurityEvent.REVOKED, "consents", room=room, key=by.fingerprint)
        return RevocationView(generation=generation, reach=access.revocations.reach)

    @router.delete("/rooms/{room}/links", tags=["access"], openapi_extra=needs(Scope.WATCH), responses=may_refuse(404))
    async def close(room: str, by: By) -> RevocationView:
        """End every link of a room made so far, and what was opened with them, at every gateway."""
        return RevocationView(generation=await control.close_links(room, by), reach=access.revocations.reach)
