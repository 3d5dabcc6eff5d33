"""Invitations and the workers that serve them. `open_queue(url)` picks a queue by the URL's scheme."""

from urllib.parse import urlsplit

from dashboard_protocol.errors import BusError
from dashboard_protocol.queue.base import RETENTION_S, Order, Queue
from dashboard_protocol.queue.memory import MemoryQueue
from dashboard_protocol.queue.records import Attempt, BotRecord, Delivery, Due, Invitation, Moment, Webhook

__all__ = [
    "Attempt",
    "BotRecord",
    "Delivery",
    "Due",
    "Invitation",
    "MemoryQueue",
    "Moment",
    "Order",
    "Queue",
    "Webhook",
    "open_queue",
]


def open_queue(url: str = "memory://", *, retention_s: float = RETENTION_S) -> Queue:
    """Return the queue behind `url`, which is the bus's.

    Args:
        url: the scheme picks the queue.
        retention_s: how long a bot's states are kept after the last one.

    Raises:
        BusError: The scheme is unknown, or the URL unusable.
    """
    match urlsplit(url).scheme:
        case "memory":
            return MemoryQueue(retention_s=retention_s)
        case "redis" | "rediss":
            from dashboard_protocol.queue.redis import RedisQueue

            return RedisQueue(url, retention_s=retention_s)
        case scheme:
            raise BusError(f"No queue is known for {scheme or url!r}: known are memory://, redis:// and rediss://.")
