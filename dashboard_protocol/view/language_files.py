"""The sentences of each language as they stand in its file: the only door to `languages/`."""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dashboard_protocol.language import Language

LANGUAGES = Path(__file__).parent / "languages"


@functools.cache
def groups(language: Language) -> Mapping[str, Any]:
    """Return the groups of a language's sentences, read once."""
    found: Mapping[str, Any] = json.loads((LANGUAGES / f"{language}.json").read_text(encoding="utf-8"))
    return found
