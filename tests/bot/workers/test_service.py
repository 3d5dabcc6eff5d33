"""What keeps a worker from being ready."""

import socket
from pathlib import Path

import pytest

from bot.workers.service import _engine_obstacle, _queue_obstacle
from dashboard_protocol.queue import MemoryQueue
from dashboard_protocol.queue.redis import RedisQueue
from tests.contracts.queues import SEALER


async def test_queue_that_does_not_answer_is_named_without_its_password() -> None:
    assert await _queue_obstacle(MemoryQueue()) is None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    queue = RedisQueue(f"redis://:hidden@127.0.0.1:{port}/0", SEALER)
    reported = await _queue_obstacle(queue)
    assert reported is not None
    assert f"127.0.0.1:{port} does not answer" in reported
    assert "hidden" not in reported
    await queue.close()


async def test_absent_engine_is_named_where_bots_share_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.inference.server._STATUS_WITHIN_S", 0.2)
    assert await _engine_obstacle(None) is None
    assert await _engine_obstacle("own.onnx") is None
    (tmp_path / "engine").mkdir(mode=0o700)
    assert "classpulse engine" in (await _engine_obstacle(f"ipc://{tmp_path}/engine/socket") or "")
