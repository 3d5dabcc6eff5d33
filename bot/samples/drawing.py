"""Draws one frame of a person: room, shoulders, head, glasses."""

import cv2
import numpy as np

from bot.samples.backdrop import HEIGHT_PX, WIDTH_PX, Scene, backdrop
from bot.samples.face import DENSITY, HALF_WIDTH, TOP, paint
from bot.samples.head import Surface, project, rotation, trace
from bot.samples.look import Look, Point
from bot.samples.pose import Pose
from engine.readings import Image

FOCAL_LENGTH_PX = 640.0
"""Of a usual webcam: 53° across."""


def draw(look: Look, pose: Pose) -> Image:
    """Draw a person; (360, 640, 3) RGB, the same for the same arguments."""
    scene = backdrop(look).copy()
    scale = look.scale_px
    x, y = look.place[0] * WIDTH_PX + pose.shift_x * scale, look.place[1] * HEIGHT_PX + pose.shift_y * scale
    camera = ((WIDTH_PX / 2 - x) / scale, (HEIGHT_PX / 2 - y) / scale, FOCAL_LENGTH_PX / scale)
    reach_x, reach_up, reach_down = 1.95 * scale, 2.35 * scale, 2.1 * scale
    left, right = max(0, int(x - reach_x)), min(WIDTH_PX, int(x + reach_x))
    top, bottom = max(0, int(y - reach_up)), min(HEIGHT_PX, int(y + reach_down))
    rays_x, rays_y = np.meshgrid(
        (np.arange(left, right, dtype=np.float32) + 0.5 - x) / scale,
        (np.arange(top, bottom, dtype=np.float32) + 0.5 - y) / scale,
    )
    surface = trace(look, pose, rays_x, rays_y, camera)
    colour = _shade(look, pose, surface)
    patch = scene[top:bottom, left:right]
    patch += (colour - patch) * surface.coverage[..., None]
    if look.glasses is not None:
        _draw_glasses(scene, look, pose, (x, y), camera)
    return np.clip(np.round(scene), 0, 255).astype(np.uint8)


def _shade(look: Look, pose: Pose, surface: Surface) -> Scene:
    """Lay the painted face over the surface and light it."""
    point = surface.point
    columns = (point[..., 0] + HALF_WIDTH) * DENSITY
    rows = (point[..., 1] - TOP) * DENSITY
    face = cv2.remap(paint(look, pose), columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    behind = np.clip((-0.05 - point[..., 2]) / 0.2, 0, 1)[..., None]
    face = face * (1 - behind) + np.array(look.skin, np.float32) * behind
    angle = np.arctan2(point[..., 0], point[..., 2] + 0.36)
    strands = 1 + 0.10 * np.sin(31 * angle + 3 * np.sin(5 * angle)) * np.sin(7 * angle + 2.2 * point[..., 1])
    if look.cloth:
        strands = 1 + 0.05 * np.sin(9 * (point[..., 1] + 0.6 * np.abs(point[..., 0])))
    hair = np.array(look.hair_colour, np.float32) * strands[..., None]
    share = surface.hair[..., None]
    colour = face * (1 - share) + hair * share
    light = np.array(look.light, np.float32)
    facing = surface.normal @ (light / np.linalg.norm(light))
    lit = 0.62 + 0.46 * np.clip(0.25 + 0.75 * facing, 0, 1)
    gloss = np.clip(facing, 0, 1) ** 24 * (10 + 14 * surface.hair)
    return np.asarray(colour * lit[..., None] + gloss[..., None], np.float32)


def _draw_glasses(scene: Scene, look: Look, pose: Pose, middle: tuple[float, float], camera: Point) -> None:
    """Draw rims, bridge and temples; they stand before the eyes and turn with the head."""
    turned, scale = rotation(pose), look.scale_px
    turn = np.linspace(0, 2 * np.pi, 40)
    lines = []
    for side in (-1, 1):
        rim_x = side * 0.42 + 0.285 * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.75
        rim_y = -0.30 + 0.225 * np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** 0.75
        lines.append(np.stack([rim_x, rim_y, 0.72 - 0.35 * rim_x**2], axis=1))
        if side * pose.yaw_deg < 12:  # the other temple hides behind the head
            lines.append(np.array([(side * 0.70, -0.33, 0.55), (side * 1.04, -0.30, 0.0), (side * 1.06, -0.22, -0.3)]))
    lines.append(np.array([(-0.135, -0.34, 0.72), (0, -0.38, 0.76), (0.135, -0.34, 0.72)]))
    for line in lines:
        flat = project(line.astype(np.float32), turned, camera) * scale + middle
        pixels = np.round(flat * 16).astype(np.int32)
        cv2.polylines(scene, [pixels], False, look.glasses, max(2, round(0.035 * scale)), cv2.LINE_AA, 4)
