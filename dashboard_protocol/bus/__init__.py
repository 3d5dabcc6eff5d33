"""The bus between bots and gateways. `open_bus(url)` picks one by the URL's scheme."""

from urllib.parse import urlsplit

from dashboard_protocol.bus.base import RETENTION_S, Bus, Retained
from dashboard_protocol.bus.memory import MemoryBus
from dashboard_protocol.errors import BusError

__all__ = ["Bus", "MemoryBus", "Retained", "open_bus"]


def open_bus(url: str = "memory://", *, retention_s: float = RETENTION_S) -> Bus:
    """Return the bus behind `url`.

    Args:
        url: the scheme picks the bus.
        retention_s: how long a room's events are kept.

    Raises:
        BusError: The scheme is unknown, or the URL unusable.
    """
    match urlsplit(url).scheme:
        case "memory":
            return MemoryBus(retention_s=retention_s)
        case "redis" | "rediss":
            from dashboard_protocol.bus.redis import RedisBus

            return RedisBus(url, retention_s=retention_s)
        case scheme:
            raise BusError(f"No bus is known for {scheme or url!r}: known are memory://, redis:// and rediss://.")
