"""What processes keep and pass on in place of a person's name: a keyed hash, from which no list of names arises."""

import hashlib
import hmac
import re
import unicodedata

_LABELLED = re.compile(r"[0-9a-f]{8}\.[0-9a-f]{32}")


class Pseudonyms:
    """Makes them; the same everywhere that has the secret, and another in every room.

    Args:
        secret: as of links and tokens.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._label = self._hash("label of the secret")[:8] + "."

    def mark(self, text: str) -> str:
        """Return what only holders of the secret can make of a text that is nobody's name."""
        return self._hash(f"\0{text}")

    def of(self, room: str, name: str) -> str:
        """Return that of everybody of a name in a room; capitals, spaces and forms of the same letter do not matter."""
        return self._hash(f"{room}\0{bare_name(name)}")

    def labelled(self, room: str, name: str) -> str:
        """Return the same behind a label of the secret, for readers that may hold another one by mistake."""
        return self._label + self.of(room, name)

    @staticmethod
    def is_one(text: str) -> bool:
        """Whether a text is a labelled pseudonym of whatever secret."""
        return _LABELLED.fullmatch(text) is not None

    def is_ours(self, labelled: str) -> bool:
        """Whether it was made with this secret: else nobody can be found by it."""
        return labelled.startswith(self._label)

    def _hash(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()[:32]


INVISIBLE_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs without a shape: Hangul fillers and the empty Braille pattern."""
_INVISIBLE_MARKS = ((0x34F, 0x34F), (0x17B4, 0x17B5), (0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
"""Marks without a shape: the grapheme joiner, vowels that are only implied, and variation selectors."""


def bare_name(name: str) -> str:
    """Reduce a display name to what is the same however it is written: everything that compares names goes through it.

    Compatible forms (NFKC), capitals and spaces do not matter, nor do characters that nobody sees or enclosing keycaps.
    """
    plain = _visible(unicodedata.normalize("NFKC", _visible(name)))
    return " ".join(unicodedata.normalize("NFKC", plain.casefold()).split())


def _visible(text: str) -> str:
    return "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text if _is_seen(char))


def _is_seen(char: str) -> bool:
    kind = unicodedata.category(char)
    if kind == "Cc":  # line ends and tabs part words
        return True
    if kind[0] == "C" or kind == "Me" or char in INVISIBLE_LETTERS:
        return False
    return not (kind == "Mn" and any(first <= ord(char) <= last for first, last in _INVISIBLE_MARKS))
