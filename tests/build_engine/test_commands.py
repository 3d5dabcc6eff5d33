"""The command `build-engine`, as a user meets it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from build_engine import __main__ as command_line
from build_engine.commands.shipped import int8_of, shipped_fp32, shipped_models
from build_engine.data.drawn import draw_face
from build_engine.data.labelled_faces import LabelledFaces
from build_engine.deployment import reference
from build_engine.environment import SETTINGS
from build_engine.recipe import RECIPES
from engine.expressions import FER7, Expression
from engine.manifest import load_manifest

DRAWN = ["--data", "drawn:140"]


def build_engine(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command in this process; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["build-engine", *arguments])
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)  # else `train` would restart this process
    with pytest.raises(SystemExit) as end:
        command_line.main()
    return int(end.value.code or 0)


def only_line(text: str) -> Any:
    (line,) = text.splitlines()
    return json.loads(line)


def test_smoke_chain_trains_exports_and_evaluates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def answer(*arguments: str) -> Any:
        assert build_engine(*arguments, monkeypatch=monkeypatch) == 0
        return only_line(capsys.readouterr().out)

    assert build_engine("train", *DRAWN, "--recipe", "smoke", "--json", monkeypatch=monkeypatch) == 0
    said = capsys.readouterr()
    assert only_line(said.out)["run"] == "runs/smoke"
    assert "140 faces, " in said.err
    assert said.err.count("PublicTest") == 3
    assert (tmp_path / "runs/smoke/curves.png").read_bytes().startswith(b"\x89PNG")

    export = ("export", "runs/smoke", *DRAWN, "--to", "tiny.onnx", "--json")
    exported = answer(*export)
    assert exported["parity"] <= 1e-4
    assert "PrivateTest" not in exported

    evaluate = ("evaluate", *DRAWN, "--split", "PrivateTest", "--model", "tiny.onnx", "--confusion", "c.png", "--json")
    result = answer(*evaluate)
    assert result["model"] == "tiny"
    assert result["precision"] == "fp32"
    assert result["faces"] == 14
    names = (
        "accuracy",
        "accuracy_without_duplicates",
        "ferplus_accuracy",
        "ferplus_plurality_accuracy",
        "macro_precision",
        "macro_recall",
        "macro_f1",
    )
    assert all(0 <= result[name] <= 1 for name in (*names, "ece"))
    for figures in (result, result["without_offsets"]):
        assert set(figures["recall"]) == set(figures["precision_of_class"]) == set(FER7)
    assert Path("c.png").read_bytes().startswith(b"\x89PNG")

    filmed = ("evaluate", *DRAWN, "--split", "PrivateTest", "--model", "tiny.onnx", "--through-video", "--json")
    result = answer(*filmed)
    assert result["found"] >= 0.5
    assert result["faces"] == round(14 * result["found"])
    assert 0 <= result["direct_accuracy"] <= 1

    assert answer("quantize", "tiny.onnx", *DRAWN, "--json")["PublicTest lost"] <= 0.2
    held = answer("parity", *DRAWN, "--model", "tiny.onnx", "--json")
    assert held["faces"] == 14
    assert held["int8_agreement"] >= 0.9

    Path("tiny-int8.onnx").rename("rounded.onnx")
    Path("tiny-int8.json").rename("rounded.json")
    small = replace(reference.REFERENCE, widths=(8, 8, 8, 8), attention_heads=2)
    monkeypatch.setattr(reference, "REFERENCE", small)
    bench = ("bench", "tiny.onnx", "rounded.onnx", "--batch", "2", "--rounds", "1", "--json")
    timed = answer(*bench)
    assert [(row["precision"], row["batch"], row["threads"]) for row in timed["rows"]] == [
        ("fp32", 2, 1),
        ("int8", 2, 1),
    ]
    assert timed["reference_ms_per_face"] > 0


def test_explain_reads_a_face_and_says_where_there_is_none(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    scene = np.full((320, 480), 90, np.uint8)
    cv2.imwrite("grey.png", scene)
    face = draw_face(Expression.HAPPY, np.random.default_rng(2))
    scene[60:252, 140:332] = cv2.resize(face, (192, 192), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite("face.png", scene)
    options = ("--model", str(exported), "--to", "seen.png", "--json")
    assert build_engine("explain", "face.png", *options, monkeypatch=monkeypatch) == 0
    assert {"mouth", "happy"} <= only_line(capsys.readouterr().out).keys()
    assert Path("seen.png").read_bytes().startswith(b"\x89PNG")
    assert build_engine("explain", "grey.png", *options, monkeypatch=monkeypatch) == 0
    said = capsys.readouterr()
    assert only_line(said.out) == {"picture": "seen.png", "found": False}, "nothing is read of what is no face"
    assert "no face in grey.png" in said.err


def test_installed_command_restarts_itself_and_trains(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    arguments = ["train", "--data", "drawn:70", "--recipe", "smoke", "--epochs", "1", "--raw-crops", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "build_engine", *arguments],
        env={**clean, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert only_line(done.stdout)["recipe"] == "smoke"
    assert json.loads((tmp_path / "runs/smoke/recipe.json").read_text())["crops"] == "raw"


def test_second_run_starts_from_the_first_and_is_resumed_after_it_went_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    train = ("train", "--data", "drawn:70", "--recipe", "smoke", "--raw-crops", "--epochs")
    second = (*train, "2", "--start-from", "runs/smoke", "--out", "second")
    assert build_engine(*train, "1", monkeypatch=monkeypatch) == 0
    assert build_engine(*second, monkeypatch=monkeypatch) == 0
    assert json.loads(Path("second/recipe.json").read_text())["started_from"]
    Path("runs/smoke/best.pt").write_bytes(b"another epoch")
    capsys.readouterr()
    assert build_engine(*second, "--resume", "--json", monkeypatch=monkeypatch) == 0
    assert only_line(capsys.readouterr().out)["run"] == "second"


def test_run_learns_from_teachers_and_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    train = ("train", "--data", "drawn:70", "--recipe", "smoke", "--raw-crops", "--epochs", "1")
    assert build_engine(*train, "--teacher", str(shipped_fp32()), monkeypatch=monkeypatch) == 0
    assert json.loads(Path("runs/smoke/recipe.json").read_text())["teachers"] == [load_manifest(shipped_fp32()).sha256]


def test_shipped_network_learns_on_from_filmed_faces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    network = str(shipped_fp32())
    options = ("--recipe", "best-filmed", "--epochs", "1", "--start-from", network, "--teacher", network)
    assert build_engine("train", "--data", "drawn:70", *options, monkeypatch=monkeypatch) == 0
    assert list(Path("runs/landmarks").glob("filmed-*.npz"))
    assert json.loads(Path("runs/best-filmed/recipe.json").read_text())["started_from"] == load_manifest(network).sha256


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--weights", "nothing.dat"), "does not exist"),
        (("--weights", __file__), "known-faces"),
        (("--weights", __file__, "--start-from", "runs/smoke"), "not from both"),
        (("--start-from", "nothing.onnx"), "nothing.onnx does not exist"),
        (("--recipe", "smoke", "--raw-crops", "--start-from", __file__), "train first"),
        (("--backbone", "resnet101"), "'inception_v3'"),
        (("--recipe", "smoke", "--raw-crops", "--backbone", "resnet50", "--weights", __file__), "no state dict"),
        (("--teacher", "nothing.onnx"), "does not exist"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    options: tuple[str, ...], reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_engine("train", "--data", "drawn:70", *options, monkeypatch=monkeypatch) == 2
    assert reason in capsys.readouterr().err


def test_forms_that_ship_are_found_beside_each_other() -> None:
    assert [path.name for path in shipped_models()] == [shipped_fp32().name, int8_of(shipped_fp32()).name]
    assert load_manifest(shipped_fp32()).precision == "fp32"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("train", "--data", "nothing.npz"), "does not exist"),
        (("train", "--data", "drawn:3"), "at least 70"),
        (("train", "--data", "wide.npz"), "(70, 48, 64) uint8; (N, 48, 48) uint8 is needed"),
        (("train", "--data", "cut.npz"), "is broken"),
        (("evaluate", "--data", "drawn:70", "--model", "missing.onnx"), "no such model"),
        (("evaluate", "--data", "drawn:70", "--model", "model.txt"), "give one of"),
        (("export", "nowhere", "--data", "drawn:70", "--to", "m.onnx"), "train first"),
    ],
)
def test_error_of_the_user_is_one_line_and_exit_code_two(
    arguments: tuple[str, ...], reason: str, drawn: LabelledFaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    np.savez("wide.npz", images=np.zeros((70, 48, 64), np.uint8), labels=drawn.labels, usage=drawn.splits)
    Path("cut.npz").write_bytes(Path("wide.npz").read_bytes()[:300])
    assert build_engine(*arguments, "--json", monkeypatch=monkeypatch) == 2
    said = capsys.readouterr()
    assert not said.out
    (line,) = said.err.strip().splitlines()
    assert line.startswith("build-engine: ")
    assert reason in line


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("train", "--data", "drawn:70", "--recipe", "perfect"), "is none of paper"),
        (("export", "run", "--data", "drawn:70", "--to", "m.plan"), ".onnx"),
        (("evaluate", "--data", "drawn:70", "--split", "Test"), "PrivateTest"),
    ],
)
def test_wrong_option_names_what_is_possible(
    arguments: tuple[str, ...], reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_engine(*arguments, monkeypatch=monkeypatch) == 2
    assert reason in capsys.readouterr().err


def test_help_needs_no_torch() -> None:
    code = "import sys, build_engine.__main__; assert 'torch' not in sys.modules and 'onnxruntime' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": "."})


def test_figures_are_printed_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    from build_engine.console import report

    report({"accuracy": 0.65432, "model": "x"}, as_json=False)
    assert capsys.readouterr().out.splitlines() == ["accuracy  0.6543", "model     x"]


def test_compare_and_split_study_train_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small = replace(RECIPES["smoke"], epochs=1)
    monkeypatch.setattr("build_engine.evaluation.compare.STUDY", small)
    asked = ("compare", *DRAWN, "--variant", "resnet18", "--variant", "resnet18-landmark", "--json")
    assert build_engine(*asked, monkeypatch=monkeypatch) == 0
    said = capsys.readouterr()
    first = only_line(said.out)
    assert said.err.count("epoch   1") == 2
    assert set(first["beyond_resnet18"]) == {"resnet18-landmark"}
    assert (tmp_path / first["table"]).read_text().count("\n") == 4
    assert build_engine(*asked, monkeypatch=monkeypatch) == 0
    said = capsys.readouterr()
    assert only_line(said.out) == first
    assert "epoch" not in said.err
    assert build_engine("split-study", *DRAWN, "--json", monkeypatch=monkeypatch) == 0
    divisions = ("90-5-5", "80-10-10", "70-15-15")
    answer = only_line(capsys.readouterr().out)
    assert list(answer) == [
        "variant",
        *(f"{name}{copies}" for name in divisions for copies in ("", " copies anywhere")),
    ]
    assert build_engine("compare", "--table", monkeypatch=monkeypatch) == 0
    assert "| ResNet-18, no attention |" in capsys.readouterr().out
    assert build_engine("compare", "--table", "--json", monkeypatch=monkeypatch) == 0
    assert 1 in [row["epochs"] for row in only_line(capsys.readouterr().out) if row["rival"] == "resnet18"]
    assert build_engine("compare", monkeypatch=monkeypatch) == 2
    assert "--table" in capsys.readouterr().err
    assert build_engine("compare", *DRAWN, "--variant", "alexnet", monkeypatch=monkeypatch) == 2
    assert "alexnet: none of static" in " ".join(capsys.readouterr().err.split())
