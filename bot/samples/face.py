"""The painted front of a drawn head: skin, eyes, brows, nose and mouth on a flat canvas, laid over the head's shape."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from bot.samples.look import Colour, Look, darker
from bot.samples.pose import Pose

Canvas = NDArray[np.float32]
"""(height, width, 3) RGB, 0 to 255."""
Curve = NDArray[np.float64]
"""(N, 2) points in head half-widths, x right, y down."""

DENSITY = 170
"""Canvas pixels per head half-width."""
HALF_WIDTH, TOP, BOTTOM = 1.25, -1.9, 1.75
"""Extent of the canvas in head half-widths."""

_EYE_X, _EYE_Y, _EYE_WIDTH = 0.42, -0.335, 0.39
_EYE_OPEN = 0.34
_IRIS = 0.098
_FINE = 4
_INK: Colour = (38, 24, 22)


def paint(look: Look, pose: Pose) -> Canvas:
    """Paint the face; shape (DENSITY × (BOTTOM − TOP), 2 × DENSITY × HALF_WIDTH, 3)."""
    shape = (round((BOTTOM - TOP) * DENSITY), round(2 * HALF_WIDTH * DENSITY))
    canvas = np.empty((*shape, 3), np.float32)
    canvas[:] = look.skin
    _paint_skin(canvas, look, pose)
    for side in (-1, 1):
        _paint_eye(canvas, look, pose, side)
        _paint_brow(canvas, look, pose, side)
    _paint_nose(canvas, look)
    _paint_mouth(canvas, look, pose)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 0.9), np.float32)


def _glow(
    canvas: Canvas, middle: tuple[float, float], radii: tuple[float, float], colour: Colour, share: float
) -> None:
    """Lay a soft ellipse of colour over the canvas."""
    reach = 2.2
    left, right = ((middle[0] + s * reach * radii[0] + HALF_WIDTH) * DENSITY for s in (-1, 1))
    top, bottom = ((middle[1] + s * reach * radii[1] - TOP) * DENSITY for s in (-1, 1))
    rows = slice(max(0, int(top)), max(0, int(bottom)))
    columns = slice(max(0, int(left)), max(0, int(right)))
    patch = canvas[rows, columns]
    y = ((np.arange(patch.shape[0]) + rows.start) / DENSITY + TOP - middle[1]) / radii[1]
    x = ((np.arange(patch.shape[1]) + columns.start) / DENSITY - HALF_WIDTH - middle[0]) / radii[0]
    weight = (share * np.exp(-1.2 * (y[:, None] ** 2 + x[None, :] ** 2)))[..., None].astype(np.float32)
    patch += (np.array(colour, np.float32) - patch) * weight


def _to_canvas(points: Curve) -> NDArray[np.int32]:
    """Canvas pixels in OpenCV's fixed point."""
    pixels = (points - (-HALF_WIDTH, TOP)) * DENSITY
    return np.asarray(np.round(pixels * (1 << _FINE)), np.int32)


def _fill(canvas: Canvas, outline: Curve, colour: Colour) -> None:
    cv2.fillPoly(canvas, [_to_canvas(outline)], colour, cv2.LINE_AA, _FINE)


def _stroke(canvas: Canvas, line: Curve, colour: Colour, width: float) -> None:
    """Draw a line whose ends taper; `width` in head half-widths."""
    side = np.gradient(line, axis=0)[:, ::-1] * (1, -1)
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    taper = np.sin(np.linspace(0.15, np.pi - 0.15, len(line)))[:, None] * width / 2
    _fill(canvas, np.concatenate([line + side * taper, (line - side * taper)[::-1]]), colour)


def _curve(points: Sequence[tuple[float, float]], steps: int = 24) -> Curve:
    """Bézier curve of two to four control points."""
    t = np.linspace(0, 1, steps)[:, None]
    layer = [np.full((steps, 2), point, np.float64) for point in points]
    while len(layer) > 1:
        layer = [np.asarray(a + (b - a) * t, np.float64) for a, b in pairwise(layer)]
    return layer[0]


def _paint_skin(canvas: Canvas, look: Look, pose: Pose) -> None:
    """Blush, sockets, folds of a smile, freckles and beard."""
    shade, blush = darker(look.skin, 0.72), (205, 95, 80)
    drop = 0.16 * pose.mouth
    for side in (-1, 1):
        _glow(canvas, (side * 0.56, 0.10 - 0.04 * pose.smile), (0.26, 0.2), blush, 0.16 + 0.12 * pose.smile)
        _glow(canvas, (side * _EYE_X, _EYE_Y - 0.10), (0.27, 0.10), shade, 0.40)
        _glow(canvas, (side * 0.19, -0.30), (0.07, 0.20), shade, 0.45)
        _glow(canvas, (side * (_EYE_X + 0.02), _EYE_Y + 0.14), (0.20, 0.06), shade, 0.22)
        if look.freckles:
            spots = np.random.default_rng(7).normal((0.42, 0.06), (0.16, 0.08), (14, 2))
            for x, y in spots:
                _glow(canvas, (side * x, y), (0.016, 0.016), shade, 0.6)
    if look.beard:
        _paint_beard(canvas, look, drop)
    if pose.smile > 0:
        for side in (-1, 1):
            fold = _curve([(side * 0.21, 0.22), (side * 0.44, 0.30), (side * 0.55, 0.62)])
            _stroke(canvas, fold, darker(look.skin, 1 - 0.26 * min(1, pose.smile)), 0.04)


def _paint_beard(canvas: Canvas, look: Look, drop: float) -> None:
    outline = np.concatenate(
        [
            _curve([(-1.02, 0.0), (-0.80, 0.92), (-0.46, 0.20), (0.0, 0.40)]),
            _curve([(0.0, 0.40), (0.46, 0.20), (0.80, 0.92), (1.02, 0.0)]),
            _curve([(1.25, 0.4), (1.1, 1.7), (-1.1, 1.7), (-1.25, 0.4)]),
        ]
    )
    mask = np.zeros(canvas.shape[:2], np.float32)
    cv2.fillPoly(mask, [_to_canvas(outline)], 1.0, cv2.LINE_8, _FINE)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.045 * DENSITY) * look.beard
    canvas += (np.array(look.brow_colour, np.float32) - canvas) * mask[..., None]
    _glow(canvas, (0, 0.82 + drop), (0.20, 0.05), darker(look.skin, 0.9), 0.35 * look.beard)


def _paint_eye(canvas: Canvas, look: Look, pose: Pose, side: int) -> None:
    """Eye white, iris, highlight, lids and lashes of one eye; `side` is −1 left in the picture, 1 right."""
    x, y = side * _EYE_X, _EYE_Y
    inner, outer = (x - side * _EYE_WIDTH / 2, y + 0.012), (x + side * _EYE_WIDTH / 2, y - 0.008)
    lids = max(0.0, pose.lids) * (1 - 0.30 * min(1, pose.smile))
    opening = _EYE_OPEN * _EYE_WIDTH * look.eye_height * lids
    # A quadratic curve reaches half the height of its control point; the upper lid moves more than the lower.
    rest = 0.030
    upper = _curve([inner, (x - side * 0.02, y + rest - 1.42 * opening), outer])
    lower = _curve([inner, (x + side * 0.02, y + rest + 0.58 * opening), outer])
    crease = _curve([inner, (x, y - 0.11 - 1.30 * opening - 0.03), outer])
    _stroke(canvas, crease, darker(look.skin, 0.66), 0.022)
    if opening > 0.012:
        _paint_eyeball(canvas, look, pose, (x, y), np.concatenate([upper, lower[::-1]]))
    _stroke(canvas, lower, darker(look.skin, 0.58), 0.018)
    _stroke(canvas, upper, _INK, 0.042)


def _paint_eyeball(canvas: Canvas, look: Look, pose: Pose, middle: tuple[float, float], outline: Curve) -> None:
    mask = np.zeros(canvas.shape[:2], np.float32)
    cv2.fillPoly(mask, [_to_canvas(outline)], 1.0, cv2.LINE_AA, _FINE)
    left, top = ((outline.min(axis=0) - (-HALF_WIDTH, TOP)) * DENSITY - 2).astype(int)
    right, bottom = ((outline.max(axis=0) - (-HALF_WIDTH, TOP)) * DENSITY + 3).astype(int)
    area = (slice(top, bottom), slice(left, right))
    eye = np.full_like(canvas, 236)
    x = middle[0] + pose.gaze * _EYE_WIDTH
    y = middle[1] + pose.gaze_down * _EYE_WIDTH - 0.006
    for radius, colour in ((_IRIS, darker(look.iris, 0.5)), (_IRIS * 0.86, look.iris), (_IRIS * 0.45, (14, 12, 14))):
        _disc(eye, (x, y), radius, colour)
    _glow(eye, (middle[0], float(outline[:, 1].min())), (0.24, 0.035), (70, 55, 55), 0.55)
    _disc(eye, (x + 0.032, y - 0.034), 0.024, (255, 255, 255))
    canvas[area] += (eye[area] - canvas[area]) * mask[area][..., None]


def _disc(canvas: Canvas, middle: tuple[float, float], radius: float, colour: Colour) -> None:
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    _fill(canvas, np.stack([middle[0] + radius * np.cos(turn), middle[1] + radius * np.sin(turn)], axis=1), colour)


def _paint_brow(canvas: Canvas, look: Look, pose: Pose, side: int) -> None:
    y = -0.615 - 0.20 * pose.brows
    arch = 0.07 + 0.03 * pose.brows
    line = _curve([(side * 0.17, y + 0.055), (side * 0.42, y - 2 * arch), (side * 0.68, y + 0.07)])
    _stroke(canvas, line, look.brow_colour, 0.088 * look.brow_weight)


def _paint_nose(canvas: Canvas, look: Look) -> None:
    shade = darker(look.skin, 0.55)
    _glow(canvas, (0, 0.33), (0.20, 0.045), darker(look.skin, 0.70), 0.5)
    for side in (-1, 1):
        _glow(canvas, (side * 0.085, 0.262), (0.052, 0.024), darker(look.skin, 0.30), 0.95)
        wing = _curve([(side * 0.20, 0.10), (side * 0.285, 0.20), (side * 0.19, 0.27)])
        _stroke(canvas, wing, shade, 0.022)
    _glow(canvas, (0.01, 0.10), (0.06, 0.07), darker(look.skin, 1.25), 0.45)


def _paint_mouth(canvas: Canvas, look: Look, pose: Pose) -> None:
    """Lips, and what lies between them when they part: dark, teeth, tongue."""
    smile, rounded = min(1.2, pose.smile), pose.round
    half = 0.315 + 0.105 * smile - 0.125 * rounded
    opening = 2 * half * pose.mouth * 0.93
    y = 0.575 - 0.02 * smile
    corner_y = y - 0.018 - 0.115 * smile + 0.5 * opening * rounded
    left, right = (-half, corner_y), (half, corner_y)
    top, bottom = y - 0.02 * rounded, y + opening
    lip = 0.085 - 0.02 * smile
    # A cubic curve with both control points at height h reaches 3/4 of it.
    upper_in = _between(left, right, top, 0.58)
    lower_in = _between(left, right, bottom, 0.58)
    upper_out = _curve([left, (-0.45 * half, top - 1.75 * lip), (-0.05, top - 1.45 * lip), (0, top - 0.75 * lip)], 14)
    upper_out = np.concatenate([upper_out, upper_out[::-1] * (-1, 1)])
    lower_out = _between(left, right, bottom + 1.05 * lip, 0.60)
    _glow(canvas, (0, bottom + 0.19), (0.20, 0.05), darker(look.skin, 0.72), 0.5)
    _fill(canvas, np.concatenate([upper_out, upper_in[::-1]]), darker(look.lips, 0.86))
    _fill(canvas, np.concatenate([lower_in, lower_out[::-1]]), look.lips)
    _glow(canvas, (0, bottom + 0.55 * lip), (0.13, 0.022), darker(look.lips, 1.3), 0.5)
    if opening > 0.015:
        inside = np.concatenate([upper_in, lower_in[::-1]])
        _fill(canvas, inside, (74, 22, 26))
        if smile > 0.25:
            teeth_end = _between(left, right, top + min(0.72 * opening, 0.17), 0.58)
            _fill(canvas, np.concatenate([upper_in, teeth_end[::-1]]), (246, 242, 236))
    _stroke(canvas, upper_in, darker(look.lips, 0.42), 0.024)


def _between(left: tuple[float, float], right: tuple[float, float], middle_y: float, fullness: float) -> Curve:
    """Curve from corner to corner that passes the middle at `middle_y`; `fullness` says how square it is."""
    control = (middle_y - 0.25 * left[1]) / 0.75
    return _curve([left, (left[0] * fullness, control), (right[0] * fullness, control), right])
