"""How the bot shows itself to the people in a room."""

from dataclasses import dataclass

from bot.opt_out_words import OPT_IN, OPT_OUT
from bot.rooms.display_name import visible_text

VISIBLE_PREFIX = "Reads faces (classpulse) ·"
"""Every bot's display name begins with this: nothing removes it, and no client that shortens names cuts it off."""
MAX_CHOSEN = 24
"""Characters of the operator's own part."""


def visible_name(name: str) -> str:
    """Build the bot's display name, which always says first what the bot does; of a name so built it is the same.

    Args:
        name: What the operator calls the bot; may be empty. What hides or forges text in it is removed.
    """
    chosen = visible_text(name)
    while VISIBLE_PREFIX in chosen:
        chosen = visible_text(chosen.replace(VISIBLE_PREFIX, ""))
    return f"{VISIBLE_PREFIX} {visible_text(chosen[:MAX_CHOSEN]) or 'Bot'}"


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are told before they join."""

    bot_name: str
    """As the operator chose it; shown through `visible_name`."""
    profile: str
    """The policy profile's name."""
    summary: str
    """The policy in one sentence."""
    points: tuple[tuple[str, str], ...] = ()
    """Heading and text of what is computed, what leaves the bot, what never does."""
    title: str = ""
    """The room's name for people; its own name if empty."""
    offers_individual: bool = False
    """Whether a person may agree to be read individually."""


def notice_text(notice: Notice) -> str:
    """Say in one line of text what the bot does, and how not to be read and how to be read again."""
    return (
        f"{visible_name(notice.bot_name)}: {notice.summary} "
        f"Write {OPT_OUT} here or put it into your name, and your face is not read. "
        f"To be read again, write {OPT_IN} and nothing else."
    )
