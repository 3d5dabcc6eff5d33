"""Profiles and their words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.classroom.change_detection import AlertParameters
from bot.disclosure.policy import Policy, levels
from bot.engagement import EngagementMeter, EngagementParameters, PresenceMeter
from bot.errors import SettingsRefused
from dashboard_protocol.events import Profile
from dashboard_protocol.language import Language, speaking
from dashboard_protocol.view.text import level_meaning, level_word
from tests.dashboard_protocol.web.scripted import LEVELS

DEFAULTS = EngagementParameters()


def test_presence_loads_no_expression_network_and_meters_no_attention() -> None:
    policy = Policy(Profile.PRESENCE)
    assert not policy.reads_expressions
    assert not policy.names_people
    assert isinstance(policy.meter(DEFAULTS), PresenceMeter)
    assert policy.alerts(AlertParameters()) is None
    meaning = policy.meaning(DEFAULTS)
    assert meaning.k == 5
    assert meaning.leaves == (
        "counts: present, camera on, and in pairs from 5 people up: face in view, facing the camera"
    )
    assert "expressions" in meaning.never
    assert "engagement" not in meaning.computed


def test_aggregate_says_what_the_page_shows() -> None:
    meaning = Policy(Profile.AGGREGATE).meaning(DEFAULTS)
    assert meaning.computed == "face in view, facing the screen, gaze, eyes, displayed expression, engagement index"
    assert meaning.leaves == (
        "class values while at least 5 people are analysed: 10-s means, rounded to half a person and 5 points, which "
        "change every 5 s at most; counts: present, camera on, and in pairs from 5 people up: face in view, analysed"
    )
    assert meaning.never == "names, pictures, sound"
    assert meaning.opting_out == "by anyone, at any time: privacy page of this room"
    assert (meaning.k, meaning.rounding_points, meaning.window_s, meaning.freeze_s) == (5, 5, 10.0, 10.0)


def test_individual_says_whose_names_leave() -> None:
    policy = Policy(Profile.INDIVIDUAL, k=7)
    meaning = policy.meaning(DEFAULTS)
    assert policy.names_people
    assert isinstance(policy.meter(DEFAULTS), EngagementMeter)
    assert "at least 7 people" in meaning.leaves
    assert "opted in" in meaning.leaves
    assert "did not opt in" in meaning.never


def test_alert_parameters_stand_in_hello() -> None:
    found = Policy(Profile.AGGREGATE).alerts(AlertParameters(warm_up_s=30.0, min_people=6))
    assert found is not None
    assert (found.warm_up_s, found.min_people, found.limit, found.reset_share) == (30.0, 6, 4.0, 0.2)


@pytest.mark.parametrize(("k", "points"), [(2, 5), (0, 5), (5, 4), (5, 51)])
def test_numbers_that_protect_nobody_are_refused(k: int, points: int) -> None:
    with pytest.raises(SettingsRefused, match="choose"):
        Policy(Profile.AGGREGATE, k=k, rounding_points=points)


def test_levels_are_named_lowest_first() -> None:
    found = levels(DEFAULTS)
    assert [level.name for level in found] == ["very low", "low", "high", "very high"]
    assert [level.from_ for level in found] == [0.0, 0.30, 0.55, 0.90]
    assert found[3].means == "with the screen, lively"
    assert found == LEVELS, "as the page's tests have them"


@pytest.mark.parametrize("language", [language for language in Language if language is not Language.EN])
def test_levels_are_named_and_explained_in_every_language(language: Language) -> None:
    with speaking(language):
        for level in levels(DEFAULTS):
            assert level_word(level.name) != level.name
            assert level_meaning(level.name, level.means) != level.means


@given(profile=st.sampled_from(Profile), k=st.integers(-3, 40), points=st.integers(-10, 120))
def test_policy_says_what_it_does_or_is_refused(profile: Profile, k: int, points: int) -> None:
    if k < 3 or not 5 <= points <= 50:
        with pytest.raises(SettingsRefused, match="choose"):
            Policy(profile, k=k, rounding_points=points)
        return
    policy = Policy(profile, k=k, rounding_points=points)
    meaning = policy.meaning(DEFAULTS)
    assert meaning.rounding_points == points
    if policy.reads_expressions:
        assert f"at least {k} people" in meaning.leaves
        assert f"half a person and {points} points" in meaning.leaves
    else:
        assert not {"expression", "index", "attention"} & set(meaning.leaves.split())
    assert policy.names_people == ("with their names" in meaning.leaves)
