"""Display names: nothing hidden, nothing forged, and a wish not to be read is never lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rooms.display_name import MAX_LENGTH, clean_name, is_opted_out


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("  Eve  ", "Eve"),
        ("", "Guest"),
        (" \t\u200b\u202e", "Guest"),
        ("Eve\r\nAda", "Eve Ada"),
        ("Eve\x00\x1b[31m", "Eve [31m"),
        ("\u202eevE", "evE"),
        ("محمد رضا", "محمد رضا"),
        ("👩\u200d🏫 Eve", "👩\u200d🏫 Eve"),
        ("x" * 100, "x" * 60),
        ("Eve #optout", "Eve #optout"),
        ("x" * 100 + " #optout", "x" * 52 + " #optout"),
        ("x" * 57 + "#OPTOUT", "x" * 52 + " #optout"),
    ],
)
def test_name_is_cleaned(typed: str, shown: str) -> None:
    assert clean_name(typed) == shown


@given(st.text(max_size=200), st.sampled_from(["", "#optout", "#OptOut"]), st.text(max_size=50))
def test_name_is_short_visible_and_keeps_the_wish(before: str, wish: str, after: str) -> None:
    shown = clean_name(before + wish + after)
    assert 1 <= len(shown) <= MAX_LENGTH
    assert shown == shown.strip()
    assert shown.isprintable() or "\u200c" in shown or "\u200d" in shown
    assert is_opted_out(shown) or not wish


@given(st.text(max_size=100))
def test_cleaning_twice_changes_nothing(typed: str) -> None:
    assert clean_name(clean_name(typed)) == clean_name(typed)
