"""`build-engine plan`: the user's errors, and what is written. Real builds are in test_plan_builder.py."""

import json
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from build_engine import __main__ as command_line
from build_engine.commands.shipped import shipped_fp32
from build_engine.deployment import plan as planning
from build_engine.deployment.plan import PlanRequest, described, make_plan
from build_engine.deployment.plan_builder import BuildOptions, Built
from build_engine.errors import PlanRefused, SaveFailed
from engine.errors import ModelRefused
from engine.manifest import load_manifest, manifest_path
from engine.runtimes.gpu import Gpu

HERE = Gpu("Paper RTX", 86, "13.1", "580.65.06")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[BuildOptions]:
    """A machine with a GPU whose TensorRT copies the network; yields what it was asked for."""
    options: list[BuildOptions] = []

    def copy(network: bytes, wanted: BuildOptions, trt: Any, timing_cache: bytes = b"", advance: Any = None) -> Built:
        options.append(wanted)
        if advance is not None:
            advance("Building engine", 1, 2)
        return Built(network, timing_cache + b"t")

    library = ModuleType("tensorrt")
    library.__version__ = "10.13.3"  # type: ignore[attr-defined]
    monkeypatch.setattr(planning, "build", copy)
    monkeypatch.setitem(sys.modules, "tensorrt", library)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", library)
    monkeypatch.setattr(planning, "find_gpu", lambda: HERE)
    return options


def run(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["build-engine", *arguments])
    with pytest.raises(SystemExit) as end:
        command_line.main()
    return int(end.value.code or 0)


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Let the system refuse to write more than this into a file, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_plan_and_manifest_say_what_they_were_built_for(asked: list[BuildOptions], tmp_path: Path) -> None:
    to = tmp_path / "deep" / "fer.plan"
    request = PlanRequest("int8", 64, optimisation_level=5, workspace_mb=256, source="default")
    manifest = make_plan(shipped_fp32(), to, request)
    assert asked == [BuildOptions("int8", (1, 8, 64), None, 5, 256)]
    assert load_manifest(to) == manifest
    assert manifest_path(to) == to.with_name("fer.plan.json")
    before, facts = load_manifest(shipped_fp32()), manifest.plan
    assert facts is not None
    assert facts.model_dump() == {
        "library": "10.13.3", "source": "default", "onnx_sha256": before.sha256, "batches": (1, 8, 64), "sm": 86,
        "gpu": "Paper RTX", "cuda": "13.1", "driver": "580.65.06", "optimisation_level": 5, "workspace_mb": 256,
    }  # fmt: skip
    assert (manifest.name, manifest.api, manifest.precision, manifest.max_batch) == ("fer", "tensorrt", "int8", 64)
    same = ("input", "fer7", "ferplus8", "temperature", "recipe", "trained_on")
    assert all(getattr(manifest, name) == getattr(before, name) for name in same)
    assert not manifest.accuracy
    assert described(manifest)["batches"] == "1 / 8 / 64"
    with pytest.raises(ModelRefused, match="no TensorRT plan"):
        described(before)


def test_usual_batch_is_never_larger_than_the_largest(asked: list[BuildOptions], tmp_path: Path) -> None:
    make_plan(shipped_fp32(), tmp_path / "a.plan", PlanRequest(max_batch=2))
    assert asked[0].batches == (1, 2, 2)


def test_timing_cache_is_handed_on_and_renewed(asked: list[BuildOptions], tmp_path: Path) -> None:
    cache = tmp_path / "a.timing"
    for expected in (b"t", b"tt"):
        make_plan(shipped_fp32(), tmp_path / "a.plan", PlanRequest(), cache)
        assert cache.read_bytes() == expected


def test_rtx_plan_for_another_gpu_names_no_gpu(asked: list[BuildOptions], tmp_path: Path) -> None:
    there = make_plan(shipped_fp32(), tmp_path / "a.plan", PlanRequest(api="tensorrt_rtx", sm=89)).plan
    here = make_plan(shipped_fp32(), tmp_path / "a.plan", PlanRequest(api="tensorrt_rtx")).plan
    assert there is not None
    assert here is not None
    assert (there.sm, there.gpu, here.sm, here.gpu) == (89, None, 86, "Paper RTX")
    assert [options.sm for options in asked] == [89, 86]


def test_tensorrt_builds_for_the_gpu_at_hand_alone(
    asked: list[BuildOptions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PlanRefused, match="for the GPU at hand alone: Paper RTX is --sm 86, not 89"):
        make_plan(shipped_fp32(), tmp_path / "a.plan", PlanRequest(sm=89))
    monkeypatch.setattr(planning, "find_gpu", lambda: None)
    with pytest.raises(PlanRefused, match=r"there is none here .*--api tensorrt_rtx --sm 86 builds without one"):
        make_plan(shipped_fp32(), tmp_path / "a.plan", PlanRequest())
    with pytest.raises(PlanRefused, match=r"say which one the plan is for, e\.g\. --sm 86"):
        make_plan(shipped_fp32(), tmp_path / "a.plan", PlanRequest(api="tensorrt_rtx"))
    assert not asked
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [0, 100_000])
def test_full_disk_leaves_the_old_plan_whole_or_none(asked: list[BuildOptions], tmp_path: Path, size: int) -> None:
    to = tmp_path / "a.plan"
    with files_up_to(size), pytest.raises(SaveFailed, match=r"a\.plan could not be written .*make room"):
        make_plan(shipped_fp32(), to, PlanRequest())
    assert not list(tmp_path.iterdir())
    make_plan(shipped_fp32(), to, PlanRequest())
    before = to.read_bytes()
    with files_up_to(size), pytest.raises(SaveFailed):
        make_plan(shipped_fp32(), to, PlanRequest("fp32"))
    assert to.read_bytes() == before
    assert load_manifest(to).precision == "fp16"
    assert {path.name for path in tmp_path.iterdir()} == {"a.plan", "a.plan.json"}


def test_command_builds_and_reports_on_one_line(
    asked: list[BuildOptions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ("plan", "default", "-o", "out.plan", "--precision", "fp32", "--max-batch", "16", "--json")
    assert run(*arguments, monkeypatch=monkeypatch) == 0
    (line,) = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert said["plan"] == "out.plan"
    assert said["megabytes"] > 5
    assert (said["precision"], said["batches"], said["gpu"]) == ("fp32", "1 / 8 / 16", "Paper RTX")
    assert Path("out.timing").read_bytes() == b"t"


def test_check_refuses_a_plan_that_does_not_fit_in_one_line(
    asked: list[BuildOptions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_plan(shipped_fp32(), tmp_path / "a.plan", PlanRequest())
    assert run("plan", "a.plan", "--check", monkeypatch=monkeypatch) == 2
    said = capsys.readouterr()
    assert not said.out
    assert "needs an NVIDIA GPU" in said.err
    assert run("plan", str(shipped_fp32()), "--check", monkeypatch=monkeypatch) == 2
    assert "is no TensorRT plan" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("default", "-o", "a.plan"), "pip install 'classpulse[gpu]'"),
        (("nothing.onnx", "-o", "a.plan"), "no such model"),
        (("default",), "ending in .plan"),
        (("default", "-o", "a.onnx"), "ending in .plan"),
        (("default", "-o", "a.plan", "--precision", "fp4"), "fp4"),
    ],
)
def test_error_of_the_user_says_what_to_do_and_writes_nothing(
    arguments: tuple[str, ...], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert run("plan", *arguments, monkeypatch=monkeypatch) == 2
    said = capsys.readouterr()
    assert not said.out
    assert reason in said.err
    assert not list(tmp_path.iterdir())


def test_ranges_can_be_redone_by_one_command(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.onnx"
    path.write_bytes(exported.read_bytes())
    bare = load_manifest(exported).model_copy(update={"activation_ranges": {}})
    manifest_path(path).write_text(bare.model_dump_json())
    arguments = ("quantize", "tiny.onnx", "--data", "drawn:70", "--ranges-only", "--json")
    assert run(*arguments, monkeypatch=monkeypatch) == 0
    ranges = load_manifest(path).activation_ranges
    assert json.loads(capsys.readouterr().out)["activation_ranges"] == len(ranges) > 10
    assert {file.name for file in tmp_path.iterdir()} == {"tiny.onnx", "tiny.json", "runs"}
