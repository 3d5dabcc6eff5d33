"""From the exported fp32 network to a TensorRT plan and its manifest: typed by the ONNX file, built, saved whole."""

from pathlib import Path
from typing import Any, Final, NamedTuple

import onnx

from build_engine.deployment.plan_builder import Advance, BuildOptions, Precision, build
from build_engine.deployment.plan_fp16 import to_fp16
from build_engine.deployment.plan_graph import prepare
from build_engine.deployment.plan_int8 import to_int8
from build_engine.errors import PlanRefused
from build_engine.files import save
from engine.errors import ModelRefused
from engine.manifest import Api, Manifest, PlanFacts, digest, load_manifest, manifest_path
from engine.runtimes.gpu import Gpu, find_gpu
from engine.runtimes.plan_fit import load_library

USUAL_BATCH: Final = 8


class PlanRequest(NamedTuple):
    """What a user of `build-engine plan` asks for."""

    precision: Precision = "fp16"
    max_batch: int = 32
    api: Api = "tensorrt"
    sm: int | None = None
    """Compute capability times ten; None: that of the GPU at hand."""
    optimisation_level: int = 3
    workspace_mb: int = 1024
    source: str = ""
    """How the user named the model; by default its path."""


def make_plan(
    model: Path, to: Path, request: PlanRequest, timing_cache: Path | None = None, advance: Advance | None = None
) -> Manifest:
    """Build a plan of an exported network and write it with its manifest.

    Args:
        model: fp32 `.onnx` file with manifest.
        to: `.plan` file to write; its stem names the network.
        request: what for.
        timing_cache: file that later builds are faster with; made or renewed where the library keeps one.
        advance: called with the progress.

    Returns:
        The plan's manifest.

    Raises:
        ModelRefused: The model and its manifest do not belong together, or the library is missing.
        PlanRefused: This machine, library or network does not allow such a plan.
        SaveFailed: A file could not be written; what stood there still does.
    """
    before = load_manifest(model)
    trt = load_library(request.api)
    gpu = find_gpu()
    sm, target = _target(request, gpu)
    batches = (1, min(USUAL_BATCH, request.max_batch), request.max_batch)
    network = typed_network(model, request.precision).SerializeToString()
    known_times = timing_cache.read_bytes() if timing_cache and timing_cache.is_file() else b""
    options = BuildOptions(request.precision, batches, target, request.optimisation_level, request.workspace_mb)
    built = build(network, options, trt, known_times, advance)
    facts = PlanFacts(
        library=trt.__version__,
        source=request.source or str(model),
        onnx_sha256=before.sha256,
        batches=batches,
        sm=sm,
        gpu=gpu.name if gpu and gpu.sm == sm else None,
        cuda=gpu.cuda if gpu else None,
        driver=gpu.driver if gpu else None,
        optimisation_level=request.optimisation_level,
        workspace_mb=request.workspace_mb,
    )
    save(to, built.plan)
    manifest = _manifest(before, to, request, facts)
    save(manifest_path(to), (manifest.model_dump_json(indent=2) + "\n").encode())
    if timing_cache and built.timing_cache:
        save(timing_cache, built.timing_cache)
    return manifest


def typed_network(model: Path, precision: Precision) -> onnx.ModelProto:
    """Give a network the types with which it shall run.

    Args:
        model: fp32 `.onnx` file with manifest.
        precision: of the convolutions, and of what else bears it.

    Raises:
        ModelRefused: The file and its manifest do not belong together.
        PlanRefused: It is no fp32 network, or it lacks the ranges that int8 needs.
    """
    manifest = load_manifest(model)
    if manifest.api != "onnx" or manifest.precision != "fp32":
        raise PlanRefused(
            f"{model} is {manifest.precision} for {manifest.api}: give the fp32 .onnx file it was made of"
        )
    try:
        network = onnx.load(model)
        onnx.checker.check_model(network)
        network = prepare(network)
    except Exception as error:  # protobuf and onnx have no common base for what a broken file raises
        raise PlanRefused(f"{model} is no sound ONNX network ({_first_line(error)}): export it again") from error
    if precision == "fp16":
        return to_fp16(network)
    if precision == "int8":
        return to_int8(network, manifest.activation_ranges)
    return network


def _target(request: PlanRequest, gpu: Gpu | None) -> tuple[int, int | None]:
    """Decide which compute capability a plan is for, and which one the builder must be given."""
    if request.api == "tensorrt_rtx":
        if request.sm is None and gpu is None:
            raise PlanRefused(
                "there is no NVIDIA GPU here: say which one the plan is for, e.g. --sm 86 for an RTX 3090"
            )
        sm = request.sm or (gpu.sm if gpu else 0)
        return sm, sm
    if gpu is None:
        raise PlanRefused(
            "tensorrt builds on the GPU that shall run the plan, and there is none here (does `nvidia-smi` show one?);"
            " --api tensorrt_rtx --sm 86 builds without one"
        )
    if request.sm not in (None, gpu.sm):
        raise PlanRefused(f"tensorrt builds for the GPU at hand alone: {gpu.name} is --sm {gpu.sm}, not {request.sm}")
    return gpu.sm, None


def _manifest(before: Manifest, to: Path, request: PlanRequest, facts: PlanFacts) -> Manifest:
    """Describe a plan; figures of accuracy stay with the file on which they were measured."""
    changes: dict[str, Any] = {
        "name": to.stem,
        "api": request.api,
        "precision": request.precision,
        "sha256": digest(to),
        "max_batch": request.max_batch,
        "accuracy": {},
        "activation_ranges": {},
        "plan": facts,
    }
    return before.model_copy(update=changes)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def described(manifest: Manifest) -> dict[str, Any]:
    """Say in flat words what a plan is, for a command's result.

    Raises:
        ModelRefused: The manifest is not that of a plan.
    """
    if manifest.plan is None:
        raise ModelRefused(f"{manifest.name} is no TensorRT plan: give the .plan file")
    facts = manifest.plan.model_dump(exclude={"source", "onnx_sha256"})
    facts["batches"] = " / ".join(map(str, facts["batches"]))
    return {"api": manifest.api, "precision": manifest.precision, **facts}
