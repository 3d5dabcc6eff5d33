"""Invitations and the workers that serve them. `open_queue(url)` picks a queue by the URL's scheme."""

from urllib.parse import urlsplit

from dashboard_protocol.errors import BusError
from dashboard_protocol.queue.base import BotRecord, Invitation, Moment, Order, Queue
from dashboard_protocol.queue.memory import MemoryQueue

__all__ = ["BotRecord", "Invitation", "MemoryQueue", "Moment", "Order", "Queue", "open_queue"]


def open_queue(url: str = "memory://") -> Queue:
    """Return the queue behind `url`, which is the bus's.

    Raises:
        BusError: The scheme is unknown, or the URL unusable.
    """
    match urlsplit(url).scheme:
        case "memory":
            return MemoryQueue()
        case "redis" | "rediss":
            from dashboard_protocol.queue.redis import RedisQueue

            return RedisQueue(url)
        case scheme:
            raise BusError(f"No queue is known for {scheme or url!r}: known are memory://, redis:// and rediss://.")
