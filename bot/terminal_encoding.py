"""Text for terminals and files that cannot show every character: said in simpler ones, never a traceback."""

import codecs
import io
from typing import TextIO

from dashboard_protocol.view.plain_text import escaped

_NAME = "classpulse.plain"
_SIMPLER = {
    "…": "...", "–": "-", "—": "-", "−": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "·": "-", "→": "->", "×": "x",
    "≥": ">=", "≤": "<=", "±": "+-", "\u00a0": " ", "\u202f": " ",
}  # fmt: skip


def speak_plainly(stream: TextIO) -> None:
    r"""Have a stream say what its encoding lacks in simpler signs, and all else as `\uXXXX`, which JSON reads too."""
    if isinstance(stream, io.TextIOWrapper):  # else a test's own, or one that somebody closed
        stream.reconfigure(errors=_NAME)


def _simpler(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_SIMPLER.get(character) or escaped(character) for character in text), error.end


codecs.register_error(_NAME, _simpler)
