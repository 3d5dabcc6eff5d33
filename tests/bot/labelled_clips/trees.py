"""Folders laid out as DAiSEE and EngageNet are, of drawn people: what they do, and so their label, is known."""

import csv
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import av

from bot.samples.story import clip_path

PLAYED: dict[int, dict[str, tuple[str, ...]]] = {
    3: {"kofi": ("laugh",), "liam": ("laugh",), "mateo": ("laugh",), "amara": ("laugh",), "elsa": ("smile",)},
    2: {"kofi": ("calm",), "liam": ("calm",), "mateo": ("calm",), "amara": ("calm",), "elsa": ("calm",)},
    1: {"kofi": ("calm", "turned_-40"), "liam": ("calm", "away_left"), "mateo": ("calm", "down"),
        "elsa": ("calm", "away_left")},
    0: {"kofi": ("down",), "liam": ("away_left",), "mateo": ("down",), "elsa": ("away_left",)},
}  # fmt: skip
"""By label and person: the segments of equal length of which the clip is made."""
RATE = 15
LENGTH_S = 6
DAISEE = {"kofi": "110001", "liam": "110002", "amara": "200001", "mateo": "500001", "elsa": "500002"}
"""Their numbers; the first digit is the side."""
SIDES = {"1": "Train", "2": "Validation", "5": "Test"}
WORDS = ("Not-Engaged", "Barely-engaged", "Engaged", "Highly-Engaged")


def play(path: Path, person: str, label: int) -> Path:
    """Write a clip in which somebody does what a label says: packets of their drawn segments, not encoded anew."""
    segments = PLAYED[label][person]
    each = LENGTH_S * RATE // len(segments)
    packets = chain.from_iterable(islice(cycle(_packets(person, name)), each) for name in segments)
    return write(path, packets)


def write(path: Path, packets: Iterable[bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="webm") as container:
        stream: Any = container.add_stream("libvpx", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number, content in enumerate(packets):
            packet = av.Packet(content)
            packet.stream, packet.pts, packet.dts = stream, number, number
            packet.time_base = Fraction(1, RATE)
            packet.is_keyframe = not content[0] & 1
            container.mux(packet)
    return path


def clips_of(people: Iterable[str]) -> list[tuple[str, int]]:
    return [(person, label) for person in people for label in sorted(PLAYED) if person in PLAYED[label]]


def daisee(folder: Path, people: Sequence[str] = tuple(DAISEE)) -> Path:
    """As DAiSEE is unpacked: a heading with a blank at its end, a clip without label, a label without clip."""
    tables: dict[str, list[tuple[Any, ...]]] = {side: [] for side in SIDES.values()}
    for person, label in clips_of(people):
        number = DAISEE[person]
        side, clip = SIDES[number[0]], f"{number}10{label:02}"
        play(folder / "DataSet" / side / number / clip / f"{clip}.avi", person, label)
        tables[side].append((f"{clip}.avi", 0, label, 0, 0))
    tables["Test"].append(("5000019999.avi", 0, 1, 0, 0))
    unlabelled = folder / "DataSet/Train/110001/1100019998/1100019998.avi"
    unlabelled.parent.mkdir(parents=True)
    unlabelled.write_bytes(b"")
    head = ("ClipID", "Boredom", "Engagement", "Confusion", "Frustration ")
    (folder / "Labels").mkdir()
    for side, rows in tables.items():
        _table(folder / f"Labels/{side}Labels.csv", head, rows)
    _table(folder / "Labels/AllLabels.csv", head, list(chain(*tables.values())))
    return folder


def engagenet(folder: Path) -> Path:
    """As EngageNet is unpacked, with somebody who is not present, and a clip that is broken."""
    sides = {"train": ("kofi", "liam"), "valid": ("amara",), "test": ("mateo",)}
    rows: list[tuple[str, str]] = []
    chunks: dict[str, list[str]] = {}
    for number, (side, people) in enumerate(sides.items()):
        chunks[side] = []
        for person, label in clips_of(people):
            chunk = f"subject_{number}{people.index(person)}_x3f_vid_0_{label}.mp4"
            play(folder / side.title() / chunk, person, label)
            chunks[side].append(chunk)
            rows.append((chunk, WORDS[label]))
    for word, number in (("SNP(Subject Not Present)", 8), (WORDS[1], 9)):
        chunk = f"subject_20_x3f_vid_0_{number}.mp4"
        chunks["test"].append(chunk)
        rows.append((chunk, word))
        (folder / "Test" / chunk).write_bytes(b"broken")
    for side, names in chunks.items():
        (folder / f"{side}.txt").write_text("\n".join(names) + "\n")
    _table(folder / "final_labels.csv", ("chunk", "label"), rows)
    return folder


def _packets(person: str, segment: str) -> list[bytes]:
    with av.open(str(clip_path(person, segment))) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def _table(path: Path, head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
