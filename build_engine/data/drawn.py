"""Drawn faces, `drawn:N`: cartoons with a known expression.

They show that the chain runs; no figure measured on them means anything.
"""

import math
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from build_engine.data.labelled_faces import CROP_PX, LabelledFaces, Split
from build_engine.errors import DataUnreadable
from engine.expressions import FER7, FERPLUS8, Expression

_SCALE: Final = 4  # drawn larger and averaged down, for soft edges


class _Features(NamedTuple):
    """What makes an expression in a drawing; lengths in shares of the face's width."""

    brow_lift: float
    """How far the brows stand above their rest."""
    brow_slant: float
    """How far the inner end of a brow hangs below the outer one."""
    eye_open: float
    mouth_curve: float
    """How far the corners of the mouth stand above its middle."""
    mouth_open: float
    mouth_width: float


_FACES: Final[dict[Expression, _Features]] = {
    Expression.ANGRY: _Features(-0.03, 0.06, 0.06, -0.02, 0.01, 0.20),
    Expression.DISGUST: _Features(-0.02, 0.03, 0.03, -0.05, 0.05, 0.14),
    Expression.FEAR: _Features(0.05, -0.05, 0.11, -0.02, 0.06, 0.22),
    Expression.HAPPY: _Features(0.02, 0.00, 0.05, 0.08, 0.05, 0.26),
    Expression.SAD: _Features(0.00, -0.06, 0.05, -0.06, 0.01, 0.18),
    Expression.SURPRISE: _Features(0.08, 0.00, 0.12, 0.00, 0.15, 0.12),
    Expression.NEUTRAL: _Features(0.00, 0.00, 0.07, 0.00, 0.01, 0.20),
}
_FERPLUS: Final[dict[Expression, str]] = {
    Expression.ANGRY: "anger", Expression.DISGUST: "disgust", Expression.FEAR: "fear", Expression.HAPPY: "happiness",
    Expression.SAD: "sadness", Expression.SURPRISE: "surprise", Expression.NEUTRAL: "neutral",
}  # fmt: skip


def read_drawn(source: str) -> LabelledFaces:
    """Draw N labelled faces: classes in turn, of each ten faces eight for Training and one for each test split.

    Args:
        source: `drawn:N`.

    Raises:
        DataUnreadable: N is no number of at least 70, the smallest set with every class in every split.
    """
    text = source.removeprefix("drawn:")
    if not text.isdecimal() or int(text) < 10 * len(FER7):
        raise DataUnreadable(f"{source!r}: give drawn:N with N of at least {10 * len(FER7)}")
    count = int(text)
    random = np.random.default_rng(2013)
    labels = np.arange(count) % len(FER7)
    images = np.stack([draw_face(FER7[label], random) for label in labels])
    place = np.arange(count) // len(FER7) % 10
    splits = np.select([place == 8, place == 9], [Split.PUBLIC_TEST, Split.PRIVATE_TEST], Split.TRAINING)
    votes = np.zeros((count, 10), np.uint8)
    votes[np.arange(count), [FERPLUS8.index(_FERPLUS[FER7[label]]) for label in labels]] = 10
    return LabelledFaces(images, labels.astype(np.int64), splits.astype(np.int64), votes)


def draw_face(expression: Expression, random: np.random.Generator) -> NDArray[np.uint8]:
    """Draw one grey cartoon face, (48, 48), whose place, size, tone and strength of expression are drawn at random."""
    strength = random.uniform(0.7, 1.2)
    rest = _FACES[Expression.NEUTRAL]
    features = _Features(*(a + strength * (b - a) for a, b in zip(rest, _FACES[expression], strict=True)))
    canvas_px = CROP_PX * _SCALE
    width = canvas_px * random.uniform(0.78, 0.95)
    x, y = canvas_px * (0.5 + random.uniform(-0.04, 0.04, 2))
    skin = int(random.integers(120, 210))
    canvas = np.full((canvas_px, canvas_px), int(random.integers(20, 100)), np.uint8)
    _ellipse(canvas, x, y, 0.5 * width, 0.62 * width, skin)
    for side in (-1, 1):
        _draw_eye(canvas, x + side * 0.2 * width, y - 0.12 * width, width, side, features, skin)
    cv2.line(
        canvas, _point(x, y - 0.05 * width), _point(x - 0.04 * width, y + 0.1 * width), skin - 50, round(0.02 * width)
    )
    _draw_mouth(canvas, x, y + 0.3 * width, width, features, skin)
    small = cv2.resize(canvas, (CROP_PX, CROP_PX), interpolation=cv2.INTER_AREA).astype(np.float64)
    noisy: NDArray[np.uint8] = np.clip(small + random.normal(0, 4, small.shape), 0, 255).astype(np.uint8)
    return noisy


def _draw_eye(
    canvas: NDArray[np.uint8], x: float, y: float, width: float, side: int, features: _Features, skin: int
) -> None:
    height = max(features.eye_open, 0.01) * width / 2
    _ellipse(canvas, x, y, 0.1 * width, height, 245)
    _ellipse(canvas, x, y, min(0.045 * width, height), min(0.045 * width, height), 30)
    brow_y = y - (0.14 + features.brow_lift) * width
    inner = _point(x - side * 0.1 * width, brow_y + features.brow_slant * width)
    outer = _point(x + side * 0.12 * width, brow_y)
    cv2.line(canvas, inner, outer, max(skin - 100, 10), round(0.04 * width), cv2.LINE_AA)


def _draw_mouth(canvas: NDArray[np.uint8], x: float, y: float, width: float, features: _Features, skin: int) -> None:
    half = max(features.mouth_width, 0.05) * width
    across = np.linspace(-1, 1, 21)
    bow = 1 - across**2
    middle = y - features.mouth_curve * width / 2 + features.mouth_curve * width * bow
    gap = max(features.mouth_open, 0.005) * width * bow
    edge = np.concatenate(
        [np.column_stack([x + across * half, middle - gap]), np.column_stack([x + across * half, middle + gap])[::-1]]
    )
    cv2.fillPoly(canvas, [edge.round().astype(np.int32)], 40)
    cv2.polylines(
        canvas, [edge.round().astype(np.int32)], True, max(skin - 80, 10), math.ceil(0.025 * width), cv2.LINE_AA
    )


def _ellipse(canvas: NDArray[np.uint8], x: float, y: float, half_width: float, half_height: float, grey: int) -> None:
    axes = (max(round(half_width), 1), max(round(half_height), 1))
    cv2.ellipse(canvas, _point(x, y), axes, 0, 0, 360, grey, -1, cv2.LINE_AA)


def _point(x: float, y: float) -> tuple[int, int]:
    return round(x), round(y)
