"""The sentences of pages, terminal and report, by name, as they stand in `languages/`, a file for each language.

A name is its path, with dots between (`end.kicked`). A sentence has places in braces. One that depends on a number is
an object of plural forms, by the categories of Unicode (`one`, `few`, `other`, …), and `n` chooses among them. The
page's `words.js` reads the same files by the same rules.
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from dashboard_protocol.language import Language, spoken
from dashboard_protocol.view.formats import number, plural
from dashboard_protocol.view.language_files import groups

PLURAL = frozenset({"zero", "one", "two", "few", "many", "other"})
Texts = Mapping[str, str | Mapping[str, str]]


def flat(texts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str | Mapping[str, str]]]:
    """Yield the name of every sentence with its text, or with its plural forms."""
    for name, text in texts.items():
        if isinstance(text, str) or PLURAL.issuperset(text):
            yield above + name, text
        else:
            yield from flat(text, f"{above}{name}.")


@functools.cache
def texts(language: Language) -> Texts:
    """Return the sentences of a language by name."""
    return dict(flat(groups(language)))


def knows(key: str) -> bool:
    """Whether there is a sentence of this name."""
    return key in texts(spoken())


def template(key: str, n: object = None) -> str:
    """Return a sentence in the language that is spoken here, with its places still open.

    Args:
        key: its name.
        n: the number that chooses among plural forms.
    """
    text = texts(spoken())[key]
    if isinstance(text, str):
        return text
    return text.get(plural(n), text["other"]) if isinstance(n, int | float) else text["other"]


def say(key: str, /, **values: str | float) -> str:
    """Return a sentence with its places filled in; numbers are written as the language has them.

    Args:
        key: its name.
        values: what stands in its places.
    """
    said = {name: value if isinstance(value, str) else number(value) for name, value in values.items()}
    return template(key, values.get("n")).format_map(said)
