"""What people ask of a bot at a gateway, on its way there. `open_privacy_requests(bus)` picks what carries it."""

from dashboard_protocol.bus.base import is_shared
from dashboard_protocol.privacy_requests.base import PrivacyRequests


def open_privacy_requests(bus: str) -> PrivacyRequests | None:
    """Return what carries requests beside a bus; None for a bus of one process, whose bot is asked directly.

    Raises:
        BusError: The URL is unusable.
    """
    if not is_shared(bus):
        return None
    from dashboard_protocol.privacy_requests.redis import RedisPrivacyRequests

    return RedisPrivacyRequests(bus)
