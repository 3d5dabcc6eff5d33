"""A client of the Redis behind an address, found through Sentinel where that says so; it leaves who is no master.

A server that answers but takes no writes (READONLY, LOADING, MASTERDOWN, NOREPLICAS) was the master, or is not yet: its
connection is thrown away when it says so, and the next one asks again who it is.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.asyncio import Connection, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, MasterDownError, ReadOnlyError, ResponseError

from dashboard_protocol.errors import BusUnknown

ANSWER_S = 3.0
"""Redis that does not answer for so long is away."""
SENTINEL_S = 1.0
"""A Sentinel that does not answer for so long is passed over."""
SENTINEL_PORT = 26379

HOW = (
    "This is no Redis URL: write redis://:PASSWORD@HOST:PORT/0, rediss:// for TLS, "
    "or redis+sentinel://:PASSWORD@HOST:PORT,HOST:PORT/SERVICE/0."
)


class NoMaster(ConnectionError):
    """The server is no master now."""


def connect(url: str, *, retries: int = 0) -> Redis:
    """Return a client of the Redis behind a URL; nothing is opened yet.

    Args:
        url: what an operator gave.
        retries: how often a command is tried again at once; a connection of before an outage fails only when used.

    Raises:
        BusUnknown: It is no URL of a Redis.
    """
    options: dict[str, Any] = {
        "decode_responses": True,
        # Strictly, a message that is no UTF-8 would be read again and again.
        "encoding_errors": "replace",
        "socket_timeout": ANSWER_S,
        "socket_connect_timeout": ANSWER_S,
        "retry": Retry(NoBackoff(), retries),
    }
    try:
        pool = _found_by_sentinel(url, options) if is_sentinel(url) else ConnectionPool.from_url(url, **options)
        pool.connection_class = _leaving(pool.connection_class)  # type: ignore[arg-type]
        pool.make_connection()  # type: ignore[no-untyped-call]  # unknown options of the URL show only here
        return Redis.from_pool(pool)
    except (ValueError, TypeError):
        # The cause may quote the password.
        raise BusUnknown(HOW) from None


def is_sentinel(url: str) -> bool:
    """Whether the URL names Sentinels that know where Redis is."""
    return urlsplit(url).scheme == "redis+sentinel"


def place(url: str) -> str:
    """Return where it is for people: host and port, or the service and its Sentinels; no password."""
    if is_sentinel(url):
        try:
            hosts, service, _ = _parts(url)
        except ValueError:
            return "an address that cannot be read"
        return f"{service} (Sentinel at {', '.join(f'{host}:{port}' for host, port in hosts)})"
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"


class _Pool(SentinelConnectionPool):
    """Closes its Sentinels with itself."""

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


def _found_by_sentinel(url: str, options: dict[str, Any]) -> ConnectionPool:
    hosts, service, database = _parts(url)
    user, _, password = urlsplit(url).netloc.rpartition("@")[0].partition(":")
    asked = dict(parse_qsl(urlsplit(url).query, strict_parsing=True)) if urlsplit(url).query else {}
    own = {
        "socket_timeout": SENTINEL_S,
        "socket_connect_timeout": SENTINEL_S,
        "retry": Retry(NoBackoff(), 0),
        "username": asked.pop("sentinel_username", None),
        "password": asked.pop("sentinel_password", None),
    }
    if asked:
        raise ValueError("unknown options")
    return _Pool(
        service,
        Sentinel(hosts, sentinel_kwargs=own),  # type: ignore[no-untyped-call]
        username=unquote(user) or None,
        password=unquote(password) or None,
        db=database,
        **options,
    )


def _parts(url: str) -> tuple[list[tuple[str, int]], str, int]:
    """Return the Sentinels, the name of the service, and the number of the database."""
    parts = urlsplit(url)
    hosts = []
    for named in parts.netloc.rpartition("@")[2].split(","):
        host = urlsplit(f"//{named}")
        if not host.hostname:
            raise ValueError("a Sentinel without a name")
        hosts.append((host.hostname, host.port or SENTINEL_PORT))
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError("no service")
    return hosts, service, int(database or 0)


def _leaving(kind: type[Connection]) -> type[Connection]:
    """Return a kind of connection that ends once its server says that it is no master."""

    async def read_response(self: Connection, *args: Any, **options: Any) -> Any:
        read: Callable[..., Awaitable[Any]] = super(leaving, self).read_response
        try:
            return await read(*args, **options)
        except (ReadOnlyError, MasterDownError, BusyLoadingError) as error:
            await self.disconnect(nowait=True)
            raise NoMaster(str(error)) from None
        except ResponseError as error:
            # The last one ends a read that blocked when the server was made a replica.
            if not str(error).startswith(("NOREPLICAS", "UNBLOCKED")):
                raise
            await self.disconnect(nowait=True)
            raise NoMaster(str(error)) from None

    leaving: type[Connection] = type(f"Leaving{kind.__name__}", (kind,), {"read_response": read_response})
    return leaving
