"""The learned head: what it is fitted to, what it says, and what is refused."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.engagement import FORMULA, EngagementMeter, EngagementParameters
from bot.engagement.evaluation.head_training import _loss, fit_head, matrix
from bot.engagement.learned_head import FEATURES, LearnedHead, features, read_head
from tests.bot.engagement.conftest import reading


def made(count: int = 400) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Labels by one feature (facing) with noise, another missing at random."""
    chance = np.random.default_rng(5)
    seen = chance.uniform(0, 1, (count, len(FEATURES)))
    seen[chance.uniform(size=count) < 0.3, FEATURES.index("gaze")] = np.nan
    facing = seen[:, FEATURES.index("facing")] + chance.normal(0, 0.05, count)
    return seen, np.clip((facing * 4).astype(np.int64), 0, 3)


def head(**changed: object) -> LearnedHead:
    numbers = dict.fromkeys(("means", "weights", "missing"), (0.0,) * len(FEATURES))
    values = {
        "name": "test", "formula": FORMULA, "network": "0" * 16, "trained_on": "drawn people", "clips": 4, "people": 2,
        "scales": (1.0,) * len(FEATURES), "thresholds": (-1.0, 0.0, 1.0), **numbers, **changed,
    }  # fmt: skip
    return LearnedHead.model_validate(values)


def test_head_learns_what_labels_follow() -> None:
    seen, labels = made()
    fitted = fit_head(seen[:300], labels[:300])
    said = fitted.expected(seen[300:])
    assert np.corrcoef(said, labels[300:])[0, 1] > 0.9
    assert np.abs(fitted.weights).argmax() == FEATURES.index("facing")
    assert list(fitted.thresholds) == sorted(fitted.thresholds)
    assert np.all((said >= 0) & (said <= 1))


def test_slope_of_the_loss_is_that_of_its_differences() -> None:
    seen, labels = made(30)
    design = np.nan_to_num(seen)
    at = np.linspace(-0.5, 0.5, design.shape[1] + 3)
    _, slope = _loss(at, design, labels)
    for place, nudge in enumerate(1e-6 * np.eye(len(at))):
        difference = (_loss(at + nudge, design, labels)[0] - _loss(at - nudge, design, labels)[0]) / 2e-6
        assert slope[place] == pytest.approx(difference, rel=1e-4, abs=1e-4)


def test_head_of_labels_that_lack_a_level_still_speaks() -> None:
    seen, labels = made(60)
    for kept in (labels < 2, labels == 2):
        said = fit_head(seen[kept], labels[kept]).expected(seen)
        assert np.all(np.isfinite(said))


def test_exported_head_says_of_a_person_what_the_fitted_one_says() -> None:
    seen, labels = made()
    fitted = fit_head(seen, labels)
    exported = head(
        means=tuple(fitted.means), scales=tuple(fitted.scales), weights=tuple(fitted.weights),
        missing=tuple(fitted.missing), thresholds=tuple(fitted.thresholds),
    )  # fmt: skip
    again = read_head(exported.model_dump_json(), FORMULA)
    for row, expected in zip(seen[:20], fitted.expected(seen[:20]), strict=True):
        assert again.expected(tuple(None if np.isnan(value) else float(value) for value in row)) == pytest.approx(
            expected
        )


def test_meter_says_what_its_head_says_and_nothing_without_one() -> None:
    quiet = EngagementMeter(EngagementParameters())
    learned = EngagementMeter(replace(EngagementParameters(), head=head(weights=(0.0, 1.0) + (0.0,) * 15)))
    for meter in (quiet, learned):
        meter.camera_on(0.0)
        for number in range(40):
            meter.update(number / 4, reading())
    values = learned.values(10.0)
    # It faces the screen throughout: log odds 1 less −1, 0 and 1.
    assert values.model == pytest.approx(sum(1 / (1 + math.exp(-odds)) for odds in (2, 1, 0)) / 3)
    assert values.model == pytest.approx(learned.values(10.0).model)
    assert values.index == quiet.values(10.0).index
    assert quiet.values(10.0).model is None
    assert learned.values(20.0).model is None  # nor where the index is not measurable
    assert len(features(values)) == len(FEATURES)
    assert matrix([[values], []]).shape == (2, len(FEATURES))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "no learned head"),
        ("[]", "no learned head"),
        (json.dumps({**json.loads(head().model_dump_json()), "formula": "classpulse-engagement/1"}), "train it anew"),
        (json.dumps({**json.loads(head().model_dump_json()), "thresholds": [1, 0, 2]}), "thresholds ascending"),
        (json.dumps({**json.loads(head().model_dump_json()), "weights": [1]}), "17 numbers of each kind"),
        (json.dumps({**json.loads(head().model_dump_json()), "features": ["iq"]}), "other observables"),
        (head().model_dump_json().replace("0.0", "NaN"), "no learned head"),
    ],
)
def test_file_that_is_no_head_of_this_version_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        read_head(text, FORMULA)
    assert "\n" not in str(refused.value)
