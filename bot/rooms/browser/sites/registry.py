"""Which adapter takes an address: ours, and those that others bring by an entry point."""

from importlib.metadata import entry_points

from bot.errors import SettingsRefused
from bot.rooms.browser.sites.base import Site
from bot.rooms.browser.sites.bbb import BigBlueButton
from bot.rooms.browser.sites.jitsi import JitsiMeet
from bot.rooms.browser.sites.meeting_page import MeetingPage
from dashboard_protocol.room_urls import Place

ENTRY_POINTS = "classpulse.sites"
"""The group of the adapters of others: `NAME = "MODULE:SITE"`, where SITE keeps `Site`."""


def site_of(place: Place) -> Site | None:
    """Return the adapter of an address; None where there is none."""
    return next((site for site in sites() if place.scheme in site.schemes), None)


def sites() -> list[Site]:
    """Return all adapters: ours first, which nobody else's replaces.

    Raises:
        SettingsRefused: One of others cannot be loaded.
    """
    found: list[Site] = [MeetingPage(), BigBlueButton(), JitsiMeet()]
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            found.append(entry.load())
        except Exception as error:
            raise SettingsRefused(f"the adapter {entry.name!r} ({entry.value}) cannot be loaded: {error}") from error
    return found
