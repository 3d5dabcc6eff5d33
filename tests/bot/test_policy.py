"""Profiles, their words, and who opted out."""

import pytest

from bot.alerts import AlertParameters
from bot.engagement import EngagementMeter, EngagementParameters, PresenceMeter
from bot.errors import SettingsRefused
from bot.opt_outs import OptOuts
from bot.policy import Policy, levels
from bot.rooms.base import Participant
from dashboard_protocol.events import Profile

DEFAULTS = EngagementParameters()


def test_presence_loads_no_expression_network_and_meters_no_attention() -> None:
    policy = Policy(Profile.PRESENCE)
    assert not policy.reads_expressions
    assert not policy.names_people
    assert isinstance(policy.meter(DEFAULTS), PresenceMeter)
    assert policy.alerts(AlertParameters()) is None
    meaning = policy.meaning(DEFAULTS)
    assert meaning.k == 1
    assert "expressions" in meaning.never
    assert "engagement" not in meaning.computed


def test_aggregate_says_what_the_page_shows() -> None:
    meaning = Policy(Profile.AGGREGATE).meaning(DEFAULTS)
    assert meaning.computed == "face in view, facing the screen, gaze, eyes, displayed expression, engagement index"
    assert meaning.leaves == (
        "class values while at least 5 people are analysed: 10-s means, rounded to 5 points; counts"
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
    assert [level.name for level in found] == ["Very low", "Low", "High", "Very high"]
    assert [level.from_ for level in found] == [0.0, 0.30, 0.55, 0.90]
    assert found[3].means == "with the screen, lively"


def test_word_in_the_name_opts_out_and_holds_across_rejoins() -> None:
    opt_outs = OptOuts()
    assert opt_outs.is_out(Participant("1", "Ann  Lee #OptOut"))
    assert opt_outs.is_out(Participant("9", "ann lee")), "a rejoin brings a new id"
    assert not opt_outs.is_out(Participant("2", "Ben"))


def test_person_opts_out_by_hand_and_back_in_only_by_herself() -> None:
    opt_outs, ann = OptOuts(), Participant("1", "Ann")
    assert opt_outs.opt_out(ann).participant == "1"
    assert opt_outs.is_out(ann)
    assert opt_outs.is_out(Participant("2", "Ann"))
    opt_outs.opt_in(ann)
    assert not opt_outs.is_out(ann)


def test_name_opts_out_everybody_who_bears_it() -> None:
    opt_outs = OptOuts()
    present = [Participant("1", "Ann"), Participant("2", "Ben"), Participant("3", " ANN ")]
    assert [forget.participant for forget in opt_outs.opt_out_name("ann", present)] == ["1", "3"]
    assert not opt_outs.is_out(present[1])
    assert opt_outs.is_out(Participant("4", "Ann")), "also who comes later"


def test_nameless_people_are_not_confused() -> None:
    opt_outs = OptOuts()
    assert opt_outs.is_out(Participant("1", "#optout"))
    assert not opt_outs.is_out(Participant("2", ""))
    assert opt_outs.opt_out_name("  ", [Participant("2", "")]) == ()
