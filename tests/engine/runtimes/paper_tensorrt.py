"""TensorRT as a recording double whose plans are ONNX files, run by ONNX Runtime on the paper GPU.

It is specced on the classes of `tensorrt_rtx`: a method or a parameter that the real class does not have fails at once.
"""

import ctypes
import inspect
import re
import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime
import pytest
import tensorrt_rtx

from engine.runtimes import cuda_session
from tests.engine.runtimes.paper_gpu import LibCuda, PaperGpu, pycuda_driver

VERSION = "10.13.3"


def specced(real: type) -> Callable[[type], type]:
    """Make sure that a double has no method or parameter that the class it stands for lacks."""

    def check(double: type) -> type:
        for name, member in vars(double).items():
            if name.startswith("_"):
                continue
            documented = getattr(real, name).__doc__ or ""
            if inspect.isfunction(member):
                ours = list(inspect.signature(member).parameters)[1:]
                overloads = re.findall(rf"\b{name}\(self: (.*?)\) -> ", documented)
                known = [re.findall(r", (\w+): ", arguments) for arguments in overloads]
                assert any(ours == theirs[: len(ours)] for theirs in known), f"{real.__name__}.{name}{ours}: {known}"
        return double

    return check


@specced(tensorrt_rtx.IExecutionContext)
class ExecutionContext:
    """One execution context."""

    def __init__(self, gpu: PaperGpu, session: Any) -> None:
        self._gpu, self._session = gpu, session
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._shapes[name] = shape
        return self._gpu.note("set_input_shape")

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._addresses[name] = memory
        return self._gpu.note("set_tensor_address")

    def execute_async_v3(self, stream_handle: int) -> bool:
        if not self._gpu.note("execute_async_v3"):
            return False
        offset = 0.0 if self._gpu.captured is None else self._gpu.graph_offset
        self._gpu.enqueue(stream_handle, partial(self._execute, offset))
        return True

    def _execute(self, offset: float) -> None:
        feed = {name: self._gpu.read(self._addresses[name], shape) for name, shape in self._shapes.items()}
        self._gpu.shapes.append(len(feed["crops"]))
        names = [node.name for node in self._session.get_outputs()]
        for name, array in zip(names, self._session.run(names, feed), strict=True):
            self._gpu.memory[self._addresses[name]][: array.nbytes] = (array + np.float32(offset)).tobytes()


@specced(tensorrt_rtx.ICudaEngine)
class Engine:
    """A loaded plan."""

    def __init__(self, gpu: PaperGpu, session: Any) -> None:
        self._gpu, self._session = gpu, session
        self._tensors = {node.name: node for node in (*session.get_inputs(), *session.get_outputs())}

    @property
    def num_io_tensors(self) -> int:
        return len(self._tensors)

    def get_tensor_name(self, index: int) -> str:
        names: list[str] = list(self._tensors)
        return names[index]

    def get_tensor_shape(self, name: str) -> Any:
        return tensorrt_rtx.Dims([-1, *self._tensors[name].shape[1:]])

    def get_tensor_dtype(self, name: str) -> Any:
        return tensorrt_rtx.float32 if self._gpu.note("get_tensor_dtype") else tensorrt_rtx.float16

    def create_execution_context(self) -> Any:
        return ExecutionContext(self._gpu, self._session) if self._gpu.note("create_execution_context") else None


@specced(tensorrt_rtx.Runtime)
class Runtime:
    """What loads plans."""

    def __init__(self, gpu: PaperGpu, logger: Any) -> None:
        self._gpu, self._logger = gpu, logger

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> Any:
        if not self._gpu.note("deserialize_cuda_engine"):
            self._logger.log(tensorrt_rtx.ILogger.ERROR, "Serialization assertion failed\nmore")
            return None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # what spins while it waits slows down whatever else runs here
        session = onnxruntime.InferenceSession(serialized_engine, options, providers=["CPUExecutionProvider"])
        return Engine(self._gpu, session)


def tensorrt(gpu: PaperGpu) -> ModuleType:
    """`tensorrt`."""
    module = ModuleType("tensorrt")
    parts = {"__version__": VERSION, "Runtime": partial(Runtime, gpu)}
    vars(module).update(parts | {"ILogger": tensorrt_rtx.ILogger, "float32": tensorrt_rtx.float32})
    return module


def install(monkeypatch: pytest.MonkeyPatch) -> PaperGpu:
    """Put the paper GPU, with its libraries and its clock, in the places where real ones would be."""
    gpu = PaperGpu()
    load, driver = ctypes.CDLL, LibCuda(gpu)
    monkeypatch.setattr(ctypes, "CDLL", lambda name, *rest, **more: driver if name == "libcuda.so.1" else load(name))
    monkeypatch.setitem(sys.modules, "tensorrt", tensorrt(gpu))
    package = ModuleType("pycuda")
    package.driver = pycuda_driver(gpu)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", package.driver)
    clock = ModuleType("time")
    clock.perf_counter = lambda: gpu.seconds  # type: ignore[attr-defined]
    monkeypatch.setattr(cuda_session, "time", clock)
    return gpu
