"""What lids and irises of small faces still say, through a meeting's video.

Drawn people with known lids and gaze, filmed clips and photographs of faces are made smaller, as the layers of one
camera are, sent through VP8 as a browser sends it, and read as a bot reads them. `python -m tests.benchmarks.eyes
[--clips FOLDER] [--faces fer2013.npz] [--json]`; a minute of one core with both.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from bot.engagement import EngagementParameters
from bot.engagement.formula import openness
from bot.samples.drawing import draw
from bot.samples.people import PEOPLE
from bot.samples.pose import Pose
from engine.face_geometry import in_pixels
from engine.faces import FaceFinder
from engine.readings import Face, Image

WIDTHS_PX: Final = (128, 96, 80, 64, 56, 48, 40)
"""Of the face's box, as wide as the finder sees it."""
FACES: Final = 48
"""Photographs that are read, the first of PublicTest."""
FRAMES_A_READ: Final = 5
KBPS: Final = 500
"""Of a picture of 640x360; smaller layers get the same share of their pixels, and 60 at least."""
HEADS: Final = (Pose(), Pose(yaw_deg=12, pitch_deg=-6), Pose(yaw_deg=-10, pitch_deg=4))
SCREEN: Final = tuple(Pose(gaze_down=down, lids=1 - 2 * down, gaze=aside) for down, aside in
                      ((0.0, 0.0), (0.035, 0.06), (0.07, -0.06)))  # fmt: skip
"""Eyes on the upper edge, the middle and the lower third of a screen: 0, 5 and 10 degrees down; lids follow."""
PHONE: Final = tuple(Pose(gaze_down=down, lids=1 - 2.2 * down) for down in (0.14, 0.17, 0.2))
"""Eyes on a phone before the chest, 20, 25 and 30 degrees down, and the head where it was."""
_PARAMETERS: Final = EngagementParameters()
_EYES: Final = ((33, 133, 468), (362, 263, 473))

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Eyes:
    """What one read said."""

    ratio: float
    """Eye aspect ratio."""
    down: float
    """Irises below the line through the eyes' corners, in eye widths."""
    width_px: float


@dataclass(slots=True)
class Row:
    """What a size of face is worth. Shares in [0, 1]."""

    width_px: int
    found: float
    open_read_closed: float
    """Of open eyes, read as shut: what would be said of attentive people."""
    shut_read_closed: float | None = None
    lids_auc: float | None = None
    """Shut from open."""
    error_sd: float | None = None
    """Of openness beside that of the largest size."""
    phone_by_iris: float | None = None
    """AUC of eyes on a phone beside eyes on the screen, each beside the person's own median on the screen."""
    phone_by_lids: float | None = None
    phone_read_closed: float | None = None
    iris_sd: float | None = None
    """Of the vertical offset, of one person who does not look down."""


def through_video(picture: Image, scale: float) -> Image:
    """Send a picture through VP8 in another size; gives it as it is decoded after a third of a second."""
    height, width = (max(32, round(side * scale / 2) * 2) for side in picture.shape[:2])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    encoder: Any = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 15), Fraction(15)
    kbps = max(60, round(KBPS * width * height / (640 * 360)))
    encoder.bit_rate = kbps * 1000
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0",
                       "max-intra-rate": "450"}  # fmt: skip
    encoder.options |= dict.fromkeys(("minrate", "maxrate", "bufsize"), f"{kbps}k")
    decoder: Any = av.CodecContext.create("vp8", "r")
    frame = av.VideoFrame.from_ndarray(small, format="rgb24").reformat(format="yuv420p")
    shown = small
    for number in range(FRAMES_A_READ):
        frame.pts, frame.time_base = number, Fraction(1, 15)
        for packet in encoder.encode(frame):
            for decoded in decoder.decode(packet):
                shown = decoded.to_ndarray(format="rgb24")
    return np.asarray(shown, np.uint8)


def eyes_of(face: Face, picture: Image) -> Eyes:
    """Measure lids and irises of a face that was found."""
    height, width = picture.shape[:2]
    flat = in_pixels(face.landmarks, width, height)[:, :2]
    downs = []
    for first, last, iris in _EYES:
        along = flat[last] - flat[first]
        across = np.array([-along[1], along[0]])  # downwards: the corners run from left to right in the picture
        downs.append(float((flat[iris] - (flat[first] + flat[last]) / 2) @ across) / float(along @ along))
    return Eyes(face.eye_openness, sum(downs) / 2, face.box_width_px)


class Reader:
    """Reads pictures at every size."""

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder

    def read(self, picture: Image) -> list[Eyes | None] | None:
        """Return what each of `WIDTHS_PX` said, None where no face was found; None where none is in the picture."""
        whole = self._finder.find(picture)
        if whole is None:
            return None
        seen: list[Eyes | None] = []
        for width_px in WIDTHS_PX:
            small = through_video(picture, width_px / whole.box_width_px)
            face = self._finder.find(small, whole.box)  # as a bot looks where the face was before
            seen.append(None if face is None else eyes_of(face, small))
        return seen


def auc(high: Sequence[float], low: Sequence[float]) -> float | None:
    """Compute how often a value of the first kind lies above one of the second."""
    if not high or not low:
        return None
    above = np.subtract.outer(np.asarray(high), np.asarray(low))
    return float((above > 0).mean() + (above == 0).mean() / 2)


def normalised(ratios: Sequence[float], open_ratio: float) -> list[float]:
    return [openness(ratio, open_ratio, _PARAMETERS) for ratio in ratios]


def drawn(reader: Reader) -> list[Row]:
    """Read drawn people, who shut their eyes, look at the screen, or at a phone."""
    acts = {"screen": SCREEN, "phone": PHONE, "shut": (Pose(lids=0.0),)}
    seen = {
        (person.id, act): [reader.read(draw(person.look, head.added(eyes))) for head in HEADS for eyes in poses]
        for person in PEOPLE
        for act, poses in acts.items()
    }
    rows = []
    for place, width_px in enumerate(WIDTHS_PX):
        lids: dict[str, list[float]] = {act: [] for act in acts}
        downs: dict[str, list[float]] = {act: [] for act in acts}
        spreads, due = [], 0
        for person in PEOPLE:
            here = {act: [None if each is None else each[place] for each in seen[person.id, act]] for act in acts}
            due += sum(map(len, here.values()))
            known = {act: [eyes for eyes in each if eyes is not None] for act, each in here.items()}
            if not known["screen"]:
                continue
            open_ratio = float(np.percentile([eyes.ratio for eyes in known["screen"]], _PARAMETERS.open_percentile))
            rest = float(np.median([eyes.down for eyes in known["screen"]]))
            spreads.append(float(np.std([eyes.down for eyes in known["screen"]])))
            for act, each in known.items():
                lids[act] += normalised([eyes.ratio for eyes in each], open_ratio)
                downs[act] += [eyes.down - rest for eyes in each]
        rows.append(
            Row(
                width_px,
                found=sum(map(len, lids.values())) / due,
                open_read_closed=closed(lids["screen"]),
                shut_read_closed=closed(lids["shut"]),
                lids_auc=auc(lids["screen"], lids["shut"]),
                phone_by_iris=auc(downs["phone"], downs["screen"]),
                phone_by_lids=auc(lids["screen"], lids["phone"]),
                phone_read_closed=closed(lids["phone"]),
                iris_sd=float(np.mean(spreads)),
            )
        )
    return rows


def beside_the_largest(seen: Sequence[list[Eyes | None] | None], open_ratio: float | None) -> list[Row]:
    """Compare what small faces say with what the same picture said at the largest size.

    Args:
        seen: of each picture.
        open_ratio: of the person; None where every picture is another person, whose own largest picture counts.
    """
    rows = []
    for place, width_px in enumerate(WIDTHS_PX):
        errors, small, downs, due = [], [], [], 0
        for each in seen:
            if each is None or each[0] is None:
                continue
            ratio = open_ratio or each[0].ratio
            whole = openness(each[0].ratio, ratio, _PARAMETERS)
            if whole <= 0.5 or each[0].ratio < 0.15:
                continue  # shut, or about to be: only open eyes are known here
            due += 1
            if (eyes := each[place]) is not None:
                here = openness(eyes.ratio, ratio, _PARAMETERS)
                small.append(here)
                errors.append(here - whole)
                downs.append(eyes.down - each[0].down)
        rows.append(
            Row(
                width_px, found=len(small) / max(due, 1), open_read_closed=closed(small),
                error_sd=float(np.std(errors)) if errors else None, iris_sd=float(np.std(downs)) if downs else None,
            )
        )  # fmt: skip
    return rows


def closed(values: Sequence[float]) -> float:
    return float(np.mean([value <= _PARAMETERS.closed for value in values])) if values else 0.0


def filmed(reader: Reader, folder: Path) -> Iterator[tuple[str, list[Row]]]:
    """Read every sixth picture of filmed clips."""
    for path in sorted(folder.glob("*.m*")):
        with av.open(str(path)) as container:
            pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][::6]
        seen = [reader.read(np.asarray(picture, np.uint8)) for picture in pictures]
        ratios = [each[0].ratio for each in seen if each is not None and each[0] is not None]
        if ratios:
            yield path.name, beside_the_largest(seen, float(np.percentile(ratios, _PARAMETERS.open_percentile)))


def photographed(reader: Reader, path: Path) -> list[Row]:
    """Read photographs, enlarged and faded into a wall: everybody is another person."""
    with np.load(path) as arrays:
        images = arrays["images"][arrays["usage"] == 1][:FACES]
    seen = []
    for image in images:
        scene = np.full((360, 640), 128, np.uint8)
        scene[70:290, 210:430] = cv2.resize(image, (220, 220), interpolation=cv2.INTER_CUBIC)
        seen.append(reader.read(np.repeat(scene[..., None], 3, 2)))
    return beside_the_largest(seen, None)


def main() -> None:
    """Print a table for each kind of face."""
    parser = argparse.ArgumentParser(description="What lids and irises of small faces still say.")
    parser.add_argument("--clips", type=Path, help="folder of filmed clips, a person each")
    parser.add_argument("--faces", type=Path, help="fer2013.npz")
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    asked = parser.parse_args()
    with FaceFinder() as finder:
        reader = Reader(finder)
        tables = {"drawn": drawn(reader)}
        if asked.clips is not None:
            tables |= dict(filmed(reader, asked.clips))
        if asked.faces is not None:
            tables["photographs"] = photographed(reader, asked.faces)
    said = {name: [_said(row) for row in rows] for name, rows in tables.items()}
    if asked.json:
        print(json.dumps(said))
        return
    for name, rows in said.items():
        print(name)
        for row in rows:
            print("  ".join(f"{field} {value:.3f}" for field, value in row.items()))


def _said(row: Row) -> dict[str, float]:
    return {field: value for field in Row.__slots__ if (value := getattr(row, field)) is not None}


if __name__ == "__main__":
    main()
