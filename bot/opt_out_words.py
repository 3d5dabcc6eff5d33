"""The words by which people opt out, and back in, however they are spelled. Pure; for names and chat of every room."""

import unicodedata

from dashboard_protocol.pseudonyms import INVISIBLE_LETTERS

OPT_OUT = "#optout"
"""In a display name or in chat: this person is not to be read."""
OPT_IN = "#optin"
"""Alone in a person's own chat: they are to be read again, for this stay."""


def asks_not_to_be_read(text: str) -> bool:
    """Tell whether a name or a message asks not to be read: whether the word stands in it, in any spelling.

    Width, case, accents, enclosing keycaps, characters that nobody sees, and hyphens or spaces within the word do not
    matter. Rather somebody is unread who only spoke of the word than read who meant it.
    """
    return OPT_OUT in _squeezed(text)


def asks_to_be_read_again(text: str) -> bool:
    """Tell whether a message asks to be read again: whether it is the word and nothing else, in any spelling.

    Nobody is to come back in by quoting somebody, or by asking what the word does.
    """
    return _squeezed(text) == OPT_IN


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
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(char for char in plain if not _is_passed_over(char))


def _is_passed_over(char: str) -> bool:
    kind = unicodedata.category(char)
    # Marks, what is invisible, spaces, and the dashes that people and spelling checkers put into "opt-out".
    return kind[0] in "MCZ" or kind in ("Pd", "Pc") or char in INVISIBLE_LETTERS


def _without_marks_in_front(text: str) -> str:
    """Drop what belonged to a letter before this text, e.g. the accent of the word's last one."""
    while text and unicodedata.category(text[0])[0] == "M":
        text = text[1:]
    return text
