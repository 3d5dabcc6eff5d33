"""Display names as people type them → as the bot shows them."""

import unicodedata

MAX_LENGTH = 60
DEFAULT = "Guest"
OPT_OUT = "#optout"
"""A person whose name contains this is not read."""
JOINERS = "\u200c\u200d"
"""Needed inside words of several scripts and inside emoji; every other invisible character is removed."""


def is_opted_out(name: str) -> bool:
    """Tell whether a display name asks not to be read."""
    return OPT_OUT in name.casefold()


def clean_name(name: str) -> str:
    """Remove what could hide or forge text, and shorten; the wish not to be read survives the shortening.

    Args:
        name: What the person typed.

    Returns:
        1 to 60 characters.
    """
    spaced = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in name)
    visible = "".join(c for c in spaced if unicodedata.category(c)[0] != "C" or c in JOINERS)
    text = " ".join(visible.split()).strip(JOINERS)
    if not text:
        return DEFAULT
    if len(text) > MAX_LENGTH and is_opted_out(text) and not is_opted_out(text[:MAX_LENGTH]):
        return text[: MAX_LENGTH - len(OPT_OUT) - 1].rstrip() + " " + OPT_OUT
    return text[:MAX_LENGTH].rstrip()
