"""Pages that stand in files: their fixed sentences are named there and are those of the language that is spoken."""

import functools
import re
from pathlib import Path

from markupsafe import Markup, escape

from dashboard_protocol.language import Language, spoken
from dashboard_protocol.view.markup import element
from dashboard_protocol.view.sentences import template, texts

_SENTENCE = re.compile(r"\{\{([\w.]+)(.*?)\}\}")
"""`{{key}}`, or `{{key || place: markup || …}}` where the page has elements within the sentence."""


def page_in_words(page: Path) -> str:
    """Return the text of a page with the sentences in their places."""
    return _filled(page, spoken())


@functools.cache
def _filled(page: Path, _: Language) -> str:
    return _SENTENCE.sub(_worded, page.read_text(encoding="utf-8"))


def _worded(found: re.Match[str]) -> str:
    key, places = found[1], [place.split(": ", 1) for place in found[2].split(" || ")[1:]]
    if key in CHOICES:
        return CHOICES[key]()
    return in_markup(key, **{name: Markup(markup) for name, markup in places})


def in_markup(key: str, /, **pieces: str) -> Markup:
    """Return a sentence as markup, with pieces of markup in its places."""
    return escape(template(key)).format(**pieces)


def language_links() -> Markup:
    """Return links to the same page in each language, in its own name; they work without a script."""
    return Markup(" ").join(
        element(
            "a",
            _own_name(language),
            href=f"?lang={language}",
            lang=language.value,
            hreflang=language.value,
            aria_current="true" if language is spoken() else None,
        )
        for language in Language
    )


def _language_options() -> Markup:
    return Markup().join(
        element(
            "option",
            _own_name(language),
            value=language.value,
            lang=language.value,
            selected="" if language is spoken() else None,
        )
        for language in Language
    )


def _own_name(language: Language) -> str:
    return str(texts(language)["name_of_language"])


CHOICES = {"languages": language_links, "language_options": _language_options}
"""What may stand in the place of a key, for people to choose by."""
