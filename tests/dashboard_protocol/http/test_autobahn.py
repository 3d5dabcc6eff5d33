"""The Autobahn cases against our server's WebSocket, compared with a plain `websockets` server."""

import asyncio

import pytest
from kosoku import FailureError, run_fuzzingclient
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_plainly

from dashboard_protocol.http import server
from dashboard_protocol.http.server import Pace, serve

LARGEST_BYTES = 32 * 2**20
"""The cases send up to 16 MB at once."""
COMPRESSION = ["12.*", "13.*"]
"""Neither server offers it."""
CASES = 301
AT_ONCE = 8


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    while (message := await socket.receive())["type"] != "websocket.disconnect":
        if (text := message.get("text")) is not None:
            await socket.send_text(text)
        else:
            await socket.send_bytes(message["bytes"])


async def echo_plainly(socket: ServerConnection) -> None:
    async for message in socket:
        await socket.send(message)


async def failures(port: int) -> set[str]:
    """Run all cases; return the ids of those that failed."""
    try:
        results = await run_fuzzingclient(f"ws://127.0.0.1:{port}/echo", exclude_cases=COMPRESSION, concurrency=AT_ONCE)
    except FailureError as failure:
        results = failure.results
    assert len(results) == CASES
    return {result.case_id for result in results if not result.passed}


@pytest.mark.integration  # 600 connections: 17 s
async def test_nothing_fails_that_a_plain_server_gets_right(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.get_running_loop().set_debug(False)  # which takes half of the time
    caplog.set_level("CRITICAL")  # the plain server reports every case that breaks a connection on purpose
    monkeypatch.setattr(server, "MAX_MESSAGE_BYTES", LARGEST_BYTES)
    app = Starlette(routes=[WebSocketRoute("/echo", echo)])
    async with serve(app, port=0, pace=Pace(ping_s=60)) as ours:
        failed = await failures(ours.port)
    async with serve_plainly(echo_plainly, "127.0.0.1", 0, max_size=LARGEST_BYTES, compression=None) as plain:
        [socket] = plain.sockets
        failed_plainly = await failures(socket.getsockname()[1])
    assert failed - failed_plainly == set()
