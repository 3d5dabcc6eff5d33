"""Whatever the people of whom only sums leave differ in, a summary is the same while these sums are."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.classroom.summary import Person, is_attentive
from bot.disclosure.gate import Gate
from bot.disclosure.policy import Policy
from bot.disclosure.rounding import half_persons, in_pairs
from bot.engagement import EngagementParameters, PersonValues
from dashboard_protocol.events import ClassSummary, Profile
from dashboard_protocol.vocabulary import DISPLAYED
from tests.bot.disclosure.test_gate import person, room

DEFAULTS = EngagementParameters()
Key = Callable[[list[PersonValues]], object]


def summed(name: str) -> Key:
    return lambda values: half_persons(sum(getattr(each, name) for each in values))


def counted(values: list[PersonValues]) -> object:
    return [in_pairs([each.displayed for each in values].count(name)) for name in DISPLAYED]


FIELDS: dict[str, tuple[st.SearchStrategy[Any], Key]] = {
    "index": (st.floats(0, 1), summed("index")),
    "coverage": (st.floats(0, 1), summed("coverage")),
    "valence": (st.floats(-1, 1), summed("valence")),
    "arousal": (st.floats(-1, 1), summed("arousal")),
    "displayed": (st.sampled_from(DISPLAYED), counted),
    "attention": (
        st.floats(0, 1),
        lambda values: in_pairs(sum(is_attentive(each, DEFAULTS) for each in values)),
    ),
    "facing_camera": (st.booleans(), lambda values: in_pairs(sum(each.facing_camera is True for each in values))),
    "level": (st.integers(0, 3), lambda values: None),
}
"""What a meter says of a person and a summary may say, and what of it a summary may depend on below ten people."""


@st.composite
def a_person(draw: st.DrawFn, number: int, opted_in: bool) -> Person:
    made = person(number, 0.5, opted_in)
    return replace(made, values=replace(made.values, **{name: draw(values) for name, (values, _) in FIELDS.items()}))


@st.composite
def classes(draw: st.DrawFn) -> tuple[list[Person], list[Person], list[Person]]:
    """Shown people, and hidden ones who differ in one field as far as no sum shows."""
    shown = [draw(a_person(50 + number, True)) for number in range(draw(st.integers(0, 4)))]
    hidden = [draw(a_person(number, False)) for number in range(draw(st.integers(5, 9)))]
    field = draw(st.sampled_from(sorted(FIELDS)))
    values, key = FIELDS[field]
    others = list(hidden)
    for place in draw(st.lists(st.integers(0, len(hidden) - 1), min_size=1, max_size=3)):
        others[place] = replace(others[place], values=replace(others[place].values, **{field: draw(values)}))
    assume(key([each.values for each in hidden]) == key([each.values for each in others]))
    return shown, hidden, others


def published(profile: Profile, people: list[Person]) -> list[ClassSummary]:
    gate = Gate(Policy(profile), DEFAULTS)
    return [gate.summary(room(float(second), people)) for second in range(35)]


@pytest.mark.parametrize("profile", list(Profile))
@settings(max_examples=250)
@given(drawn=classes())
def test_no_field_of_a_summary_depends_on_more_than_rounded_sums(
    profile: Profile, drawn: tuple[list[Person], list[Person], list[Person]]
) -> None:
    shown, hidden, others = drawn
    beside = shown if profile is Profile.INDIVIDUAL else []
    reported = [published(profile, [*beside, *people]) for people in (hidden, others)]
    assert reported[0] == reported[1]


@pytest.mark.parametrize("profile", [Profile.AGGREGATE, Profile.INDIVIDUAL])
def test_every_number_of_a_summary_is_among_those_that_were_tested(profile: Profile) -> None:
    """A new field of the event fails here until it is rounded and tested like the others."""
    last = published(profile, [person(number) for number in range(12)])[-1]
    exact = {
        "type",
        "present",
        "camera_on",
        "withheld",
        "reads_per_s",
        "as_of",
        "expressions_unmeasurable",
        "opted_out",
    }
    tested = {
        "visible",
        "facing",
        "analysed",
        "coverage",
        "engagement",
        "expressions",
        "valence",
        "arousal",
        "attentive",
    }
    assert set(ClassSummary.model_fields) == exact | tested
    assert {name for name in tested if getattr(last, name) is None} == {"facing"}
