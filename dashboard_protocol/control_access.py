"""The control API's say over access: people's consents, and the end of links and consents that were given."""

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends

from dashboard_protocol.control_forms import ConsentRequest, ConsentView, RevocationView, Withdrawal
from dashboard_protocol.doorkeeper import Doorkeeper
from dashboard_protocol.keys import Scope

if TYPE_CHECKING:
    from dashboard_protocol.control import Control


def add_access(router: APIRouter, control: "Control", door: Doorkeeper) -> None:
    """Add the routes."""
    may_consent, may_watch = Depends(door.needs(Scope.CONSENT)), Depends(door.needs(Scope.WATCH))
    access = control.access

    @router.post("/rooms/{room}/consents", status_code=201, dependencies=[may_consent])
    async def consent(room: str, wanted: ConsentRequest) -> ConsentView:
        """Make a token by which one person agrees to be read under her name, in one room, until it expires."""
        token = access.consents.grant(room, wanted.name, wanted.valid_s)
        return ConsentView(token=token, expires_in_s=wanted.valid_s)

    @router.post("/rooms/{room}/consents/revocations", dependencies=[may_consent])
    async def withdraw(room: str, whose: Withdrawal) -> RevocationView:
        """End every consent of one person in one room; open pages forget her within 2 s. The name is not kept."""
        return RevocationView(generation=await access.consents.revoke(room, whose.name), reach=access.revocations.reach)

    @router.delete("/rooms/{room}/links", dependencies=[may_watch])
    async def close(room: str) -> RevocationView:
        """End every link of a room made so far, and what was opened with them, at every gateway."""
        return RevocationView(generation=await access.revoke(room), reach=access.revocations.reach)
