"""Invitations and the workers that serve them. `open_queue(url)` picks a queue by the URL's scheme."""

from dashboard_protocol.bus.base import is_shared
from dashboard_protocol.queue.base import RETENTION_S, HeartbeatReply, Queue
from dashboard_protocol.queue.memory import MemoryQueue
from dashboard_protocol.queue.records import (
    Attempt,
    BotRecord,
    Delivery,
    Due,
    Invitation,
    Moment,
    Notification,
    Webhook,
)

__all__ = [
    "Attempt",
    "BotRecord",
    "Delivery",
    "Due",
    "HeartbeatReply",
    "Invitation",
    "MemoryQueue",
    "Moment",
    "Notification",
    "Queue",
    "Webhook",
    "open_queue",
]


def open_queue(url: str, secret: bytes, *, retention_s: float = RETENTION_S) -> Queue:
    """Return the queue behind `url`, which is the bus's.

    Args:
        url: the scheme picks the queue.
        secret: the same in every gateway and worker (`load_secret`); what others must not read is sealed under it.
        retention_s: how long a bot's states are kept after the last one.

    Raises:
        BusError: The scheme is unknown, or the URL unusable.
    """
    if not is_shared(url):
        return MemoryQueue(retention_s=retention_s)
    from dashboard_protocol.queue.redis import RedisQueue
    from dashboard_protocol.sealing import Sealer

    return RedisQueue(url, Sealer(secret), retention_s=retention_s)
