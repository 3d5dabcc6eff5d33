"""What an adapter says of its site: which address it opens, and the script by which the page speaks our language."""

from dataclasses import dataclass, field
from typing import Protocol

from dashboard_protocol.room_urls import Place


@dataclass(frozen=True, slots=True)
class Guest:
    """Who comes in."""

    name: str
    """As everybody sees the bot: it begins with what the bot does, and goes into the page as it is."""
    secret: str = field(default="", repr=False)
    """Of the API of the site's server, where the operator gave one; it never goes to the page."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """How a meeting is entered."""

    url: str = field(repr=False)
    """What is opened: http(s), secrets included."""
    script: str = field(default="", repr=False)
    """Runs in the main document after the hook and before the page's own scripts; defines `window.classpulse` where the
    page does not do so itself. It reads the page's state when it is asked, and changes nothing of it."""
    origins: frozenset[str] = frozenset()
    """Further origins that the page may lead to: `https://HOST[:PORT]`. All others are blocked."""
    hint: str = ""
    """What an operator may do where the page is not understood."""


class Site(Protocol):
    """An adapter. It has no state: all that happens in a meeting is said by its script in the page."""

    @property
    def schemes(self) -> frozenset[str]:
        """Of the addresses that it takes, e.g. `jitsi+https`; whatever stands before the `+` is the adapter's own."""

    @property
    def example(self) -> str:
        """One address, for people."""

    def entrance(self, place: Place, guest: Guest) -> Entrance:
        """Say how a meeting is entered.

        Raises:
            SettingsRefused: The address is none of this site; the text repeats no secret.
        """


def web_url(place: Place) -> str:
    """Return an address as a browser opens it: without the adapter's own part of its scheme."""
    return place.url.removeprefix(place.scheme.partition("+")[0] + "+")


def origin_of(place: Place) -> str:
    """Return the origin of an address, as browsers write it."""
    scheme = place.scheme.rpartition("+")[2]
    host = f"[{place.host}]" if ":" in place.host else place.host
    usual = {"http": 80, "https": 443}.get(scheme)
    return f"{scheme}://{host}" + ("" if place.port in (None, usual) else f":{place.port}")
