"""How the bot shows itself to the people in a room."""

import asyncio
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.rooms.opt_out_words import OPT_IN, OPT_OUT, asks_not_to_be_read, without_opt_out
from dashboard_protocol.auth.pseudonyms import bare_name
from dashboard_protocol.events import PolicyMeaning
from dashboard_protocol.view.sentences import say
from dashboard_protocol.view.text import policy_rows

MAX_LENGTH = 60


KEY_LENGTH = 48
"""What is compared of a name: less than is shown, so that a long one is known in full, as shown, and with the word."""


DEFAULT = "Guest"


JOINERS = "\u200c\u200d"
"""Needed inside words of several scripts and inside emoji; every other invisible character is removed."""


def clean_name(name: str) -> str:
    """Remove what could hide or forge text, and shorten; the request not to be read survives the shortening.

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
    """What people may know before they join."""

    bot_name: str
    """As the operator chose it; shown through `visible_name`."""
    profile: str
    """The policy profile's name."""
    summary: str = ""
    """The policy in one sentence, where it is another than the profile's, which is said in the reader's language."""
    points: tuple[tuple[str, str], ...] = ()
    """Heading and text of what is computed, likewise."""
    meaning: PolicyMeaning | None = None
    """The policy with its numbers; None where it is not known yet."""
    title: str = ""
    """The room's name for people; its own name if empty."""
    offers_individual: bool = False
    """Whether a person may agree to be read individually."""
    shares_class: bool = False
    """Whether people in a room of ours may see what their teacher sees."""


def summary_of(notice: Notice) -> str:
    """Say the policy in one sentence that needs no other, and its name in a second."""
    if notice.summary:
        return notice.summary
    return f"{say(f'notice.sees.{notice.profile}')} {say('notice.watched', profile=notice.profile)}"


def points_of(notice: Notice) -> Sequence[tuple[str, str]]:
    """Say what is computed, what leaves the bot, what never does, and how to opt out: heading and text of each."""
    return notice.points or ([] if notice.meaning is None else policy_rows(notice.meaning))


def notice_text(notice: Notice) -> str:
    """Say in one line of text what the bot does, and how not to be read and how to be read again."""
    return say("notice.text", bot=visible_name(notice.bot_name), summary=summary_of(notice), out=OPT_OUT, back=OPT_IN)


HEARD_AFTER_S = 5.0
"""A newcomer needs so long until they can hear us."""


AGAIN_AFTER_S = 60.0
"""Everybody hears what is meant for the newcomer, so it is not said more often."""


class Announcer:
    """Says something to each newcomer, to several at once where they come together; `close` it, always."""

    def __init__(self, say: Callable[[], object]) -> None:
        """Prepare.

        Args:
            say: Says it to everybody.
        """
        self._say = say
        self._next: asyncio.TimerHandle | None = None
        self._last_s = -AGAIN_AFTER_S

    def newcomer(self) -> None:
        """Somebody came who has not heard it."""
        if self._next is None:
            loop = asyncio.get_running_loop()
            due_s = max(loop.time() + HEARD_AFTER_S, self._last_s + AGAIN_AFTER_S)
            self._next = loop.call_at(due_s, self._speak)

    def close(self) -> None:
        """Say nothing any more."""
        if self._next is not None:
            self._next.cancel()

    def _speak(self) -> None:
        self._next, self._last_s = None, asyncio.get_running_loop().time()
        self._say()
