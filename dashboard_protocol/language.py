"""Which language pages, terminal and report speak: chosen for each request or command, never for all at once. Pure."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum


class Language(StrEnum):
    """A language that people are spoken to in; `view/languages/` has a file of sentences for each."""

    EN = "en"
    DE = "de"
    FR = "fr"
    ES = "es"
    PT = "pt"
    IT = "it"
    ZH = "zh"
    AR = "ar"


_spoken: ContextVar[Language] = ContextVar("spoken language", default=Language.EN)
_RANGE = re.compile(r"\s*([A-Za-z]{1,8})[A-Za-z0-9-]*\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")
_MOST_RANGES = 20


def spoken() -> Language:
    """Return the language in which sentences are said here: of this request, or of this command."""
    return _spoken.get()


@contextmanager
def speaking(language: Language) -> Iterator[Language]:
    """Say sentences in a language while inside, in this task and those that it starts."""
    before = _spoken.set(language)
    try:
        yield language
    finally:
        _spoken.reset(before)


def named(text: str) -> Language | None:
    """Find a language by its name, `de` or `de-AT`; None for one that nobody has translated to."""
    found = re.fullmatch(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]+)*", text)
    return None if found is None or found[1].lower() not in set(Language) else Language(found[1].lower())


def preferred(accepted: str) -> Language | None:
    """Read `Accept-Language`: what somebody likes best of what there is; None where that is nothing.

    Args:
        accepted: the header's value, such as `de-AT,de;q=0.9,en;q=0.5`; what cannot be read in it is left out.
    """
    liked: list[tuple[float, int, Language]] = []
    for place, part in enumerate(accepted.split(",")[:_MOST_RANGES]):
        found = _RANGE.fullmatch(part)
        language = named(found[1]) if found else None
        if found and language is not None and (quality := float(found[2] or 1)) > 0:
            liked.append((-quality, place, language))
    return min(liked)[2] if liked else None
