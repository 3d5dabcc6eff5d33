"""A whole service for chaos to act on: Redis under Sentinels, gateways, workers, a Janus and its people, all ours.

What dies is started again after a moment, as systemd or a container's owner would, on the same port.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bot.errors import BotError
from bot.rooms.janus.session import Handle
from bot.workers.child import NAME
from dashboard_protocol.auth.links import Access
from dashboard_protocol.auth.secrets_store import load_secret
from dashboard_protocol.events import Profile
from dashboard_protocol.queue import open_queue
from tests.benchmarks.janus_server import SECRET, JanusServer, janus_server
from tests.benchmarks.network import PrivateNetwork
from tests.contracts.redis_sentinel import Watched, a_watched_redis
from tests.contracts.redis_server import RedisServer

START_AGAIN_S = 2.0
DISK_MB = 4
PATIENCE_S = 180
PERSON = "person"
FIRST_ROOM = 100


@dataclass
class Part:
    """A process of the service that its owner keeps running."""

    name: str
    command: tuple[str, ...]
    ready_url: str
    """Where it says whether it is ready."""
    process: asyncio.subprocess.Process | None = None
    is_wanted: bool = True
    up_since: float = field(default_factory=time.monotonic)

    @property
    def pid(self) -> int | None:
        """Its process; None while it is down."""
        return self.process.pid if self.process is not None and self.process.returncode is None else None

    def children(self) -> list[int]:
        """The processes that it started, oldest first."""
        with suppress(OSError):
            return sorted(map(int, Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()))
        return []


class Site:
    """The service and its surroundings."""

    def __init__(self, folder: Path, network: PrivateNetwork, janus: JanusServer, redis: Watched) -> None:
        self.folder, self.network, self.janus, self.redis = folder, network, janus, redis
        self.state = folder / "state"
        self.queue = open_queue(redis.url, load_secret(self.state / "classpulse"))
        self.gateways: list[Part] = []
        self.workers: list[Part] = []
        self.environment = os.environ | {
            "CLASSPULSE_BUS": redis.url, "XDG_STATE_HOME": str(self.state), "CLASSPULSE_POLICY": "presence",
            "CLASSPULSE_ROOMS": JanusServer.url().rpartition("/")[0], "CLASSPULSE_LOG": "INFO",
        }  # fmt: skip
        self._handle: Handle | None = None

    @property
    def parts(self) -> list[Part]:
        """All that its owner keeps running."""
        return [*self.gateways, *self.workers]

    def bots(self) -> list[int]:
        """The processes of the meetings."""
        return [pid for worker in self.workers for pid in worker.children() if _is_of_a_meeting(pid)]

    def fork_servers(self) -> list[int]:
        """The processes that those of the meetings are forked from."""
        return [pid for worker in self.workers for pid in worker.children() if not _is_of_a_meeting(pid)]

    def pid_of(self, bot: str) -> int | None:
        """Return the process that serves a bot, as its worker said last; None where it is none of ours by now."""
        served = re.compile(rf"bot {re.escape(bot)} is served by process (\d+)")
        logs = [self.folder / f"{worker.name}.log" for worker in self.workers]
        said = [int(pid) for log in logs for pid in served.findall(log.read_text(errors="replace"))]
        return next((pid for pid in said if pid in self.bots()), None)

    def server(self, port: int) -> RedisServer:
        """Return the Redis that listens on a port."""
        return next(server for server in (self.redis.master, self.redis.replica) if server.port == port)

    async def keep(self, part: Part) -> None:
        """Keep a part running."""
        log = (self.folder / f"{part.name}.log").open("ab")
        with log:
            while part.is_wanted:
                part.process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "bot", *part.command, stdout=log, stderr=log, env=self.environment
                )
                part.up_since = time.monotonic()
                await part.process.wait()
                await asyncio.sleep(START_AGAIN_S)

    async def end(self) -> None:
        """Have every part end as on a shutdown."""
        for part in self.parts:
            part.is_wanted = False
            if part.pid is not None:
                os.kill(part.pid, signal.SIGCONT)
                os.kill(part.pid, signal.SIGTERM)

    def left(self) -> list[int]:
        """List the processes that still run for this service."""
        mark = f"XDG_STATE_HOME={self.state}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return found

    async def until_ready(self) -> None:
        """Wait until every part says that it is ready."""
        async with asyncio.timeout(PATIENCE_S):
            for part in self.parts:
                while await self.asked(part) != 200:  # noqa: ASYNC110  other processes answer only when asked
                    await asyncio.sleep(0.2)

    async def asked(self, part: Part) -> int | None:
        """Ask a part whether it is ready; None for no answer."""
        try:
            async with httpx.AsyncClient(timeout=4, trust_env=False) as http:
                return (await http.get(part.ready_url)).status_code
        except httpx.HTTPError:
            return None

    async def invite(self, room_url: str) -> dict[str, str]:
        """Invite a bot at whichever gateway answers."""
        key = {"authorization": f"Bearer {self.environment['CLASSPULSE_API_KEY']}"}
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(timeout=5, headers=key, trust_env=False) as http:
            while True:
                for gateway in self.gateways:
                    with suppress(httpx.HTTPError):
                        url = gateway.ready_url.replace("/readyz", "/v1/bots")
                        answer = await http.post(url, json={"room_url": room_url, "policy": Profile.PRESENCE})
                        if answer.status_code == 201:
                            return {"id": answer.json()["id"], "room": answer.json()["room"]}
                await asyncio.sleep(0.3)

    async def leave(self, bot: str) -> None:
        """Have a bot leave, at whichever gateway answers."""
        key = {"authorization": f"Bearer {self.environment['CLASSPULSE_API_KEY']}"}
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(timeout=5, headers=key, trust_env=False) as http:
            while True:
                for gateway in self.gateways:
                    with suppress(httpx.HTTPError):
                        answer = await http.delete(gateway.ready_url.replace("/readyz", f"/v1/bots/{bot}"))
                        if answer.is_success:
                            return
                await asyncio.sleep(0.3)

    def link(self, gateway: Part, room: str) -> str:
        """Make an instructor's link for one gateway."""
        access = Access(load_secret(self.state / "classpulse"))
        return gateway.ready_url.replace("/readyz", f"/rooms/{room}#t={access.standing_link(room)}")

    async def watch_rooms(self, rooms: int, seen: asyncio.Queue[tuple[float, dict[int, int]]]) -> None:
        """Put into `seen`, once a second, how many bots are in each room, as Janus has it."""
        while True:
            try:
                async with asyncio.timeout(15), self.janus.session() as session:
                    handle = await session.attach()
                    while True:
                        async with asyncio.timeout(5):
                            seen.put_nowait((time.monotonic(), await _bots(handle, rooms)))
                        await asyncio.sleep(1)
            except (BotError, OSError, TimeoutError):
                await asyncio.sleep(0.2)


def _is_of_a_meeting(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_bytes().strip() == NAME
    return False


async def _bots(handle: Handle, rooms: int) -> dict[int, int]:
    found = {}
    for room in range(FIRST_ROOM, FIRST_ROOM + rooms):
        answer = await handle.request({"request": "listparticipants", "room": room, "secret": SECRET})
        names = [str(each.get("display", "")) for each in answer.data["participants"]]
        found[room] = sum(not name.startswith(PERSON) for name in names)
    return found


@asynccontextmanager
async def a_site(
    folder: Path, network: PrivateNetwork, *, meetings: int, people: int, workers: int, gateways: int
) -> AsyncIterator[Site]:
    """Run it while inside; no meeting has a bot yet."""
    async with AsyncExitStack() as stack:
        janus = await stack.enter_async_context(janus_server(network))
        redis = await stack.enter_async_context(a_watched_redis(folder))
        _give_a_small_disk(folder / "state", stack)
        site = Site(folder, network, janus, redis)
        stack.push_async_callback(site.queue.close)
        rooms = range(FIRST_ROOM, FIRST_ROOM + meetings)
        for room in rooms:
            await janus.ask(request="create", room=room, publishers=40, videocodec="vp8", notify_joining=True)
        adding = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "key", "add", "chaos", "--scope", "admin",
            env=site.environment, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        site.environment["CLASSPULSE_API_KEY"] = (await adding.communicate())[0].decode().split()[-1]
        for number in range(gateways):
            port = 18080 + number
            command = ("serve", "--port", str(port))
            site.gateways.append(Part(f"gateway-{number}", command, f"http://127.0.0.1:{port}/readyz"))
        for number in range(workers):
            port = 19080 + number
            flags = ("--capacity", str(meetings), "--reads-per-s", "1", "--drain", "2", "--metrics-port", str(port))
            site.workers.append(Part(f"worker-{number}", ("worker", *flags), f"http://127.0.0.1:{port}/readyz"))
        keeping = [asyncio.create_task(site.keep(part), name=part.name) for part in site.parts]
        try:
            await site.until_ready()
            await _bring(people, [JanusServer.url(room) for room in rooms], stack)
            yield site
        finally:
            await site.end()
            await asyncio.wait(keeping, timeout=60)
            for pid in site.left():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.gather(*keeping, return_exceptions=True)


def _give_a_small_disk(folder: Path, stack: AsyncExitStack) -> None:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)], check=True)
    stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=False)


async def _bring(people: int, urls: list[str], stack: AsyncExitStack) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.chaos_people", str(people), *urls, stdout=asyncio.subprocess.PIPE
    )

    async def end() -> None:
        if process.returncode is None:
            process.terminate()
        await process.wait()

    stack.push_async_callback(end)
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        if not (await process.stdout.readline()).startswith(b"publishing"):
            raise RuntimeError("the people could not join")
