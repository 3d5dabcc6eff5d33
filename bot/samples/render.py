"""Draws and encodes the clips: `python -m bot.samples.render [--out DIR]`; the same files on every run.

Only what the stories play is drawn: VP8, 640x360, 15 frames a second, a key frame a second. Takes about four minutes
on two cores. `truth.json` keeps the pose of every frame.
"""

import argparse
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2

from bot.samples.drawing import draw
from bot.samples.people import CLASS
from bot.samples.pose import Pose
from bot.samples.segments import FRAMES_PER_S, poses
from bot.samples.story import CLIPS, HERE, clip_path
from engine.readings import Image

BITS_PER_S = 150_000
_COLUMNS = tuple(Pose.__dataclass_fields__)
_LOOKS = {person.id: person.look for person in CLASS}


def played() -> list[tuple[str, str]]:
    """List the pairs of person and segment that the stories play."""
    stories = json.loads((HERE / "story.json").read_text(encoding="utf-8")).values()
    people = [person for story in stories for person in story["people"]]
    return sorted({(person["id"], cue[2]) for person in people for cue in person["cues"] if cue[1] == "play"})


def render(person_id: str, segment: str, folder: Path) -> dict[str, Any]:
    """Draw one clip into a folder; returns its truth."""
    look, performed = _LOOKS[person_id], poses(segment, person_id)
    encode([draw(look, pose) for pose in performed], folder / clip_path(person_id, segment).name)
    return {
        "frames_per_s": FRAMES_PER_S,
        "face_width_px": round(2 * look.scale_px),
        "columns": _COLUMNS,
        "frames": [[round(value, 3) for value in pose.values()] for pose in performed],
    }


def encode(pictures: list[Image], path: Path) -> None:
    """Write pictures as VP8 in WebM, bit by bit the same for the same pictures."""
    options = {
        "deadline": "good", "cpu-used": "1", "crf": "14", "threads": "1", "qmax": "52",
        # A frame that is never shown, or known only later, could not be sent as it is.
        "auto-alt-ref": "0", "lag-in-frames": "0", "keyint_min": str(FRAMES_PER_S),
    }  # fmt: skip
    height_px, width_px, _ = pictures[0].shape
    with av.open(str(path), "w", format="webm", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libvpx", rate=FRAMES_PER_S, options=options)
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
        stream.bit_rate, stream.gop_size = BITS_PER_S, FRAMES_PER_S
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FRAMES_PER_S)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main() -> None:
    """Draw every clip that is played."""
    parser = argparse.ArgumentParser(description="Draws and encodes the sample participants.")
    parser.add_argument("--out", type=Path, default=CLIPS, help="folder to write to (default: where the demo reads)")
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    pairs = played()
    # Not forked: a fork of a process that has threads may wait for ever for a lock that one of them held.
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), spawned, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        truths = pool.map(render, *zip(*pairs, strict=True), [folder] * len(pairs))
        truth = {f"{person}-{segment}": clip for (person, segment), clip in zip(pairs, truths, strict=True)}
    (folder / "truth.json").write_text(json.dumps(truth, separators=(",", ":")) + "\n", encoding="utf-8")
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{len(pairs)} clips, {size / 1e6:.2f} MB in {folder}")


if __name__ == "__main__":
    main()
