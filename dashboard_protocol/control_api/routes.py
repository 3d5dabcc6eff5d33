"""The control API: invite bots, see where they stand, make them leave."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse

from dashboard_protocol.control_api.access_routes import add_access
from dashboard_protocol.control_api.api_keys import ApiKey, Scope
from dashboard_protocol.control_api.auth import ApiKeyAuth, BoundedBody
from dashboard_protocol.control_api.room_routes import add_rooms, origin_of
from dashboard_protocol.control_api.schemas import BotRequest, BotView
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.errors import (
    BusError,
    ConsentRefused,
    RoomNotAllowed,
    RoomTaken,
    SecretRefused,
    TooManyBots,
    WebhookRefused,
)
from dashboard_protocol.queue.records import Delivery

STATUS = {
    RoomNotAllowed: 422,
    WebhookRefused: 422,
    RoomTaken: 409,
    TooManyBots: 429,
    BusError: 503,
    SecretRefused: 503,
    ConsentRefused: 422,
}
"""How errors are answered."""


def add_control(app: FastAPI, control: Control) -> None:
    """Add the routes to the gateway's app."""
    auth = ApiKeyAuth(control.keys, control.access)
    router = APIRouter(prefix="/v1")
    if control.rooms is not None:
        _add_bots(router, control, auth)
    add_rooms(router, control, auth)
    add_access(router, control, auth)
    app.include_router(router)
    app.add_middleware(BoundedBody)
    for kind, status in STATUS.items():
        app.add_exception_handler(kind, _answer(status))


def _answer(status: int) -> Callable[[Request, Exception], JSONResponse]:
    return lambda _, error: JSONResponse({"detail": str(error)}, status)


def _add_bots(router: APIRouter, control: Control, auth: ApiKeyAuth) -> None:
    May = Annotated[ApiKey, Depends(auth.needs(Scope.INVITE))]

    @router.post("/bots", status_code=201)
    async def invite(
        wanted: BotRequest,
        request: Request,
        by: May,
        idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    ) -> BotView:
        """Invite a bot into a meeting; it is the key's own."""
        return control.view(await control.invite(wanted, by, idempotency_key), by, origin_of(request))

    @router.get("/bots")
    async def bots(request: Request, by: May) -> list[BotView]:
        """List the key's bots of the last days, newest first; everybody's for `admin`."""
        return [control.view(record, by, origin_of(request)) for record in await control.own_bots(by)]

    @router.get("/bots/{bot}")
    async def bot(bot: str, request: Request, by: May) -> BotView:
        """Say where a bot stands."""
        return control.view(await control.own_bot(bot, by), by, origin_of(request))

    @router.get("/bots/{bot}/webhooks")
    async def webhooks(bot: str, by: May) -> list[Delivery]:
        """List what the bot's webhook was notified of, every try of it, and what is still to come."""
        await control.own_bot(bot, by)
        return await control.queue.deliveries(bot)

    @router.delete("/bots/{bot}", status_code=202)
    async def leave(bot: str, request: Request, by: May) -> BotView:
        """Make a bot leave its meeting."""
        before = await control.own_bot(bot, by)
        return control.view(await control.queue.ask_to_leave(bot) or before, by, origin_of(request))
