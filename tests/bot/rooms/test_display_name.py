"""Display names: nothing hidden, nothing forged, and a request not to be read is never lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rooms.notice import DEFAULT, MAX_CHOSEN, MAX_LENGTH, VISIBLE_PREFIX, clean_name, visible_name
from bot.rooms.opt_out_words import asks_not_to_be_read
from tests.hostile import CLAIMS_TO_BE_A_BOT, LOUD_NAMES, OPT_OUT_SPELLINGS


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("  Eve  ", "Eve"),
        ("", "Guest"),
        (" \t\u200b\u202e", "Guest"),
        ("\u3164\u2800", "Guest"),
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


def is_presentable(shown: str) -> bool:
    """Whether a text of one line is short, and hides and forges nothing."""
    return (
        1 <= len(shown) <= MAX_LENGTH
        and shown == shown.strip()
        and shown.replace("\u200c", "").replace("\u200d", "").isprintable()
    )


@given(st.text(max_size=200), st.sampled_from(["", *OPT_OUT_SPELLINGS]), st.text(max_size=50))
def test_name_is_short_visible_and_keeps_the_request_to_opt_out(before: str, request: str, after: str) -> None:
    shown = clean_name(f"{before} {request} {after}")
    assert is_presentable(shown)
    assert asks_not_to_be_read(shown) or not request


@given(st.text(max_size=100))
def test_cleaning_twice_changes_nothing(typed: str) -> None:
    assert clean_name(clean_name(typed)) == clean_name(typed)


@pytest.mark.parametrize("typed", LOUD_NAMES)
def test_names_that_try_to_hide_or_forge_are_shown_and_compared_without_that(typed: str) -> None:
    assert is_presentable(clean_name(typed))
    assert clean_name(clean_name(typed)) == clean_name(typed)
    assert clean_name(typed) == DEFAULT or clean_name(typed).strip("\u200c\u200d")


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        ("Ada", "Reads faces (classpulse) · Ada"),
        ("", "Reads faces (classpulse) · Bot"),
        (" \u200b", "Reads faces (classpulse) · Bot"),
        ("Reads faces (classpulse) · Ada", "Reads faces (classpulse) · Ada"),
        ("A\u202eda\r\n  Lovelace", "Reads faces (classpulse) · Ada Lovelace"),
        ("Biology 101 in the morning, room 7", "Reads faces (classpulse) · Biology 101 in the morni"),
    ],
)
def test_bot_says_first_what_it_does_and_then_how_it_is_called(chosen: str, shown: str) -> None:
    assert visible_name(chosen) == shown


@given(st.text(max_size=100) | st.sampled_from(LOUD_NAMES + CLAIMS_TO_BE_A_BOT))
def test_no_operator_hides_what_a_bot_does(chosen: str) -> None:
    shown = visible_name(chosen)
    assert shown.startswith(f"{VISIBLE_PREFIX} ")
    assert is_presentable(shown)
    assert len(shown) <= len(VISIBLE_PREFIX) + 1 + MAX_CHOSEN
    assert shown.count(VISIBLE_PREFIX) == 1
    assert visible_name(shown) == shown
