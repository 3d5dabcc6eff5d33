"""A real Redis for what goes through one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contracts.redis_server import RedisServer, a_redis


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with a_redis(tmp_path) as server:
        yield server
