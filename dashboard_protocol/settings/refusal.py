"""Pure: words for a value that was refused; those of the validating library are for programmers."""

from collections.abc import Mapping
from typing import Any

LONGEST_SHOWN = 120
"""Characters of a value that a refusal quotes."""
WORDS = {
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_parsing": "yes or no",
    "bool_type": "yes or no",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} at most",
    "enum": "one of {expected}",
    "literal_error": "one of {expected}",
    "string_type": "text",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "path_type": "a path",
}
"""What to give instead, by the kind of the problem as the validating library numbers them."""


def as_given(name: str, value: object) -> str:
    """Write a flag or variable with its value, as it was given."""
    text = str(value)
    quoted = repr(text) if not text or any(character.isspace() for character in text) else text
    shown = quoted if len(quoted) <= LONGEST_SHOWN else f"{quoted[:LONGEST_SHOWN]}…"
    return f"{name} {shown}" if name.startswith("-") or not name.isupper() else f"{name}={shown}"


def is_ours(problem: Mapping[str, Any]) -> bool:
    """Whether a check of ours refused it, which says itself what was given."""
    return isinstance(problem.get("ctx", {}).get("error"), Exception)


def instead(problem: Mapping[str, Any]) -> str:
    """Say what to give instead of what was refused; a sentence of ours where our own check refused it.

    Args:
        problem: one of a `ValidationError.errors()`.
    """
    if is_ours(problem):
        return str(problem["ctx"]["error"])
    kind = str(problem["type"])
    if kind.startswith(("datetime", "timezone")):
        return "a time with its offset, e.g. 2026-09-01T09:00:00+02:00"
    return WORDS.get(kind, "something else").format(**problem.get("ctx", {}))
