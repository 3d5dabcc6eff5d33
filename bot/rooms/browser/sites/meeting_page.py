"""`browser+https://…`: a page that itself has `window.classpulse`, as `bot/rooms/browser/README.md` describes it."""

from bot.rooms.browser.sites.base import Entrance, Guest, web_url
from dashboard_protocol.room_urls import Place


class MeetingPage:
    """Any page that speaks our language."""

    schemes = frozenset({"browser+https", "browser+http"})
    example = "browser+https://HOST/PATH"

    def entrance(self, place: Place, guest: Guest) -> Entrance:
        """Open it as it is: it learns the bot's name by its `join`."""
        return Entrance(
            web_url(place), hint="the page has to have window.classpulse: bot/rooms/browser/README.md says what it is"
        )
