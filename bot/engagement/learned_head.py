"""A learned head: ordinal regression over the observables of ten seconds, shown beside the open index, never instead.

None ships: it speaks for the people and observers of the labels it was trained on, and nobody else may hand them on.
`classpulse engagement-evaluate --train-head FILE` makes one.
"""

from math import exp
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from bot.engagement.values import PersonValues
from engine.expressions import FER7

FEATURES: Final = (
    "face_present", "facing", "gaze", "eyes_open", "mouth_movement", "coverage", "attention", "activity", "valence",
    "arousal", *(expression.value for expression in FER7),
)  # fmt: skip
"""What the head looks at, in this order; each may be missing."""
_MOST: Final = 60.0
"""Beyond this a logistic function is 0 or 1."""

Vector = tuple[FiniteFloat, ...]


def features(values: PersonValues) -> tuple[float | None, ...]:
    """Return what a head looks at, in the order of `FEATURES`; None is not measurable."""
    seen, shown = values.observables, values.expressions or (None,) * len(FER7)
    return (
        seen.face_present, seen.facing, seen.gaze, seen.eyes_open, seen.mouth_movement, values.coverage,
        values.attention, values.activity, values.valence, values.arousal, *shown,
    )  # fmt: skip


class LearnedHead(BaseModel):
    """The head and its manifest: one JSON file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str = Field(min_length=1, max_length=64)
    formula: str
    """Of the observables: a head of another version is refused."""
    network: str
    """Digest of the expression network that read the clips, its beginning."""
    trained_on: str = Field(min_length=1, max_length=200)
    """The data in words, as they stand in `hello`."""
    clips: int = Field(ge=1)
    people: int = Field(ge=1)
    figures: dict[str, float | None] = {}
    """Of clips it was not fitted to, as the evaluation reports them."""
    features: tuple[str, ...] = FEATURES
    means: Vector
    scales: Vector
    weights: Vector
    """Of each feature less its mean, over its scale; a missing one counts as its mean."""
    missing: Vector
    """Added where a feature is missing."""
    thresholds: tuple[FiniteFloat, FiniteFloat, FiniteFloat]
    """Ascending: log odds of being above level 0, 1 and 2 are the sum less the threshold (McCullagh 1980)."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.features != FEATURES:
            raise ValueError("it looks at other observables than this version measures")
        if {len(each) for each in (self.means, self.scales, self.weights, self.missing)} != {len(FEATURES)}:
            raise ValueError(f"it needs {len(FEATURES)} numbers of each kind")
        if min(self.scales) <= 0 or list(self.thresholds) != sorted(self.thresholds):
            raise ValueError("scales must be above 0, thresholds ascending")
        return self

    def score(self, values: PersonValues) -> float | None:
        """Return the expected level over three, in [0, 1]; None where the index is."""
        return None if values.index is None else self.expected(features(values))

    def expected(self, seen: tuple[float | None, ...]) -> float:
        """Score features in the order of `FEATURES`."""
        total = 0.0
        for value, mean, scale, weight, missing in zip(
            seen, self.means, self.scales, self.weights, self.missing, strict=True
        ):
            total += missing if value is None else weight * (value - mean) / scale
        return sum(_logistic(total - threshold) for threshold in self.thresholds) / len(self.thresholds)


def read_head(text: bytes | str, formula: str) -> LearnedHead:
    """Decode a head.

    Raises:
        ValueError: It is none, or was made for another formula; one line.
    """
    try:
        head = LearnedHead.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"no learned head ({where + ': ' if where else ''}{first['msg']})") from error
    if head.formula != formula:
        raise ValueError(f"a learned head of {head.formula}: this is {formula}, train it anew")
    return head


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + exp(-max(-_MOST, min(_MOST, x))))
