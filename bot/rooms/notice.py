"""How the bot shows itself to the people in a room."""

from dataclasses import dataclass

from bot.rooms.display_name import OPT_OUT

VISIBLE_SUFFIX = "· reads faces (classpulse)"
"""Every bot's display name ends in this; nothing removes it."""


def visible_name(name: str) -> str:
    """Build the bot's display name, which always says what the bot does.

    Args:
        name: What the operator calls the bot; may be empty.
    """
    chosen = name.replace(VISIBLE_SUFFIX, "").strip() or "Bot"
    return f"{chosen} {VISIBLE_SUFFIX}"


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
    """Say in one line of text what the bot does and how not to be read."""
    return (
        f"{visible_name(notice.bot_name)}: {notice.summary} "
        f"Write {OPT_OUT} here or put it into your name, and your face is not read."
    )
