"""What a TURN server says to us, in one line; here it says no, in the server's own words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from aioice import stun

from bot.errors import RoomUnreachable
from bot.ice_servers import Ice, read_ice
from bot.rooms.webrtc import ice as webrtc_ice
from bot.rooms.webrtc.ice import check_relay


class Refusing(asyncio.DatagramProtocol):
    """A TURN server that answers everything with an error, or not at all."""

    def __init__(self, code: int, reason: str) -> None:
        self._error = (code, reason)
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self._error[0]:
            return
        asked = stun.parse_message(data)
        answer = stun.Message(asked.message_method, stun.Class.ERROR, asked.transaction_id)
        answer.attributes["ERROR-CODE"] = self._error
        answer.attributes["NONCE"] = b"nonce"
        answer.attributes["REALM"] = "test"
        self._transport.sendto(bytes(answer), addr)


@asynccontextmanager
async def refusing(code: int, reason: str, *, relay_only: bool) -> AsyncIterator[Ice]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Refusing(code, reason), ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        yield read_ice([f"turn:127.0.0.1:{port}"], "bob:sesame", relay_only=relay_only)
    finally:
        transport.close()


@pytest.mark.parametrize("relay_only", [True, False])
async def test_refusal_ends_the_join_whether_or_not_there_is_another_way(relay_only: bool) -> None:
    async with refusing(401, "Unauthorized", relay_only=relay_only) as ice, asyncio.timeout(30):
        with pytest.raises(RoomUnreachable, match=r"refused the user or the password \(401 Unauthorized\)") as reported:
            await check_relay(ice)
    assert "sesame" not in str(reported.value)


async def test_server_without_room_matters_only_where_it_is_the_only_way(caplog: pytest.LogCaptureFixture) -> None:
    async with refusing(486, "Allocation Quota Reached", relay_only=True) as ice:
        with pytest.raises(RoomUnreachable, match=r"gave no relay \(486 Allocation Quota Reached\)"):
            await check_relay(ice)
    async with refusing(486, "Allocation Quota Reached", relay_only=False) as ice:
        await check_relay(ice)
    assert "Media has to find a direct path" in caplog.text


async def test_silent_server_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc_ice, "ANSWER_WITHIN_S", 0.1)
    async with refusing(0, "", relay_only=True) as ice:
        with pytest.raises(RoomUnreachable, match="does not answer: does it run, and does a firewall let UDP through"):
            await check_relay(ice)
