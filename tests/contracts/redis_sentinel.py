"""A master, a replica and three Sentinels that watch them, all real: what fails over when the master is lost."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.contracts.redis_server import RedisServer, a_redis, servers

SERVICE = "class"
DOWN_MS = 1000
USERS = Path(__file__).parents[2] / "deploy" / "redis" / "users.acl"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


class Watched:
    """Two servers and their Sentinels."""

    def __init__(self, first: RedisServer, second: RedisServer, sentinels: list[int]) -> None:
        self.master, self.replica = first, second
        self.sentinels = sentinels

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return f"redis+sentinel://:{self.master.password}@{hosts}/{SERVICE}/0"

    async def until_watched(self) -> None:
        """Return once every Sentinel knows the replica and the other Sentinels."""
        await self._until({"num-slaves": "1", "num-other-sentinels": "2"})

    async def until_failed_over(self) -> None:
        """Return once every Sentinel names the replica as the master."""
        await self._until({"port": str(self.replica.port)})

    async def master_port(self) -> int:
        """Return on which port the master listens, as the Sentinels have it; 0 while none of them answers."""
        for port in self.sentinels:
            if found := (await _master(port)).get("port"):
                return int(found)
        return 0

    async def _until(self, reported: dict[str, str]) -> None:
        async with asyncio.timeout(60):
            for port in self.sentinels:
                while not reported.items() <= (await _master(port)).items():  # noqa: ASYNC110  asked, as clients do
                    await asyncio.sleep(0.05)


async def _master(port: int) -> dict[str, str]:
    try:
        async with Redis(port=port, decode_responses=True, protocol=2) as sentinel:
            flat = await sentinel.execute_command("SENTINEL", "MASTER", SERVICE)  # type: ignore[no-untyped-call]
    except RedisError:
        return {}
    if isinstance(flat, dict):
        return {str(name): str(value) for name, value in flat.items()}
    return dict(zip(flat[::2], flat[1::2], strict=True))


@asynccontextmanager
async def a_watched_redis(folder: Path) -> AsyncIterator[Watched]:
    """Run all five while inside; Debian's server where there is one."""
    known = servers()
    name = "redis" if "redis" in known else next(iter(known))
    async with AsyncExitStack() as stack:
        # The users that are shipped, and the operator as whom tests ask.
        users = folder / "users.acl"
        users.write_text(
            USERS.read_text().replace("user default off", f"user default on >{RedisServer.password} ~* &* +@all")
        )
        options: dict[str, object] = {
            "aclfile": users, "masteruser": "replica", "masterauth": "REPLICA_PASSWORD", "repl-diskless-sync-delay": 0,
        }  # fmt: skip
        folders = [folder / part for part in ("first", "second", "one", "two", "three")]
        for part in folders:
            part.mkdir()
        first = await stack.enter_async_context(a_redis(folders[0], name, options=options))
        second = await stack.enter_async_context(a_redis(folders[1], name, options=options))
        await second.command("REPLICAOF", "127.0.0.1", str(first.port))
        ports = [_free_port() for _ in folders[2:]]
        for port, part in zip(ports, folders[2:], strict=True):
            lines = [
                f"port {port}", "bind 127.0.0.1", f"dir {part}", f"sentinel monitor {SERVICE} 127.0.0.1 {first.port} 2",
                f"sentinel auth-user {SERVICE} sentinel", f"sentinel auth-pass {SERVICE} SENTINEL_PASSWORD",
                f"sentinel down-after-milliseconds {SERVICE} {DOWN_MS}", f"sentinel failover-timeout {SERVICE} 5000",
            ]  # fmt: skip
            config = part / "sentinel.conf"
            config.write_text("\n".join(lines) + "\n")
            nothing = asyncio.subprocess.DEVNULL
            process = await asyncio.create_subprocess_exec(
                known[name], str(config), "--sentinel", stdout=nothing, stderr=nothing
            )
            stack.push_async_callback(process.wait)
            stack.callback(process.kill)
        watched = Watched(first, second, ports)
        await watched.until_watched()
        yield watched
