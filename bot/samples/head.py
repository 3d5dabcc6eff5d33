"""The drawn head as a solid: ellipsoids blended into skull, jaw, nose and hair, met by one ray a pixel.

Lengths are half-widths of the face (about 70 mm); x runs right, y down, z to the viewer; the origin lies behind the
bridge of the nose. Depths follow the proportions of an average face, so that a drawing turned by 25° measures as 25°.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.samples.look import Look
from bot.samples.pose import Pose

Floats = NDArray[np.float32]
Point = tuple[float, float, float]

_STEPS = 40
_CAUTION = np.float32(0.9)
"""Share of the distance that a ray may go: the distance to a blend is only nearly right."""
_FAR = np.float32(9.0)


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What the rays met, each of shape (height, width)."""

    point: Floats
    """(height, width, 3) in the head's own coordinates."""
    normal: Floats
    """(height, width, 3) in the picture's coordinates, unit length."""
    coverage: Floats
    """Share of the pixel that the head covers, in [0, 1]."""
    hair: Floats
    """Share of hair against skin, in [0, 1]."""


def rotation(pose: Pose) -> Floats:
    """Return the (3, 3) matrix that turns the head's coordinates into the picture's."""
    yaw, pitch, roll = np.deg2rad([pose.yaw_deg, pose.pitch_deg, pose.roll_deg])
    turn = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    nod = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    tilt = [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    return (np.array(tilt) @ np.array(turn) @ np.array(nod)).astype(np.float32)


def project(points: Floats, turned: Floats, camera: Point) -> Floats:
    """Project points (N, 3) of the head onto the picture's plane: (N, 2) in head half-widths from the head's middle.

    Args:
        points: in the head's coordinates.
        turned: (3, 3), see `rotation`.
        camera: where the camera stands, in the picture's coordinates.
    """
    eye = np.array(camera, np.float32)
    seen = points @ turned.T
    return np.asarray(eye[:2] + (seen[:, :2] - eye[:2]) / (1 - seen[:, 2:] / eye[2]), np.float32)


def trace(look: Look, pose: Pose, x: Floats, y: Floats, camera: Point) -> Surface:
    """Meet the head with one ray for every pixel.

    Args:
        look: whose head.
        pose: how it is turned; the mouth moves the chin.
        x: (height, width) the pixels' distance to the right of the head's middle, in head half-widths.
        y: the same downwards.
        camera: where the camera stands, in the picture's coordinates.
    """
    turned, eye = rotation(pose), np.array(camera, np.float32)
    towards = np.stack([x - eye[0], y - eye[1], np.full_like(x, -eye[2])], axis=-1)
    towards = (towards / np.linalg.norm(towards, axis=-1, keepdims=True)) @ turned
    origin = turned.T @ eye
    pixel = float(x[0, 1] - x[0, 0])
    way, skin, hair, closest = _march(look, pose, origin, towards.reshape(-1, 3), pixel)
    point = np.asarray(origin + towards * way.reshape(x.shape)[..., None], np.float32)
    return Surface(
        point=point,
        normal=_normals(point @ turned.T),
        coverage=np.clip(1.2 - closest / pixel, 0, 1).reshape(x.shape),
        hair=np.clip(0.5 + (skin - hair) / (1.5 * pixel), 0, 1).reshape(x.shape),
    )


def _march(
    look: Look, pose: Pose, origin: Floats, towards: Floats, pixel: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Follow N rays; returns way, distances to skin and hair there, and closest approach (0 for a hit), (N,) each."""
    count = len(towards)
    start = float(np.linalg.norm(origin))
    way = np.full(count, start - 2.4, np.float32)
    closest, skin, hair = (np.full(count, _FAR, np.float32) for _ in range(3))
    rays = np.arange(count)
    for _ in range(_STEPS):
        skin[rays], hair[rays] = _distances(look, pose, origin + towards[rays] * way[rays, None])
        distance = np.minimum(skin[rays], hair[rays])
        hit = distance < 0.2 * pixel
        closest[rays] = np.where(hit, 0, np.minimum(closest[rays], distance))
        way[rays] += _CAUTION * distance
        rays = rays[~hit & (way[rays] < start + 1.5)]
        if not len(rays):
            break
    return way, skin, hair, closest


def _distances(look: Look, pose: Pose, point: Floats) -> tuple[Floats, Floats]:
    """Distances of points (N, 3) to skin and hair; negative inside."""
    x, y, z = np.abs(point[..., 0]), point[..., 1], point[..., 2]
    drop = 0.16 * pose.mouth
    jaw = look.jaw
    skin = _ellipsoid(x, y, z, (0, -0.55, -0.30), (1.03, 1.12, 0.92))
    skin = _blend(skin, _ellipsoid(x, y, z, (0, 0.16 + drop / 2, -0.16), (0.93 * jaw, 1.02 + drop / 2, 0.86)), 0.25)
    skin = _blend(skin, _ellipsoid(x, y, z, (0, 0.98 + drop, 0.28), (0.36 * jaw, 0.24, 0.28)), 0.25)
    skin = _blend(skin, _ellipsoid(x, y, z, (0, 0.55, 0.42), (0.42, 0.34, 0.30)), 0.12)
    skin = _blend(skin, _ellipsoid(x, y + 0.36 * (z - 0.7), z, (0, -0.06, 0.55), (0.15, 0.36, 0.30)), 0.10)
    skin = _blend(skin, _ellipsoid(x, y, z, (0, 0.13, 0.74), (0.16 * look.nose, 0.13, 0.20)), 0.10)
    skin = _blend(skin, _ellipsoid(x, y, z, (0.15 * look.nose, 0.19, 0.62), (0.10, 0.09, 0.14)), 0.06)
    skin = _blend(skin, _ellipsoid(x, y, z, (1.0, -0.06, -0.35), (0.12, 0.30, 0.20)), 0.06)
    hair = np.full_like(x, _FAR)
    for part in look.hair:
        volume = _ellipsoid(x, y, z, part.middle, part.radii)
        if part.opening is not None:
            volume = -_blend(-volume, _ellipsoid(x, y, z, *part.opening), 0.08)
        if part.curl:
            volume = volume + part.curl * np.sin(9 * point[..., 0]) * np.sin(9 * y) * np.sin(9 * z)
        hair = np.minimum(hair, volume)
    return skin, np.asarray(hair, np.float32)


def _ellipsoid(x: Floats, y: Floats, z: Floats, middle: Point, radii: Point) -> Floats:
    """Distance to an ellipsoid, exact on its surface and nearly so close to it."""
    rx, ry, rz = (np.float32(radius) for radius in radii)
    dx, dy, dz = ((a - np.float32(m)) / r for a, m, r in zip((x, y, z), middle, (rx, ry, rz), strict=True))
    inner = np.sqrt(dx * dx + dy * dy + dz * dz) + np.float32(1e-6)
    slope = np.sqrt((dx / rx) ** 2 + (dy / ry) ** 2 + (dz / rz) ** 2) + np.float32(1e-6)
    return np.asarray(inner * (inner - 1) / slope, np.float32)


def _blend(a: Floats, b: Floats, width: float) -> Floats:
    """Smooth minimum: joins two volumes with a fillet of `width`."""
    near = np.maximum(np.float32(width) - np.abs(a - b), 0) / np.float32(width)
    return np.asarray(np.minimum(a, b) - near * near * np.float32(width / 4), np.float32)


def _normals(seen: Floats) -> Floats:
    """Normals of a surface given as points (height, width, 3) in the picture's coordinates."""
    down, right = np.gradient(seen, axis=(0, 1))
    normal = np.cross(right, down)
    return np.asarray(normal / (np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9), np.float32)
