"""The sentences of pages, terminal and report, by name, as they stand in `text.json`.

A name is its path, with dots between (`end.kicked`). A sentence has places in braces. One that depends on a number is
an object of plural forms, by the categories of Unicode (`one`, `few`, `other`, …), and `n` chooses among them. The
page's `words.js` reads the same file by the same rules.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

TEXT_FILE = Path(__file__).parent / "text.json"
PLURAL = frozenset({"zero", "one", "two", "few", "many", "other"})


def flat(texts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str | Mapping[str, str]]]:
    """Yield the name of every sentence with its text, or with its plural forms."""
    for name, text in texts.items():
        if isinstance(text, str) or PLURAL.issuperset(text):
            yield above + name, text
        else:
            yield from flat(text, f"{above}{name}.")


TEXTS = dict(flat(json.loads(TEXT_FILE.read_text(encoding="utf-8"))))


def template(key: str, n: object = None) -> str:
    """Return a sentence with its places still open.

    Args:
        key: its name.
        n: the number that chooses among plural forms.
    """
    text = TEXTS[key]
    return text if isinstance(text, str) else text["one" if n == 1 and "one" in text else "other"]


def say(key: str, /, **values: str | float) -> str:
    """Return a sentence with its places filled in; numbers stand as whole as they are.

    Args:
        key: its name.
        values: what stands in its places.
    """
    said = {name: f"{value:g}" if isinstance(value, float) else value for name, value in values.items()}
    return template(key, values.get("n")).format_map(said)
