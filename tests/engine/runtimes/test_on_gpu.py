"""TensorRT on a real GPU against ONNX Runtime: `pytest -m gpu` on a machine that has one."""

import importlib.util
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.crops import CropSpec, normalise
from engine.manifest import Api
from engine.readings import FaceBatch, Scores
from engine.runtimes import load_runtime
from engine.runtimes.gpu import find_gpu
from engine.runtimes.tensorrt import TensorRtRuntime

FER2013 = Path(__file__).resolve().parents[3] / "../shared/data/fer2013.npz"
FACES, MAX_BATCH, CALLERS, LOAD_S = 500, 32, 8, 5.0


def why_not() -> str | None:
    """Return why no plan can run here; None if it can."""
    if find_gpu() is None:
        return "needs an NVIDIA GPU with its driver, and there is none here"
    missing = [name for name in ("pycuda", "onnx") if importlib.util.find_spec(name) is None]
    missing += ["tensorrt"] if library() is None else []
    return f"needs the gpu extra: {', '.join(missing)} is missing" if missing else None


def library() -> Api | None:
    if importlib.util.find_spec("tensorrt"):
        return "tensorrt"
    return "tensorrt_rtx" if importlib.util.find_spec("tensorrt_rtx") else None


pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module", params=["fp32", "fp16", "int8"])
def plan(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped network as a plan, built here."""
    from build_engine.commands.shipped import shipped_fp32
    from build_engine.deployment.plan import PlanRequest, make_plan

    path = tmp_path_factory.mktemp("plans") / f"{request.param}.plan"
    api = library()
    assert api is not None
    make_plan(shipped_fp32(), path, PlanRequest(request.param, MAX_BATCH, api))
    return path


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> FaceBatch:
    """Five hundred faces as serving cuts them out: real ones where the data lie beside the checkout, else drawn."""
    from build_engine.data.dataset import load_faces
    from build_engine.data.landmarks import align_faces

    labelled = load_faces(str(FER2013) if FER2013.exists() else f"drawn:{FACES}").rows(np.arange(FACES))
    aligned = align_faces(labelled, tmp_path_factory.mktemp("landmarks"))
    return FaceBatch(normalise(aligned.crops, CropSpec()), aligned.regions)


@pytest.fixture(scope="module")
def exact(faces: FaceBatch) -> Scores:
    """What ONNX Runtime answers in fp32."""
    from build_engine.commands.shipped import shipped_fp32

    with load_runtime(shipped_fp32(), threads=4) as runtime:
        return runtime.infer(faces)


@pytest.fixture(scope="module")
def runtime(plan: Path) -> Iterator[TensorRtRuntime]:
    with TensorRtRuntime(plan) as runtime:
        yield runtime


def check(scores: Scores, exact: Scores, precision: str) -> None:
    largest, same = {"fp32": (1e-3, 0.995), "fp16": (0.01, 0.995), "int8": (0.5, 0.95)}[precision]
    assert np.abs(scores.fer7 - exact.fer7).max() <= largest
    assert (scores.fer7.argmax(1) == exact.fer7.argmax(1)).mean() >= same
    assert scores.ferplus8 is not None
    assert exact.ferplus8 is not None
    assert np.abs(scores.ferplus8 - exact.ferplus8).max() <= largest


def some(faces: FaceBatch, start: int, count: int) -> FaceBatch:
    return FaceBatch(faces.crops[start : start + count], faces.regions[start : start + count])


def test_five_hundred_faces_are_read_as_onnx_runtime_reads_them(
    runtime: TensorRtRuntime, faces: FaceBatch, exact: Scores
) -> None:
    check(runtime.infer(faces), exact, runtime.manifest.precision)


def test_answer_of_a_face_does_not_depend_on_its_batch(runtime: TensorRtRuntime, faces: FaceBatch) -> None:
    whole = runtime.infer(faces).fer7
    start = 0
    for count in range(1, MAX_BATCH + 1):
        alone = runtime.infer(some(faces, start % (FACES - MAX_BATCH), count)).fer7
        np.testing.assert_allclose(alone, whole[start % (FACES - MAX_BATCH) :][:count], atol=0.02)
        start += count


def test_answers_hold_under_load_from_many_threads(runtime: TensorRtRuntime, faces: FaceBatch) -> None:
    whole = runtime.infer(faces).fer7
    wrong: list[float] = []
    ends = time.monotonic() + LOAD_S

    def call(seed: int) -> None:
        random = np.random.default_rng(seed)
        while time.monotonic() < ends:
            count = int(random.integers(1, MAX_BATCH + 1))
            start = int(random.integers(0, FACES - count))
            difference = np.abs(runtime.infer(some(faces, start, count)).fer7 - whole[start : start + count]).max()
            if not difference <= 0.02:
                wrong.append(float(difference))

    callers = [threading.Thread(target=call, args=(seed,)) for seed in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_graphs_change_no_answer(plan: Path, runtime: TensorRtRuntime, faces: FaceBatch) -> None:
    with TensorRtRuntime(plan, graphs=False) as plain:
        np.testing.assert_allclose(plain.infer(faces).fer7, runtime.infer(faces).fer7, atol=1e-3)


def test_plan_can_be_closed_and_opened_again_and_gives_its_memory_back(plan: Path, faces: FaceBatch) -> None:
    import pycuda.driver as cuda

    free: list[int] = []
    for _ in range(4):
        with TensorRtRuntime(plan) as runtime:
            assert len(runtime.infer(some(faces, 0, 5)).fer7) == 5
        context = cuda.Device(0).retain_primary_context()
        context.push()
        free.append(cuda.mem_get_info()[0])
        cuda.Context.pop()
        context.detach()
    assert free[-1] >= free[1] - 64 * 2**20
