"""The bus between bots and gateways. `open_bus(url)` picks one by the URL's scheme."""

from dashboard_protocol.bus.base import RETENTION_S, Bus, Retained, is_shared
from dashboard_protocol.bus.memory import MemoryBus

__all__ = ["Bus", "MemoryBus", "Retained", "open_bus"]


def open_bus(url: str = "memory://", *, retention_s: float = RETENTION_S) -> Bus:
    """Return the bus behind `url`.

    Args:
        url: the scheme picks the bus.
        retention_s: how long a room's events are kept.

    Raises:
        BusError: The scheme is unknown, or the URL unusable.
    """
    if not is_shared(url):
        return MemoryBus(retention_s=retention_s)
    from dashboard_protocol.bus.redis import RedisBus

    return RedisBus(url, retention_s=retention_s)
