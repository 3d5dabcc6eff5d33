"""Display names as people type them → as the bot shows them, and as it knows them again."""

import unicodedata

from bot.opt_out_words import OPT_OUT, asks_not_to_be_read, without_opt_out
from dashboard_protocol.pseudonyms import bare_name

MAX_LENGTH = 60
KEY_LENGTH = 48
"""What is compared of a name: less than is shown, so that a long one is known in full, as shown, and with the word."""
DEFAULT = "Guest"
JOINERS = "\u200c\u200d"
"""Needed inside words of several scripts and inside emoji; every other invisible character is removed."""


def clean_name(name: str) -> str:
    """Remove what could hide or forge text, and shorten; the wish not to be read survives the shortening.

    Args:
        name: What the person typed.

    Returns:
        1 to 60 characters.
    """
    return _shortened(visible_text(name)) or DEFAULT


def name_key(name: str) -> str:
    """Return by what somebody is known again who opted out: the same for a name as typed, as shown, and with the word.

    Args:
        name: What somebody typed, or what is shown of it.

    Returns:
        At most 48 characters; empty for a name that is nothing but the word, or nothing at all: it is nobody's.
    """
    return bare_name(without_opt_out(_shortened(visible_text(name))))[:KEY_LENGTH].strip()


def visible_text(text: str) -> str:
    """Remove what could hide or forge text; empty where there is nothing to be seen."""
    spaced = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    visible = "".join(c for c in spaced if unicodedata.category(c)[0] != "C" or c in JOINERS)
    return _trimmed(unicodedata.normalize("NFC", visible)) if bare_name(visible) else ""


def _shortened(text: str) -> str:
    short = _trimmed(text[:MAX_LENGTH])
    if asks_not_to_be_read(text) and not asks_not_to_be_read(short):
        return f"{_trimmed(text[: MAX_LENGTH - len(OPT_OUT) - 1])} {OPT_OUT}"
    return short


def _trimmed(text: str) -> str:
    return " ".join(text.split()).strip(JOINERS + " ")
