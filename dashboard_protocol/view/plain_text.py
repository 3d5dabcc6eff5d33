"""Text from outside, at the edges where something would obey it instead of showing it: terminal, log, page.

What rooms, servers and people send is kept as it came and cleaned here, on its way out: escape sequences that move
a cursor or set a title, line breaks that forge a second line of a log, marks that turn the reading direction around.
"""

import logging
import unicodedata

_OBEYED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
JOINERS = "\u200c\u200d"
"""Needed inside words of several scripts and inside emoji."""
REPLACEMENT = "\ufffd"


def plain(text: object) -> str:
    r"""Return a text in one line that nothing obeys; what a terminal would, stands as `\u001b`, which JSON reads too.

    Args:
        text: anything; printed as `str` gives it.
    """
    said = str(text)
    if said.isascii() and said.isprintable():
        return said
    return "".join(escaped(c) if _is_obeyed(c) else c for c in said)


def plain_lines(text: object) -> str:
    """Return the same of a text that may have several lines."""
    return "\n".join(plain(line.replace("\t", "    ")) for line in str(text).split("\n"))


def shown(text: str) -> str:
    """Return a text for a page, where escapes would only puzzle: each such character is a replacement character."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(REPLACEMENT if _is_obeyed(c) and c not in "\n\t" else c for c in text)


class PlainFormatter(logging.Formatter):
    """Formats records so that each begins one line, and only a traceback of ours adds more."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(name)s %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Write the line."""
        return plain(super().formatMessage(record))

    def formatException(self, ei: "logging._SysExcInfoType") -> str:
        """Write the traceback; what it quotes may be anybody's."""
        return plain_lines(super().formatException(ei))


def log_plainly(level: str) -> None:
    """Have this process log to stderr, through `PlainFormatter`."""
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])


def _is_obeyed(character: str) -> bool:
    return unicodedata.category(character) in _OBEYED and character not in JOINERS


def escaped(character: str) -> str:
    r"""Write a character as `\uXXXX`, in the pairs that JSON has beyond the first 65,536."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
