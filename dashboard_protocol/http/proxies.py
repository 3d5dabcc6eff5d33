"""Whether a request goes by the proxy that the environment names: not back to this machine, and by no SOCKS."""

from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from dashboard_protocol.errors import ProxyRefused


def goes_by_proxy(url: str) -> bool:
    """Say whether the client of a request to `url` may ask the environment for its proxy.

    Raises:
        ProxyRefused: The environment names a SOCKS proxy for it.
    """
    host = urlsplit(url).hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return False
    # HTTP clients prepare for every proxy of the environment, also for those that this request would not take.
    for kind, proxy in getproxies().items():
        if kind != "no" and proxy.lower().startswith("socks"):
            raise ProxyRefused(
                f"{kind.upper()}_PROXY names a SOCKS proxy, which classpulse cannot use: name an HTTP proxy, "
                f"or put {host} into NO_PROXY"
            )
    return True


def is_verified(url: str) -> bool:
    """Whether certificates matter to a request: to read all authorities takes a third of a small command's time."""
    return urlsplit(url).scheme != "http"


def is_loopback(host: str) -> bool:
    """Whether a host, as an address names it, is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
