"""`build-engine verify`: what it proves with and without a GPU, and that one bad step does not hide the others."""

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from build_engine import __main__ as command_line
from build_engine.commands.shipped import shipped_fp32
from build_engine.data.landmarks import AlignedFaces
from build_engine.deployment import plan as planning
from build_engine.deployment import reference, verify
from build_engine.deployment.bench import measure
from build_engine.deployment.plan import PlanRequest
from build_engine.deployment.plan_builder import BuildOptions, Built
from build_engine.deployment.verify import Trial
from engine.errors import ModelRefused

pytest.importorskip("tensorrt_rtx", reason="needs tensorrt-rtx-cu13, which `make integration` installs")
pytestmark = pytest.mark.integration


def test_without_a_gpu_plans_are_built_and_their_types_proven(faces: AlignedFaces, tmp_path: Path) -> None:
    said: list[str] = []
    found = verify.verify(
        Trial(shipped_fp32(), tmp_path, faces, PlanRequest(api="tensorrt_rtx", sm=86), say=said.append)
    )
    assert found["passed"]
    assert not found["executed"]
    assert found["machine"]["gpu"] is None
    assert list(found["forms"]) == ["fp32", "fp16", "int8"]
    for precision, form in found["forms"].items():
        assert form["build"]["precision"] == precision
        assert form["check"] == "not run: there is no NVIDIA GPU here"
        assert form["parity"]["on"] == "ONNX Runtime, the network the plan is of"
        assert form["parity"]["largest"] < {"fp32": 1e-3, "fp16": 0.01, "int8": 0.5}[precision]
        assert "bench" not in form
        assert (tmp_path / f"{shipped_fp32().stem}-{precision}.plan").stat().st_size == pytest.approx(
            form["build"]["megabytes"] * 1e6, 0.05
        )
    assert said[0] == "fp32: build"


def test_on_a_gpu_the_plans_themselves_are_read_and_timed(
    faces: AlignedFaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.engine.runtimes.paper_tensorrt import install

    gpu = install(monkeypatch)
    monkeypatch.setattr(reference, "REFERENCE", replace(reference.REFERENCE, widths=(8, 8, 8, 8), attention_heads=2))

    def copy(network: bytes, options: BuildOptions, trt: Any, timing_cache: bytes = b"", advance: Any = None) -> Built:
        return Built(network, b"")

    monkeypatch.setattr(planning, "build", copy)
    monkeypatch.setattr(verify, "measure", partial(measure, rounds=2))
    found = verify.verify(Trial(shipped_fp32(), tmp_path, faces, PlanRequest(max_batch=16)), ["fp16"])
    assert found["passed"]
    assert found["executed"]
    assert found["machine"]["gpu"]["name"] == "Paper RTX"
    form = found["forms"]["fp16"]
    assert form["check"] == "fits"
    assert form["parity"]["on"] == "TensorRT"
    assert [(row["runtime"], row["batch"]) for row in form["bench"]["rows"] if row["runtime"] != "tflite"] == [
        (runtime, batch) for runtime in ("onnx", "tensorrt") for batch in (1, 8, 16)
    ]
    assert gpu.is_clean


def test_precision_that_fails_is_noted_and_the_others_go_on(
    faces: AlignedFaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_fp16(model: Path, to: Path, request: PlanRequest, **options: Any) -> Any:
        if request.precision == "fp16":
            raise ModelRefused("no fp16 today")
        return planning.make_plan(model, to, request, **options)

    monkeypatch.setattr(verify, "make_plan", refuse_fp16)
    found = verify.verify(Trial(shipped_fp32(), tmp_path, faces, PlanRequest(api="tensorrt_rtx", sm=86)))
    assert not found["passed"]
    assert found["forms"]["fp16"] == {"passed": False, "failed": "no fp16 today"}
    assert found["forms"]["int8"]["passed"]


def test_command_writes_one_report_and_fails_where_a_form_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["build-engine", "verify", *arguments, "--data", "drawn:70"])
        with pytest.raises(SystemExit) as end:
            command_line.main()
        return int(end.value.code or 0)

    assert run("--api", "tensorrt_rtx", "--sm", "86", "--precision", "fp16", "--keep", "plans", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said == json.loads(Path("verify.json").read_text())
    assert said["passed"]
    assert [path.name for path in Path("plans").glob("*.plan")] == [f"{shipped_fp32().stem}-fp16.plan"]
    assert run("--api", "tensorrt_rtx", "--sm", "90", "--precision", "fp32", "-o", "bad.json") == 2
    assert "fp32: tensorrt_rtx" in capsys.readouterr().err
    assert not json.loads(Path("bad.json").read_text())["passed"]
    assert run("--precision", "fp4") == 2
    assert "fp4 is none of fp32, fp16, int8" in capsys.readouterr().err
