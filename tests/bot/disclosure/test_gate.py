"""What leaves the bot under each profile."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.classroom.change_detection import Change
from bot.classroom.summary import ClassValues, Person
from bot.disclosure.gate import Gate, fold
from bot.disclosure.policy import Policy
from bot.disclosure.rounding import Rounding
from bot.engagement import EngagementParameters, PersonValues
from bot.engagement.levels import raw_level
from bot.rooms.base import Participant
from dashboard_protocol.auth.consent import Consent
from dashboard_protocol.events import ClassSummary, Profile, Unmeasurable, Withheld

DEFAULTS = EngagementParameters()


def person(
    number: int, index: float | None = 0.62, opted_in: bool = False, displayed: str | None = "neutral"
) -> Person:
    """One person; everything follows from the index."""
    measured = index is not None
    return Person(
        Participant(f"p{number}", f"Name {number}", opted_in),
        PersonValues(
            at=0.0,
            camera_on=True,
            visible=measured,
            facing_camera=measured,
            unmeasurable=None if measured else Unmeasurable.NOT_IN_VIEW,
            since=1.0,
            reads_per_s=4.04,
            as_of=5.0,
            index=index,
            level=None if index is None else raw_level(index, DEFAULTS),
            coverage=0.913 if measured else None,
            attention=None if index is None else min(1.0, index / 0.85),
            displayed=displayed if measured else None,
            valence=-0.012 if measured and displayed else None,
            arousal=0.021 if measured and displayed else None,
        ),
    )


def room(at: float, people: Sequence[Person], cameras: int | None = None) -> ClassValues:
    analysed = tuple(each for each in people if each.values.index is not None)
    visible = tuple(each for each in people if each.values.visible)
    facing = tuple(each for each in visible if each.values.facing_camera)
    count = len(people)
    camera_on = count if cameras is None else cameras
    return ClassValues(at, count + 1, camera_on, tuple(people), visible, facing, analysed, 4.04 * count, 5.0)


class Watched:
    """A gate that is asked once a second."""

    def __init__(self, profile: Profile = Profile.AGGREGATE, k: int = 5) -> None:
        self.gate = Gate(Policy(profile, k=k), DEFAULTS)
        self.at = 0.0

    def seconds(self, count: int, people: Sequence[Person], cameras: int | None = None) -> list[ClassSummary]:
        found = []
        for _ in range(count):
            self.at += 1.0
            found.append(self.gate.summary(room(self.at, people, cameras)))
        return found


def means(summaries: Sequence[ClassSummary]) -> list[float | None]:
    return [None if each.engagement is None else each.engagement.mean for each in summaries]


def test_first_values_come_after_the_freeze_and_are_rounded_to_five_points() -> None:
    found = Watched().seconds(12, [person(number) for number in range(6)])
    assert means(found) == [None] * 10 + [0.60] * 2
    assert {each.withheld for each in found[:10]} == {Withheld.SETTLING}
    last = found[-1]
    assert last.withheld is None
    assert (last.analysed, last.present, last.coverage, last.attentive) == (6, 7, 0.90, 0.75)
    assert last.facing is None, "head counts belong to presence"
    assert last.expressions is not None
    assert last.expressions["neutral"] == 1.0
    assert last.expressions["happy"] == 0.0
    assert list(last.expressions) == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "unclear"]
    assert (last.valence, last.arousal) == (0.0, 0.0)
    assert last.engagement is not None
    assert last.engagement.level == 2
    assert (last.engagement.q1, last.engagement.levels) == (None, None)
    assert last.reads_per_s == 24.2


def test_change_of_the_set_repeats_the_last_values_for_ten_seconds() -> None:
    watched, people = Watched(), [person(number, 0.8) for number in range(6)]
    watched.seconds(11, people)
    found = watched.seconds(11, [*people, person(6, 0.1)])
    assert means(found) == [0.85] * 10 + [0.70]
    assert [each.analysed for each in found] == [6] * 11, "counted in pairs"
    assert {each.withheld for each in found} == {None}


def test_changes_within_a_freeze_do_not_prolong_it_and_the_set_is_adopted_at_its_end() -> None:
    watched, people = Watched(), [person(number, 0.8) for number in range(6)]
    watched.seconds(11, people)
    watched.seconds(6, people[:5])
    found = watched.seconds(6, [*people[:5], person(7, 0.2)])
    assert means(found) == [0.85] * 4 + [0.65] * 2


def test_below_k_everything_is_withheld_at_once_and_returns_ten_seconds_after_the_fifth_person() -> None:
    watched, people = Watched(), [person(number) for number in range(5)]
    assert means(watched.seconds(11, people))[-1] == 0.60
    below = watched.seconds(1, people[:4])[0]
    assert below.withheld is Withheld.BELOW_K
    assert (below.engagement, below.expressions, below.valence, below.attentive, below.coverage) == (None,) * 5
    assert (below.analysed, below.visible) == (None, None)
    assert (below.present, below.camera_on) == (5, 4)
    found = watched.seconds(11, people)
    assert {each.withheld for each in found[:10]} == {Withheld.SETTLING}
    assert means(found) == [None] * 10 + [0.60]


def test_people_without_an_index_do_not_count_towards_k() -> None:
    found = Watched().seconds(12, [*(person(number) for number in range(4)), person(8, None)])
    assert {each.withheld for each in found} == {Withheld.BELOW_K}


def test_quartiles_and_shares_come_from_ten_people_on() -> None:
    indexes = [0.1, 0.4, 0.4, 0.4, 0.6, 0.6, 0.6, 0.6, 0.97, 0.97, 0.97]
    nine = Watched().seconds(11, [person(number, index) for number, index in enumerate(indexes[:9])])[-1].engagement
    eleven = Watched().seconds(31, [person(number, index) for number, index in enumerate(indexes)])[-1].engagement
    assert nine is not None
    assert (nine.q1, nine.q3, nine.levels) == (None, None, None)
    assert eleven is not None
    assert (eleven.q1, eleven.q3) == (0.40, 0.80)
    assert eleven.levels == (0.0, 0.35, 0.35, 0.25), "one person at level 0 is folded into level 1"


@pytest.mark.parametrize(
    ("counts", "folded"),
    [
        ((5, 5, 5, 5), (5, 5, 5, 5)),
        ((1, 9, 0, 0), (0, 10, 0, 0)),
        ((2, 0, 8, 0), (0, 0, 10, 0)),
        ((4, 1, 5, 0), (4, 0, 6, 0)),
        ((4, 2, 4, 0), (4, 0, 6, 0)),
        ((1, 1, 1, 7), (0, 0, 3, 7)),
        ((0, 0, 1, 0), (0, 0, 1, 0)),
    ],
)
def test_levels_of_one_or_two_people_are_folded(
    counts: tuple[int, int, int, int], folded: tuple[int, int, int, int]
) -> None:
    assert fold(counts) == folded


@given(st.tuples(*[st.integers(0, 12)] * 4).filter(lambda counts: sum(counts) >= 10))
def test_folding_keeps_everybody_and_points_at_nobody(counts: tuple[int, int, int, int]) -> None:
    folded = fold(counts)
    assert sum(folded) == sum(counts)
    assert all(count == 0 or count >= 3 for count in folded)


def test_level_is_that_of_the_rounded_mean() -> None:
    people = [person(number, 0.54) for number in range(7)]
    engagement = Watched().seconds(11, people)[-1].engagement
    assert engagement is not None
    assert (engagement.mean, engagement.level) == (0.55, 2)


def test_expressions_of_fewer_than_k_people_are_withheld() -> None:
    people = [person(number, displayed="happy" if number < 4 else None) for number in range(6)]
    last = Watched().seconds(11, people)[-1]
    assert last.engagement is not None
    assert (last.expressions, last.valence, last.arousal) == (None, None, None)


def test_counts_of_faces_are_withheld_below_k_and_reported_in_pairs_above() -> None:
    for profile in Profile:
        for number, reported in ((4, None), (5, 4), (6, 6), (7, 6), (12, 12), (13, 12)):
            last = Watched(profile).seconds(12, [person(each) for each in range(number)])[-1]
            assert (last.visible, last.present, last.camera_on) == (reported, number + 1, number)
            assert last.facing == (reported if profile is Profile.PRESENCE else None)
            assert last.analysed == (None if profile is Profile.PRESENCE else reported)


def test_opt_out_of_all_but_one_leaves_no_count_of_that_ones_face() -> None:
    """Five strangers' opt-outs, and what is left was one person's truth, every second."""
    for profile in (Profile.PRESENCE, Profile.AGGREGATE):
        watched = Watched(profile)
        watched.seconds(15, [person(number) for number in range(6)])
        there = watched.seconds(20, [person(0)], cameras=6)
        away = watched.seconds(20, [person(0, None)], cameras=6)
        assert {(each.visible, each.facing, each.analysed) for each in (*there, *away)} == {(None, None, None)}
        assert {each.camera_on for each in (*there, *away)} == {6}, "opting out switches no camera off"


def test_counts_of_faces_rest_for_ten_seconds_after_a_change_of_the_set() -> None:
    watched, people = Watched(Profile.PRESENCE), [person(number) for number in range(10)]
    assert [each.visible for each in watched.seconds(12, people)] == [None] * 10 + [10] * 2
    left = watched.seconds(11, people[:8], cameras=10)
    assert [(each.visible, each.facing) for each in left] == [(10, 10)] * 10 + [(8, 8)]
    turned = [replace(each, values=replace(each.values, facing_camera=False)) for each in people[:4]] + people[4:8]
    found = watched.seconds(11, turned, cameras=10)
    assert [(each.visible, each.facing) for each in found] == [(8, 8)] * 10 + [(8, 4)], "also who faces is such a set"
    flickering = [each for _ in range(15) for each in (*watched.seconds(1, people[:8]), *watched.seconds(1, turned))]
    changes = [n for n in range(1, 30) if flickering[n].facing != flickering[n - 1].facing]
    assert all(later - earlier >= 10 for earlier, later in pairwise(changes))


def test_counts_that_rest_never_say_more_faces_than_cameras() -> None:
    watched, people = Watched(Profile.PRESENCE), [person(number) for number in range(12)]
    watched.seconds(12, people)
    off = watched.seconds(1, people[:7])[0]
    assert (off.camera_on, off.visible, off.facing) == (7, 6, 6)


def test_people_who_opted_in_do_not_help_to_count_the_few_others() -> None:
    shown = [person(50 + number, opted_in=True) for number in range(7)]
    few = [person(number) for number in range(4)]
    last = Watched(Profile.INDIVIDUAL).seconds(12, [*shown, *few])[-1]
    assert (last.visible, last.analysed) == (6, 6)


def test_one_consent_counts_once_towards_k() -> None:
    """A token of one's own is the only thing that shows that five participants are one person."""
    consent = Consent("room", "Ada", 0, 2.0)
    five = [person(number, opted_in=True) for number in range(5)]
    same = [replace(each, participant=replace(each.participant, consent=consent)) for each in five]
    assert Watched(Profile.INDIVIDUAL).seconds(12, five)[-1].withheld is None
    assert Watched(Profile.INDIVIDUAL).seconds(12, same)[-1].withheld is Withheld.BELOW_K


def test_expressions_are_shares_of_people_by_what_their_faces_display() -> None:
    """Eight of nine cards say happiness, and so does the bar; one person alone is not counted."""
    people = [person(number, displayed="happy" if number else "sad") for number in range(9)]
    expressions = Watched().seconds(12, people)[-1].expressions
    assert expressions is not None
    assert (expressions["happy"], expressions["sad"]) == (0.95, 0.0), "eight or nine, and none or one"
    puzzled = [person(number, displayed=("unclear", "happy", "angry")[number % 3]) for number in range(24)]
    expressions = Watched().seconds(12, puzzled)[-1].expressions
    assert expressions is not None
    assert expressions == {
        "angry": 0.35, "disgust": 0.0, "fear": 0.0, "happy": 0.35, "sad": 0.0, "surprise": 0.0, "neutral": 0.0,
        "unclear": 0.35,
    }  # fmt: skip


def test_published_values_change_at_most_every_five_seconds_and_only_after_five_beyond_their_border() -> None:
    watched = Watched()
    calm, away = ([person(number, index) for number in range(6)] for index in (0.8, 0.2))
    watched.seconds(12, calm)
    assert set(means([each for _ in range(6) for each in (*watched.seconds(4, away), *watched.seconds(1, calm))])) == {
        0.85
    }
    found = watched.seconds(15, [*away])
    reported = [(each.engagement and each.engagement.mean, each.attentive, each.coverage) for each in found]
    changes = [second for second in range(1, 15) if reported[second] != reported[second - 1]]
    assert len(changes) == 1, "all of them at once"
    assert 4 <= changes[0] <= 9
    assert reported[-1] == (0.15, 0.1, 0.9)


def test_presence_lets_only_counts_out() -> None:
    watched = Watched(Profile.PRESENCE)
    last = watched.seconds(30, [person(number) for number in range(12)])[-1]
    assert last.withheld is Withheld.PRESENCE
    assert (last.present, last.camera_on, last.visible, last.facing) == (13, 12, 12, 12)
    withheld = (last.analysed, last.coverage, last.engagement, last.expressions, last.valence, last.attentive)
    assert withheld == (None,) * 6
    assert watched.gate.participants(room(1.0, [person(1, opted_in=True)])) == ()
    assert watched.gate.alert(Change("fall", 0.8, 0.6, 0.0, 60.0, 23, "facing"), "a1") is None


def test_no_name_or_id_leaves_under_aggregate() -> None:
    watched, people = Watched(), [person(number, opted_in=True) for number in range(12)]
    text = " ".join(json.dumps(each.model_dump(mode="json")) for each in watched.seconds(12, people))
    assert "Name" not in text
    assert "p1" not in text
    assert watched.gate.participants(room(1.0, people)) == ()


def test_individual_names_only_people_who_opted_in() -> None:
    gate = Gate(Policy(Profile.INDIVIDUAL), DEFAULTS)
    people = [person(1, 0.6234, opted_in=True), person(2), person(3, None, opted_in=True)]
    first, second = gate.participants(room(1.0, people))
    assert (first.participant, first.name, first.index, first.level, first.coverage) == ("p1", "Name 1", 0.62, 2, 0.91)
    assert first.unmeasurable is None
    assert (second.index, second.unmeasurable, second.since) == (None, Unmeasurable.NOT_IN_VIEW, 1.0)


def test_few_people_who_did_not_opt_in_enter_no_class_value() -> None:
    opted_in = [person(number, 0.8, opted_in=True) for number in range(6)]
    others = [person(number, 0.2) for number in range(10, 15)]
    four, five = (Watched(Profile.INDIVIDUAL).seconds(11, [*opted_in, *others[:n]])[-1] for n in (4, 5))
    assert (means([four]), four.analysed) == ([0.80], 6)
    assert (means([five]), five.analysed) == ([0.55], 10)


def test_class_below_k_is_withheld_under_individual_too() -> None:
    people = [person(1, opted_in=True), person(2, opted_in=True), *(person(number) for number in range(3, 7))]
    last = Watched(Profile.INDIVIDUAL).seconds(12, people)[-1]
    assert (last.withheld, last.analysed) == (Withheld.BELOW_K, None)


def test_alert_leaves_rounded() -> None:
    gate = Gate(Policy(Profile.AGGREGATE), DEFAULTS)
    alert = gate.alert(Change("fall", 0.812, 0.587, 40.0, 100.0, 23, "facing"), "a1")
    assert alert is not None
    assert (alert.from_, alert.to, alert.people, alert.why) == (0.80, 0.60, 22, "facing")
    assert (alert.window.start, alert.window.end) == (40.0, 100.0)
    assert gate.alert(Change("fall", 0.8, 0.6, 0.0, 60.0, 4, "gaze"), "a2") is None


def test_alert_of_shown_and_hidden_people_rounds_the_hidden_ones_by_themselves() -> None:
    hidden, shown = [person(number) for number in range(6)], [person(50 + n, opted_in=True) for n in range(3)]
    watched = Watched(Profile.INDIVIDUAL)
    watched.seconds(12, [*hidden, *shown])
    own = {each.participant.id: (0.9, 0.9) for each in shown} | {each.participant.id: (0.8, 0.4) for each in hidden}
    change = Change("fall", (0.8 * 6 + 0.9 * 3) / 9, (0.4 * 6 + 0.9 * 3) / 9, 40.0, 100.0, 9, "facing", own)
    alert = watched.gate.alert(change, "a1")
    assert alert is not None
    rounding = Rounding(5)
    assert (alert.from_, alert.to) == (rounding.share(4.8, 6, 2.7, 3), rounding.share(2.4, 6, 2.7, 3))
    few = {key: own[key] for key in ("p50", "p51", "p52", "p0", "p1", "p2", "p3")}
    assert watched.gate.alert(replace(change, people=7, own=few), "a2") is None, "about four hidden people"


def test_levels_of_shown_people_do_not_hide_that_few_others_are_at_one() -> None:
    """Two shown people at the lowest level would make one hidden person there three, and pointed at."""
    shown = [person(50 + number, 0.1, opted_in=True) for number in range(2)]
    hidden = [person(0, 0.1), *(person(number, 0.7) for number in range(1, 11))]
    engagement = Watched(Profile.INDIVIDUAL).seconds(32, [*shown, *hidden])[-1].engagement
    assert engagement is not None
    assert engagement.levels == (0.15, 0.0, 0.85, 0.0), "2 of 13: the hidden one is folded into the others"
    engagement = Watched(Profile.INDIVIDUAL).seconds(32, [*shown, *hidden[:9]])[-1].engagement
    assert engagement is not None
    assert (engagement.q1, engagement.levels) == (None, None), "nine hidden people are too few, whoever else is shown"


SHOWN = [person(50 + number, 0.71, opted_in=True) for number in range(2)]


@pytest.mark.parametrize("profile", [Profile.AGGREGATE, Profile.INDIVIDUAL])
@settings(max_examples=60)
@given(
    k=st.integers(3, 8),
    others=st.lists(st.floats(0, 1), min_size=3, max_size=14),
    joiners=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
@example(k=5, others=[1.0] * 5, joiners=(0.0, 0.25))
@example(k=5, others=[0.0] * 9, joiners=(1.0, 0.75))
def test_summary_after_a_joiner_says_nothing_of_them_but_two_rounded_values(
    profile: Profile, k: int, others: list[float], joiners: tuple[float, float]
) -> None:
    """The mean and the attentive share, as rounded: test_rounding.py shows what these leave in doubt."""
    before = [person(number, index) for number, index in enumerate(others)]
    before += SHOWN if profile is Profile.INDIVIDUAL else []
    seen, rounded = [], []
    for joiner in joiners:
        gate, people = Gate(Policy(profile, k=k), DEFAULTS), [*before, person(99, joiner)]
        summaries = [gate.summary(room(float(at), before if at < 40 else people)) for at in range(1, 51)]
        seen.append([each.model_dump_json() for each in summaries])
        rounded.append((summaries[-1].engagement and summaries[-1].engagement.mean, summaries[-1].attentive))
        if len(others) + 1 >= k:
            shown = len(people) - len(others) - 1
            cell = Rounding(5).mean(sum(others) + joiner, len(others) + 1, 0.71 * shown, shown)
            assert rounded[-1][0] == cell.value
    assert seen[0][:-1] == seen[1][:-1], "until the freeze is over nothing moves"
    assert (seen[0][-1] == seen[1][-1]) == (rounded[0] == rounded[1])


def test_quartiles_and_shares_rest_for_thirty_seconds_after_a_change_of_the_set() -> None:
    """A level is 10 points wide: who is new must not show in it while nothing else moved."""
    watched, people = Watched(), [person(number, 0.7) for number in range(12)]
    first = watched.seconds(31, people)
    assert [each.engagement.levels for each in first[10:] if each.engagement] == [None] * 20 + [(0.0, 0.0, 1.0, 0.0)]
    found = watched.seconds(31, [*people, *(person(number, 0.1) for number in range(20, 24))])
    assert means(found) == [0.70] * 10 + [0.55] * 21
    reported = [(each.engagement.q1, each.engagement.levels) for each in found if each.engagement]
    assert reported == [(0.70, (0.0, 0.0, 1.0, 0.0))] * 30 + [(0.55, (0.25, 0.0, 0.75, 0.0))]
    assert [each.engagement and each.engagement.levels for each in watched.seconds(11, people[:9])][-1] is None


def test_class_says_that_the_engine_is_away_and_repeats_no_old_expressions() -> None:
    people = [person(number) for number in range(7)]
    watched = Watched()
    assert watched.seconds(12, people)[-1].expressions is not None
    unread = [
        replace(each, values=replace(each.values, expressions_unmeasurable=Unmeasurable.ENGINE_AWAY)) for each in people
    ]
    (few,) = watched.seconds(1, [*unread[:2], *people[2:]])
    assert few.expressions is not None
    assert few.expressions_unmeasurable is None
    (most,) = watched.seconds(1, [*unread[:5], *people[5:]])
    (frozen,) = watched.seconds(1, unread[:6])
    for missed in (most, frozen):
        assert (missed.expressions, missed.valence, missed.arousal) == (None, None, None)
        assert missed.expressions_unmeasurable is Unmeasurable.ENGINE_AWAY
        assert missed.engagement is not None
