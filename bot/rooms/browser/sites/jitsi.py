"""`jitsi+https://HOST/ROOM`: a meeting on any server of Jitsi Meet, entered by its own page.

`web/jitsi.js` is what is known of the page. A token and the room's password come with the address
(`?jwt=…&password=…`): the token goes to the page as Jitsi wants it, the password to our script alone.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from bot.errors import SettingsRefused
from bot.rooms.browser.sites.base import Entrance, Guest, web_url
from dashboard_protocol.room_urls import Place

SCRIPT = Path(__file__).parents[1] / "web" / "jitsi.js"
PASSWORD = "password"
OVERRIDES: Final = {
    "config.prejoinConfig.enabled": False,
    "config.prejoinPageEnabled": False,  # as it was called before
    "config.p2p.enabled": False,
    "config.channelLastN": -1,
    "config.startSilent": True,  # hears nobody
    "config.startWithAudioMuted": True,
    "config.startWithVideoMuted": False,
    "config.disableDeepLinking": True,
    "config.disableThirdPartyRequests": True,
}
"""What the bot asks of the page by its address, as everybody may."""


class JitsiMeet:
    """Jitsi Meet."""

    schemes = frozenset({"jitsi+https", "jitsi+http"})
    example = "jitsi+https://HOST/ROOM"

    def entrance(self, place: Place, guest: Guest) -> Entrance:
        """Open the room's page without the one before it, under the bot's name and with nothing that is heard."""
        if not place.segments:
            raise SettingsRefused(f"{place.bare} names no room: an address of Jitsi Meet looks like {self.example}")
        password = dict(place.query).get(PASSWORD)
        page = replace(place, query=tuple(pair for pair in place.query if pair[0] != PASSWORD))
        overrides = {**OVERRIDES, "userInfo.displayName": guest.name}
        behind = "&".join(f"{name}={quote(json.dumps(value), safe='')}" for name, value in overrides.items())
        who = {"name": guest.name, "password": password}
        return Entrance(
            f"{web_url(page)}#{behind}",
            script=f"{SCRIPT.read_text(encoding='utf-8').strip()}({json.dumps(who)});",
            hint="what is known here is the page of jitsi-meet as of 2023 to 2026",
        )
