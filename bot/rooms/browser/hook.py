"""The script that runs in every document of the bot's browser before the page's own: `web/hook.js` with its numbers."""

import json
from base64 import b64encode
from pathlib import Path
from secrets import token_hex

from bot.rooms.notice import Notice
from bot.rooms.notice_picture import HEIGHT_PX, INTERVAL_S, WIDTH_PX, notice_png

WEB = Path(__file__).with_name("web")


def binding_name() -> str:
    """Make up a name by which the hook, before anybody else runs, finds what gives it a token."""
    return f"_{token_hex(8)}"


def hook_script(notice: Notice, *, binding: str, port: int, relay_only: bool = False) -> str:
    """Return the script.

    Args:
        notice: What the bot's camera shows.
        binding: Name of the function that gives a token.
        port: Where the frame socket listens.
        relay_only: Whether media go through TURN servers only.
    """
    picture = b64encode(notice_png(notice)).decode()
    values = {
        "binding": binding,
        "port": port,
        "relayOnly": relay_only,
        "picture": {
            "url": f"data:image/png;base64,{picture}",
            "size": [WIDTH_PX, HEIGHT_PX],
            "interval_ms": INTERVAL_S * 1000,
        },
        "workerSource": (WEB / "frames.js").read_text(encoding="utf-8"),
    }
    return f"{(WEB / 'hook.js').read_text(encoding='utf-8').strip()}({json.dumps(values)});"
