"""The words by which people opt out, and back in, however they are spelled. Pure; for names and chat of every room."""

import json
import re
import unicodedata

from dashboard_protocol.auth.pseudonyms import INVISIBLE_LETTERS

OPT_OUT = "#optout"
"""In a display name or in chat: this person is not to be read."""
OPT_IN = "#optin"
"""Alone in a person's own chat: they are to be read again, for this stay."""
LONGEST_OPT_IN = 1_000
"""Characters of a message, with what a client wraps around the word; whoever comes back in writes less."""
_TEXT_FIELDS = ("text", "message", "msg", "body", "content")
"""Under which of these a client that sends JSON says what its person wrote."""
_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")


def asks_not_to_be_read(text: str) -> bool:
    """Return whether a name or a message asks not to be read: whether the word stands in it, in any spelling.

    Width, case, accents, enclosing keycaps, characters that nobody sees, and hyphens or spaces within the word do not
    matter. Rather somebody is unread who only spoke of the word than read who meant it.
    """
    # Names and messages may be long and many: a letter is looked at by itself only where the word may begin.
    plain = _plain(text)
    begin = plain.find(OPT_OUT[0])
    while begin >= 0:
        if _has_word(plain, begin):
            return True
        begin = plain.find(OPT_OUT[0], begin + 1)
    return False


def asks_to_be_read_again(text: str) -> bool:
    """Return whether a message asks to be read again: whether it is the word and nothing else, in any spelling.

    Nobody is to come back in by quoting somebody, or by asking what the word does.
    """
    return len(text) <= LONGEST_OPT_IN and _squeezed(text) == OPT_IN


def message_asks_not_to_be_read(message: str) -> bool:
    """Return the same for a chat message as it came, also of one that a client wrapped in JSON, in whatever field."""
    return asks_not_to_be_read(message) or asks_not_to_be_read(_ESCAPES.sub(_unescaped, message))


def message_asks_to_be_read_again(message: str) -> bool:
    """Return the same for a chat message as it came; of one in JSON, what counts is the one field that has the text."""
    return asks_to_be_read_again(message) or asks_to_be_read_again(_text_in_json(message))


def without_opt_out(name: str) -> str:
    """Take the word out of a name of bounded length, in whatever spelling and as often as it stands there."""
    while asks_not_to_be_read(name):
        plain = unicodedata.normalize("NFKD", name)
        letters = [(letter, at) for at, char in enumerate(plain) for letter in _squeezed(char)]
        begin = "".join(letter for letter, _ in letters).index(OPT_OUT)
        first, last = letters[begin][1], letters[begin + len(OPT_OUT) - 1][1]
        name = f"{plain[:first]} {_without_marks_in_front(plain[last + 1 :])}"
    return name


def _squeezed(text: str) -> str:
    """Keep of a text only what a word is recognised by: its letters and signs, in their plainest form."""
    return "".join(char for char in _plain(text) if not _is_passed_over(char))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())


def _has_word(plain: str, begin: int) -> bool:
    """Return whether the word to opt out stands at a place of a text, which begins with its first letter."""
    wanted = 1
    for at in range(begin + 1, len(plain)):
        if plain[at] == OPT_OUT[wanted]:
            wanted += 1
            if wanted == len(OPT_OUT):
                return True
        elif not _is_passed_over(plain[at]):
            return False
    return False


def _unescaped(escapes: re.Match[str]) -> str:
    return str(json.loads(f'"{escapes[0]}"'))


def _text_in_json(message: str) -> str:
    """Return what a person wrote, of a message that a client sends as JSON; empty where that is not certain."""
    try:
        found = json.loads(message) if len(message) <= LONGEST_OPT_IN else None
    except (ValueError, RecursionError):
        return ""
    texts = [found[name] for name in _TEXT_FIELDS if name in found] if isinstance(found, dict) else [found]
    return texts[0] if len(texts) == 1 and isinstance(texts[0], str) else ""


def _is_passed_over(char: str) -> bool:
    kind = unicodedata.category(char)
    # Marks, what is invisible, spaces, and the dashes that people and spelling checkers put into "opt-out".
    return kind[0] in "MCZ" or kind in ("Pd", "Pc") or char in INVISIBLE_LETTERS


def _without_marks_in_front(text: str) -> str:
    """Drop what belonged to a letter before this text, e.g. the accent of the word's last one."""
    while text and unicodedata.category(text[0])[0] == "M":
        text = text[1:]
    return text
