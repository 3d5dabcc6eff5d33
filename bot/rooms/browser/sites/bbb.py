"""`bbb+https://…`: a BigBlueButton server, 3.0 or newer; its client's page is opened as any guest opens it.

Either a meeting is named and the server's API secret is known here, which signs the bot's join and goes nowhere; or
somebody who has the secret has signed a join link for the bot.
"""

import hashlib
import json
from pathlib import Path
from urllib.parse import urlencode

from bot.errors import SettingsRefused
from bot.rooms.browser.sites.base import Entrance, Guest, origin_of, web_url
from bot.rooms.notice import VISIBLE_PREFIX
from dashboard_protocol.room_urls import JOIN_BY_API, Place

SCRIPT = Path(__file__).parent.parent / "web" / "bbb.js"
API = "/".join(("", *JOIN_BY_API))
ROLES = {"viewer": "VIEWER", "moderator": "MODERATOR"}
PATIENCE_S = 30.0
"""What the client is sure to ask its server for, it has asked for so long after it began."""
ASK_AGAIN_S = 10.0
"""A meeting that has not begun is asked for so often."""
HINT = "the adapter reads BigBlueButton 3; `classpulse check-room` says step by step what it finds"


class BigBlueButton:
    """Rooms of BigBlueButton."""

    schemes = frozenset({"bbb+https", "bbb+http"})
    example = "bbb+https://HOST/MEETING_ID"

    def entrance(self, place: Place, guest: Guest) -> Entrance:
        """Sign the bot's join, or take the link as it was signed."""
        if place.segments == JOIN_BY_API:
            join = _signed_by_others(place)
        elif len(place.segments) == 1 and guest.secret:
            join = _signed(place, guest)
        else:
            raise SettingsRefused(
                f"{place.bare}: name a meeting of a server whose API secret stands in the file of --site-secrets "
                f"({self.example}), or give a join link that was signed for the bot: bbb+https://HOST{API}?…&checksum=…"
            )
        settings = {"joinUrl": join, "patienceMs": PATIENCE_S * 1000, "askAgainMs": ASK_AGAIN_S * 1000}
        script = f"{SCRIPT.read_text(encoding='utf-8').strip()}({json.dumps(settings)});"
        return Entrance(join, script=script, hint=HINT)


def _signed_by_others(place: Place) -> str:
    given = dict(place.query)
    names = [name for name, _ in place.query]
    if twice := [name for name in ("meetingID", "fullName", "checksum") if names.count(name) > 1]:
        raise SettingsRefused(f"{place.bare}: of the join link, {twice[0]} stands there twice")
    if not given.get("checksum") or not given.get("meetingID"):
        raise SettingsRefused(f"{place.bare}: the join link has no checksum or no meetingID: it opens no meeting")
    if not given.get("fullName", "").startswith(VISIBLE_PREFIX):
        raise SettingsRefused(
            f"{place.bare}: the join link is signed for another name than the bot's: sign it with "
            f"bot=true and a fullName that begins with {VISIBLE_PREFIX!r}"
        )
    return web_url(place)


def _signed(place: Place, guest: Guest) -> str:
    role = dict(place.query).get("role", "viewer").lower()
    if role not in ROLES:
        raise SettingsRefused(f"{place.bare}: role={role[:20]} is no role: {' or '.join(ROLES)}")
    query = urlencode(
        {
            "fullName": guest.name,
            "meetingID": place.segments[0],
            "role": ROLES[role],
            "bot": "true",
            "excludeFromDashboard": "true",
            "userdata-bbb_auto_join_audio": "false",
            "userdata-bbb_skip_video_preview": "true",
            "userdata-bbb_show_participants_on_login": "true",
            "userdata-bbb_show_public_chat_on_login": "true",
        }
    )
    checksum = hashlib.sha256(f"join{query}{guest.secret}".encode()).hexdigest()
    return f"{origin_of(place)}{API}?{query}&checksum={checksum}"
