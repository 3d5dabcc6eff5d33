"""`classpulse engagement-evaluate`: labelled clips of drawn people, from the folder to the report."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from bot.engagement import FORMULA, EngagementParameters
from bot.engagement.learned_head import FEATURES, LearnedHead
from bot.errors import LabelsRefused
from bot.labelled_clips.kept_reads import NAME, KeptReads
from bot.labelled_clips.layouts import Layout, find_clips
from bot.labelled_clips.reading import ReadClip, read_clips
from dashboard_protocol.codec import decode
from dashboard_protocol.events import Hello, LearnedModel, ParticipantUpdate
from tests.bot.labelled_clips.trees import LENGTH_S, RATE, daisee, engagenet, play

PATIENCE_S = 110
ONE = "--each-file-is-one-person"


def evaluated(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    # A suite that runs in the background may ignore what Ctrl-C sends, and so would its children.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "bot", "engagement-evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)


def result(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    said: dict[str, Any] = json.loads(line)
    return said


def test_daisee_shaped_folder_is_evaluated_read_once_and_drawn(tmp_path: Path) -> None:
    data, out = daisee(tmp_path / "DAiSEE"), tmp_path / "out"
    asked = ("--data", data, "--layout", "daisee", "--out", out, "--json")
    said = result(evaluated(*asked, "--plots", "--train-head", tmp_path / "head.json"))
    # Test is Mateo and Elsa: what they do is drawn, so whoever reads them right agrees with every label.
    assert said["judged"] == "Test"
    assert (said["clips"], said["people"], said["unreadable"], said["damaged"]) == (18, 5, 0, 0)
    assert said["left_out"] == {"without a label": 1, "without a file": 1}
    assert said["formula"] == "classpulse-engagement/2"
    assert said["qwk"] >= 0.9
    assert said["macro_f1"] >= 0.7
    assert said["balanced_accuracy"] >= 0.75
    assert said["spearman"] >= 0.9
    assert said["null_rate"] == 0
    # Train is Kofi and Liam, four levels once each: the lowest of the most frequent is said of all.
    assert said["majority_accuracy"] == 0.25
    assert said["majority"] == pytest.approx(2 * 2 / (2 + 8) / 4, abs=1e-4)
    whole = json.loads((out / "engagement.json").read_text())
    assert {key: whole[key] for key in said} == said
    assert whole["labels"] == {"Test": [2, 2, 2, 2], "Validation": [0, 0, 1, 1]}
    rows = {(row["score"], row["baseline"], row["cuts_are"]): row for row in whole["rows"] if row["judged"] == "Test"}
    assert len(rows) == 2 * (5 * 2 + 1) + 2 + 1
    # Activity alone parts a laugh from a quiet face: without it the highest level is lost.
    assert rows["a = 0", "own", "fitted"]["qwk"] < said["qwk"]
    assert rows["a = 0", "own", "fitted"]["spearman"] == rows["A only", "own", "fitted"]["spearman"]
    assert rows["index", "own", "fitted"]["confusion"][0][0] == 2
    assert rows["index", "own", "fitted"]["qwk_interval"] is not None
    text = (out / "engagement.md").read_text()
    assert "## Test: 8 clips, labelled 0 to 3: 2, 2, 2, 2" in text
    assert "| majority class |" in text
    assert "| head pose alone | own | fitted |" in text
    for picture in ("confusion", "scores"):
        assert (out / f"engagement-{picture}.png").read_bytes().startswith(b"\x89PNG")
    assert_nothing_but_numbers_is_kept(out / NAME)
    head = json.loads((tmp_path / "head.json").read_text())
    assert head["trained_on"] == "DAiSEE (daisee)"
    assert (head["clips"], head["people"]) == (8, 2)
    assert head["figures"]["qwk"] == rows["learned head", "own", "fitted"]["qwk"] >= 0.6
    # Of a clip that was read nothing is opened again, and the figures are the same to the last digit.
    for video in data.rglob("*.avi"):
        about = video.stat()
        video.write_bytes(bytes(about.st_size))
        os.utime(video, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert result(evaluated(*asked)) == said


def test_learned_head_is_shown_beside_the_index_of_single_people_and_nowhere_else(tmp_path: Path) -> None:
    head, clip = tmp_path / "head.json", play(tmp_path / "Mateo.avi", "mateo", 2)
    count = len(FEATURES)
    flat = dict.fromkeys(("means", "weights", "missing"), (0.0,) * count)
    made = LearnedHead(
        name="drawn", formula=FORMULA, network="0" * 16, trained_on="drawn people", clips=8, people=2,
        scales=(1.0,) * count, thresholds=(-1.0, 0.0, 1.0), **flat,
    )  # fmt: skip
    head.write_text(made.model_dump_json())

    def seen(policy: str, *more: str | Path) -> tuple[Hello, list[ParticipantUpdate]]:
        command = [sys.executable, "-m", "bot", "recording", clip, ONE, "--policy", policy, "--json"]
        environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
        done = subprocess.run(
            [*map(str, command), "--engagement-model", str(head), *map(str, more)],
            capture_output=True, text=True, timeout=PATIENCE_S, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        bodies = [decode(line).body for line in done.stdout.splitlines()]
        (hello,) = [body for body in bodies if isinstance(body, Hello)]
        return hello, [body for body in bodies if isinstance(body, ParticipantUpdate)]

    hello, people = seen("individual", "--csv-people", tmp_path / "people.csv")
    assert hello.model == LearnedModel(name="drawn", trained_on="drawn people", clips=8, people=2)
    assert {person.model is None for person in people if person.index is None} <= {True}
    assert [person.model for person in people if person.index is not None][-1] == 0.5
    assert "model" in (tmp_path / "people.csv").read_text().splitlines()[0].split(",")
    hello, people = seen("aggregate")
    assert (hello.model, people) == (None, [])
    head.write_text("{}")
    done = subprocess.run(
        [sys.executable, "-m", "bot", "recording", clip, ONE, "--policy", "individual",
         "--engagement-model", head],
        capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no learned head" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def assert_nothing_but_numbers_is_kept(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in path.read_text().splitlines() if line]
    assert len(lines) == 18
    for line in lines:
        steps = line["reads"]["steps"]
        assert LENGTH_S * 4 <= len(steps) - 1 <= LENGTH_S * 4 + 1
        for step in steps:
            assert step.keys() <= {"at", "kind", "face", "aspect", "why"}
            face = step.get("face") or {}
            assert face.keys() <= {"box_width_px", "yaw_deg", "pitch_deg", "eye_openness", "iris_offset",
                                   "mouth_openness", "fer7"}  # fmt: skip
            assert len(face.get("fer7") or ()) in (0, 7)


def stopped_by_ctrl_c(arguments: tuple[str | Path, ...], kept: Path) -> str:
    """Begin an evaluation, interrupt it as soon as something was read, and return what it said."""
    # A suite that runs in the background may ignore what Ctrl-C sends, and so would its children.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "bot", "engagement-evaluate", *map(str, arguments)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while running.poll() is None and not (kept.exists() and kept.stat().st_size):
        with suppress(subprocess.TimeoutExpired):
            running.wait(0.05)
    running.send_signal(signal.SIGINT)
    said, complaints = running.communicate(timeout=PATIENCE_S)
    assert (running.returncode, said) == (130, "")
    return complaints


def test_engagenet_shaped_folder_is_evaluated_though_stopped_and_its_broken_clip_is_counted(tmp_path: Path) -> None:
    data, kept = engagenet(tmp_path / "EngageNet"), tmp_path / "out" / NAME
    asked = ("--data", data, "--layout", "engagenet", "--out", tmp_path / "out", "--json")
    (line,) = stopped_by_ctrl_c(asked, kept).splitlines()
    assert line.startswith("stopped")
    before = [line for line in kept.read_text().splitlines() if line]
    assert 4 <= len(before) < 14
    done = evaluated(*asked)
    # What was read before is not read again: each clip has one line.
    after = [line for line in kept.read_text().splitlines() if line]
    assert after[: len(before)] == before
    assert len(after) == len({json.loads(line)["file"] for line in after}) == 14
    said = result(done)
    assert (said["judged"], said["clips"], said["people"], said["unreadable"]) == ("Test", 14, 4, 1)
    assert said["left_out"] == {"where nobody is present": 1}
    assert "subject_20_x3f_vid_0_9.mp4 is no recording that can be read" in done.stderr
    assert "Traceback" not in done.stderr
    assert said["qwk"] >= 0.9
    assert said["balanced_accuracy"] >= 0.75


def test_clip_is_read_as_it_is_alone_whatever_is_read_beside_it(tmp_path: Path) -> None:
    import asyncio

    from bot.inference import open_inference

    one, other = play(tmp_path / "one.avi", "kofi", 1), play(tmp_path / "other.avi", "mateo", 3)
    broken = tmp_path / "broken.avi"
    broken.write_bytes(b"no video")

    async def read() -> list[list[ReadClip]]:
        async with open_inference(None, threads=2, expressions=True) as inference:
            parameters = EngagementParameters()
            return [
                await asyncio.to_thread(read_clips, paths, inference, parameters)
                for paths in ([one], [other, broken, one])
            ]

    (alone,), (_, nothing, beside) = asyncio.run(read())
    assert alone == beside
    assert alone.reads is not None
    assert alone.reads.end_s == pytest.approx(LENGTH_S, abs=0.1)
    at = [step.at for step in alone.reads.steps if step.kind == "read"]
    assert [later - earlier for earlier, later in pairwise(at[1:])] == pytest.approx(
        [0.25] * (len(at) - 2), abs=1 / RATE
    )
    assert nothing.reads is None
    assert nothing.damage is not None


def test_line_that_was_cut_off_spoils_only_itself(tmp_path: Path) -> None:
    from bot.engagement.evaluation.clips import ClipReads, Step

    for name in ("a.avi", "b.avi"):
        (tmp_path / name).write_bytes(b"video")
    read = ReadClip(ClipReads((Step(0.0, "camera_on"), Step(0.25, "read", None, 1.5)), 6.0))
    out = tmp_path / "out"
    with KeptReads(out, "network") as kept:
        kept.keep(tmp_path, "a.avi", read)
        kept.keep(tmp_path, "b.avi", read)
    text = (out / NAME).read_bytes()
    (out / NAME).write_bytes(text[:-9])
    with KeptReads(out, "network") as kept:
        assert kept.find(tmp_path, "a.avi") == read
        assert kept.find(tmp_path, "b.avi") is None
        kept.keep(tmp_path, "b.avi", read)
    with KeptReads(out, "network") as kept:
        assert kept.find(tmp_path, "b.avi") == read
        with pytest.raises(LabelsRefused, match="in use by another run"), KeptReads(out, "network"):
            pass
    with KeptReads(out, "another network") as kept:
        assert kept.find(tmp_path, "a.avi") is None
    (tmp_path / "a.avi").write_bytes(b"another video")
    with KeptReads(out, "network") as kept:
        assert kept.find(tmp_path, "a.avi") is None


def own_table(folder: Path, *rows: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_table_of_ones_own_names_files_people_and_labels(tmp_path: Path) -> None:
    folder = own_table(
        tmp_path / "my", "file, person, label, split, glasses", "a.mp4,anna,3,train,yes", "b.mp4,ben,High,Test,",
        "c.mp4,cleo,,test,no", "d.mp4,dan,0,test,no",
    )  # fmt: skip
    for name in "abc":
        (folder / f"{name}.mp4").write_bytes(b"")
    found = find_clips(folder, Layout.CLIPS)
    assert [(clip.file, clip.person, clip.label, str(clip.split)) for clip in found.clips] == [
        ("a.mp4", "anna", 3, "Train"),
        ("b.mp4", "ben", 2, "Test"),
    ]
    assert [clip.groups for clip in found.clips] == [{"glasses": "yes"}, {}]
    assert found.left_out == {"without a label": 1, "without a file": 1}


def without(*paths: str) -> Callable[[Path], object]:
    def remove(folder: Path) -> None:
        for path in paths:
            shutil.rmtree(folder / path) if (folder / path).is_dir() else (folder / path).unlink()

    return remove


REFUSED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no labels": ("daisee", without("Labels"), "Labels has none of the files"),
    "nothing to judge": ("daisee", without("DataSet/Test"), "has no clip in Test"),
    "nothing to fit to": ("daisee", without("DataSet/Train"), "has no clip in Train"),
    "no videos": ("daisee", without("DataSet"), "holds no clip with a label and a file (6 without a file)"),
    "person on two sides": (
        "daisee",
        lambda folder: shutil.copytree(folder / "DataSet/Train/110001", folder / "DataSet/Test/110001"),
        "people on two sides of its split: 110001",
    ),
    "label that is none": (
        "daisee",
        lambda folder: (folder / "Labels/TestLabels.csv").write_text("ClipID,Engagement\n5000011000.avi,7\n"),
        "'7' is no label",
    ),
    "two labels of a clip": (
        "daisee",
        lambda folder: (folder / "Labels/TestLabels.csv").write_text("ClipID,Engagement\n1100011000.avi,3\n"),
        "1100011000 is labelled",
    ),
    "column that is missing": (
        "daisee",
        lambda folder: (folder / "Labels/AllLabels.csv").write_text("ClipID,Boredom\n"),
        "has no column Engagement",
    ),
    "no text": (
        "daisee",
        lambda folder: (folder / "Labels/AllLabels.csv").write_bytes(b"ClipID,Engagement\n\xff\xfe\n"),
        "is no text in UTF-8",
    ),
    "another layout": ("engagenet", lambda folder: None, "final_labels.csv is missing"),
    "no table": ("clips", lambda folder: None, "clips.csv is missing"),
    "file outside": (
        "clips", lambda folder: own_table(folder, "file,person,label", "../x.mp4,anna,1"), "does not lie in this",
    ),
    "file twice": (
        "clips",
        lambda folder: [
            own_table(folder, "file,person,label", "a.mp4,anna,1", "a.mp4,anna,1"), (folder / "a.mp4").write_bytes(b""),
        ],
        "names a file twice",
    ),
    "clip of nobody": (
        "clips", lambda folder: own_table(folder, "file,person,label", "a.mp4,,1"), "a.mp4 has no person",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One person to fit to, one to judge; their files are never opened here."""
    folder = tmp_path_factory.mktemp("daisee")
    for number, side in (("110001", "Train"), ("500001", "Test")):
        for label in range(3):
            clip = f"{number}10{label:02}"
            (folder / f"DataSet/{side}/{number}/{clip}").mkdir(parents=True)
            (folder / f"DataSet/{side}/{number}/{clip}/{clip}.avi").write_bytes(b"")
    (folder / "Labels").mkdir()
    rows = [f"{number}10{label:02}.avi,{label}" for number in ("110001", "500001") for label in range(3)]
    (folder / "Labels/AllLabels.csv").write_text("\n".join(["ClipID,Engagement ", *rows]))
    return folder


@pytest.mark.parametrize("what", REFUSED)
def test_folder_that_cannot_be_used_is_refused_in_one_line(what: str, small: Path, tmp_path: Path) -> None:
    layout, spoil, said = REFUSED[what]
    folder = tmp_path / "data"
    shutil.copytree(small, folder)
    spoil(folder)
    with pytest.raises(LabelsRefused) as refused:
        find_clips(folder, Layout(layout))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_command_refuses_in_one_line_with_the_code_for_what_cannot_be_used(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, said in (
        (("--data", tmp_path / "none", "--layout", "daisee"), "is no folder"),
        (("--data", small, "--layout", "daisee", "--out", small / "Labels/AllLabels.csv"), "cannot be written"),
        (("--data", small, "--layout", "daisee", "--out", tmp_path / "out"), "none of 6 clips could be read"),
        (("--data", small, "--layout", "daisee", "--engine", tmp_path / "no.onnx"), "no such model"),
        (("--data", small), "Missing option '--layout'. Choose from: daisee, engagenet, clips"),
    ):
        monkeypatch.setattr(sys, "argv", ["classpulse", "engagement-evaluate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        assert (ended.value.code, shown.out) == (2, "")
        (line,) = shown.err.splitlines()
        assert said in line
