"""Clips played again: what the meter says of them, whole and with parts of the formula taken out."""

from collections.abc import Sequence
from math import isnan

import numpy as np
import pytest

from bot.engagement.evaluation.clips import ClipReads, LabelledClip, Recorder, SeenFace, Split, Step
from bot.engagement.evaluation.division import HELD_OUT, Division, on_two_sides
from bot.engagement.evaluation.gaps import gaps
from bot.engagement.evaluation.replay import (
    ABLATIONS,
    INDEX,
    POSE_ALONE,
    accepted,
    enough,
    replay,
    without_baseline,
)
from bot.engagement.evaluation.study import MAJORITY, OWN, PRIOR, score_clips, study
from bot.engagement.parameters import EngagementParameters
from dashboard_protocol.events import Unmeasurable
from tests.bot.engagement.conftest import reading

PARAMETERS = EngagementParameters()
NEUTRAL = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)


def face(yaw: float = 0.0, pitch: float = -4.0, eyes: float = 0.28, iris: float = 0.0, mouth: float = 0.05) -> SeenFace:
    return SeenFace(120.0, yaw, pitch, eyes, iris, mouth, NEUTRAL)


def clip(faces: Sequence[SeenFace | None], end_s: float | None = None) -> ClipReads:
    """Four reads a second, the first at 0 s."""
    steps = [Step(number / 4, "read", each, 16 / 9) for number, each in enumerate(faces)]
    return ClipReads((Step(0.0, "camera_on"), *steps), len(faces) / 4 if end_s is None else end_s)


def test_what_a_recorder_was_handed_plays_as_it_was_handed() -> None:
    recorder = Recorder()
    recorder.camera_on(0.0)
    recorder.update(0.0, reading(yaw=3.00001), 1.5)
    recorder.update(0.25, None, 1.5)
    recorder.skip(0.5, Unmeasurable.NOT_IN_VIEW)
    recorder.camera_off(0.75)
    again = Recorder()
    handed = ClipReads(tuple(recorder.steps), 1.0)
    assert list(handed.play(again, [0.5, 1.0])) == [0.5, 1.0]
    assert again.steps == recorder.steps
    assert handed.due == 3


def test_quiet_listener_of_ten_seconds_has_the_index_of_the_specification() -> None:
    scores = replay(clip([face()] * 40), PARAMETERS).scores
    assert scores == pytest.approx(dict(zip(ABLATIONS, (0.85, 1.0, 0.85, 0.85, 1.0), strict=True)))


def test_each_ablation_lacks_its_part() -> None:
    aside = replay(clip([face()] * 24 + [face(iris=0.4)] * 16), PARAMETERS).scores
    assert aside[INDEX] < 0.75
    assert aside["without gaze"] == pytest.approx(0.85)
    shut = replay(clip([face()] * 20 + [face(eyes=0.05)] * 20), PARAMETERS).scores
    assert shut["without gaze"] == pytest.approx(shut[INDEX])
    assert shut[INDEX] < 0.5
    assert shut[POSE_ALONE] == pytest.approx(1.0)
    talks = replay(clip([face(mouth=0.05 + 0.2 * (number % 2)) for number in range(40)]), PARAMETERS).scores
    assert talks[INDEX] > 0.95
    assert talks["a = 0"] == pytest.approx(0.85)


def test_camera_at_the_side_is_inattention_only_without_an_own_baseline() -> None:
    aside = clip([face(yaw=29.0)] * 24)
    others = [sign for _ in range(2) for sign in accepted(aside, PARAMETERS)]
    assert len(others) == 2 * 20  # the first second of a clip is not known to be steady
    assert enough(others)
    assert not enough(others[1:])
    assert without_baseline(aside, PARAMETERS) < 0.6
    assert replay(aside, PARAMETERS, others).scores[INDEX] == pytest.approx(0.85)


def test_clip_without_a_face_is_not_measurable_and_nothing_else() -> None:
    assert all(isnan(score) for score in replay(clip([None] * 40), PARAMETERS).scores.values())
    assert isnan(without_baseline(clip([None] * 40), PARAMETERS))


def test_long_clip_is_the_mean_of_its_seconds() -> None:
    away_then_back = clip([face(yaw=-50.0)] * 60 + [face()] * 60)
    replayed = replay(away_then_back, PARAMETERS)
    assert len(replayed.values) == 21  # from 10 s to 30 s
    assert 0.3 < replayed.scores[INDEX] < 0.6


def test_division_is_the_official_one_or_five_folds_of_people() -> None:
    def of(person: str, split: Split | None) -> LabelledClip:
        return LabelledClip(f"{person}.mp4", person, 0, split)

    official = Division.of([of("a", Split.TRAIN), of("b", Split.TEST), of("c", Split.VALIDATION)])
    assert list(official.folds) == ["Test", "Validation"]
    assert [fold.fitted.tolist() for folds in official.folds.values() for fold in folds] == [[True, False, False]] * 2
    people = [of(f"{number % 7}", None) for number in range(14)]
    (folds,) = Division.of(people).folds.values()
    assert len(folds) == 5
    assert sum(fold.judged.astype(int) for fold in folds).tolist() == [1] * 14  # type: ignore[union-attr]
    for fold in folds:
        sides = [{clip.person for clip, is_on in zip(people, side, strict=True) if is_on} for side in
                 (fold.fitted, fold.judged)]  # fmt: skip
        assert not sides[0] & sides[1]


def test_person_on_two_sides_is_found() -> None:
    both = [LabelledClip("1", "anna", 0, Split.TRAIN), LabelledClip("2", "anna", 0, Split.TEST)]
    assert on_two_sides(both) == ["anna"]
    assert on_two_sides(both[:1] * 2) == []


def test_study_fits_to_train_alone_and_counts_what_was_not_measurable() -> None:
    def away(reads: int) -> ClipReads:
        return clip([face()] * (40 - reads) + [face(yaw=-50.0)] * reads)

    made = {0: away(40), 1: away(20), 2: away(0), 3: clip([face(mouth=0.05 + 0.2 * (n % 2)) for n in range(40)])}
    clips = [
        LabelledClip(f"{person}{label}", person, label, split)
        for person, split in (("a", Split.TRAIN), ("b", Split.TRAIN), ("c", Split.TEST), ("d", Split.TEST))
        for label in made
    ]
    reads = [made[clip.label] for clip in clips]
    clips.append(LabelledClip("d9", "d", 3, Split.TEST))
    reads.append(clip([None] * 40))
    scores = score_clips(clips, reads, PARAMETERS)
    found = study(clips, scores, PARAMETERS.cuts)
    row = found.row()
    assert (row.judged, row.clips, row.people) == ("Test", 8, 2)
    assert row.null_rate == pytest.approx(1 / 9)
    assert row.figures["qwk"] == pytest.approx(1.0)
    assert row.spearman == pytest.approx(1.0)
    assert found.labels == {"Test": (2, 2, 2, 3)}
    assert found.row(MAJORITY, PRIOR).figures["balanced_accuracy"] == pytest.approx(0.25)
    assert found.row("a = 0").figures["qwk"] < 1  # type: ignore[operator]
    assert found.row(baseline=PRIOR).intervals["qwk"] is not None
    assert scores.without_own == 0


def test_cuts_never_see_the_labels_they_are_judged_by() -> None:
    made = {0: clip([face(yaw=-50.0)] * 40), 3: clip([face()] * 40)}
    clips = [
        LabelledClip(f"{person}{label}", person, label, split)
        for person, split in (("a", Split.TRAIN), ("b", Split.TEST))
        for label in made
    ]
    scores = score_clips(clips, [made[clip.label] for clip in clips], PARAMETERS)
    fitted = study(clips, scores, PARAMETERS.cuts).cuts
    other = [LabelledClip(c.file, c.person, 3 - c.label if c.split is Split.TEST else c.label, c.split) for c in clips]
    assert study(other, scores, PARAMETERS.cuts).cuts == fitted
    assert HELD_OUT not in {side for _, _, side in fitted}
    assert (INDEX, OWN, "Test") in fitted


def test_gaps_between_groups_are_those_put_in() -> None:
    """Groups have the same labels; behind glasses the index is lower by 0.2 and half of the clips are null."""
    clips = [
        LabelledClip(f"{person}{label}", person, label, Split.TEST, {"glasses": "yes" if person in "ab" else "no"})
        for person in "abcd"
        for label in (0, 2)
    ]
    score = np.array([0.4 * clip.label - (0.2 if clip.groups["glasses"] == "yes" else 0) + 0.2 for clip in clips])
    score[[0, 2]] = np.nan  # the clips labelled 0 of both who wear glasses
    given = np.array([clip.label - (clip.groups["glasses"] == "yes") for clip in clips])
    (found,) = gaps(clips, "Test", score, given)
    assert (found.grouping, found.judged) == ("glasses", "Test")
    with_none, with_glasses = found.rows
    assert (with_none.group, with_none.people, with_none.clips) == ("no", 2, 4)
    assert with_glasses.values["null_rate"] == pytest.approx(0.5)
    assert with_glasses.values["mae"] == pytest.approx(1.0)
    largest = {gap.figure: gap for gap in found.largest}
    # Equal labels are compared: that those labelled 0 are missing behind glasses does not raise their mean.
    assert largest["index"].by == pytest.approx(0.2)
    assert (largest["index"].higher, largest["index"].lower) == ("no", "yes")
    assert largest["null_rate"].higher == "yes"
    assert largest["null_rate"].by == pytest.approx(0.5)
    assert largest["null_rate"].interval == pytest.approx((0.5, 0.5))
    assert gaps([LabelledClip("1", "a", 0)], "Test", score[:1], given[:1]) == []
