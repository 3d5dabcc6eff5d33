"""The control API: invite bots, see where they stand, make them leave."""

from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, Request, Response

from dashboard_protocol.control_api.access_routes import add_access
from dashboard_protocol.control_api.api_keys import Scope
from dashboard_protocol.control_api.auth import ApiKeyAuth, BoundedBody
from dashboard_protocol.control_api.callers import By, CallerCheck, needs
from dashboard_protocol.control_api.openapi import may_refuse
from dashboard_protocol.control_api.paging import BOTS_A_PAGE, NEXT, After, BotLimit, page_of, say_next
from dashboard_protocol.control_api.room_routes import add_rooms, origin_of
from dashboard_protocol.control_api.schemas import BotRequest, BotView, DeliveryView
from dashboard_protocol.control_api.service import Control

MAY_INVITE = needs(Scope.INVITE)


def add_control(app: FastAPI, control: Control) -> None:
    """Add the routes to the gateway's app, and what lets their callers in."""
    router = APIRouter(prefix="/v1")
    if control.rooms is not None:
        _add_bots(router, control)
    add_rooms(router, control)
    add_access(router, control)
    app.include_router(router)
    app.add_middleware(BoundedBody)
    app.add_middleware(CallerCheck, routes=app.routes, auth=ApiKeyAuth(control.keys, control.access))


def _add_bots(router: APIRouter, control: Control) -> None:
    @router.post("/bots", status_code=201, tags=["bots"], openapi_extra=MAY_INVITE, responses=may_refuse(403, 409))
    async def invite(
        wanted: BotRequest,
        request: Request,
        by: By,
        idempotency_key: Annotated[
            str | None, Header(max_length=200, description="The same bot again for the same key, for a day.")
        ] = None,
    ) -> BotView:
        """Invite a bot into a meeting; it is the key's own."""
        return control.view(await control.invite(wanted, by, idempotency_key), by, origin_of(request))

    @router.get("/bots", tags=["bots"], openapi_extra=MAY_INVITE, responses={200: {"headers": NEXT}})
    async def bots(
        request: Request, response: Response, by: By, limit: BotLimit = BOTS_A_PAGE, after: After = None
    ) -> list[BotView]:
        """List the key's bots of the last days, newest first; everybody's for `admin`."""
        own = await control.own_bots(by)
        page, is_more = page_of(own, limit, after, lambda record: record.invitation.id)
        if is_more:
            say_next(request, response, limit=limit, after=page[-1].invitation.id)
        return [control.view(record, by, origin_of(request)) for record in page]

    @router.get("/bots/{bot}", tags=["bots"], openapi_extra=MAY_INVITE, responses=may_refuse(404))
    async def bot(bot: str, request: Request, by: By) -> BotView:
        """Say where a bot stands."""
        return control.view(await control.own_bot(bot, by), by, origin_of(request))

    @router.get("/bots/{bot}/webhooks", tags=["bots"], openapi_extra=MAY_INVITE, responses=may_refuse(404))
    async def webhooks(bot: str, by: By) -> list[DeliveryView]:
        """List what the bot's webhook was notified of, states and alerts, every try, and what is still to come."""
        await control.own_bot(bot, by)
        return [DeliveryView.of(sent) for sent in await control.queue.deliveries(bot)]

    @router.delete("/bots/{bot}", status_code=202, tags=["bots"], openapi_extra=MAY_INVITE, responses=may_refuse(404))
    async def leave(bot: str, request: Request, by: By) -> BotView:
        """Make a bot leave its meeting."""
        before = await control.own_bot(bot, by)
        return control.view(await control.queue.ask_to_leave(bot) or before, by, origin_of(request))
