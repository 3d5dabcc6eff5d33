"""Pages that stand in files: their fixed sentences are named there and are those of `text.json`."""

import functools
import re
from pathlib import Path

from markupsafe import Markup, escape

from dashboard_protocol.view.sentences import template

_SENTENCE = re.compile(r"\{\{([\w.]+)(.*?)\}\}")
"""`{{key}}`, or `{{key || place: markup || …}}` where the page has elements within the sentence."""


@functools.cache
def page_in_words(page: Path) -> str:
    """Return the text of a page with the sentences in their places."""
    return _SENTENCE.sub(_worded, page.read_text(encoding="utf-8"))


def _worded(found: re.Match[str]) -> str:
    key, places = found[1], [place.split(": ", 1) for place in found[2].split(" || ")[1:]]
    return escape(template(key)).format(**{name: Markup(markup) for name, markup in places})
