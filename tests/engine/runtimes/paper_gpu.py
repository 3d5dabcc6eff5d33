"""A GPU of paper: `pycuda.driver` and `libcuda.so.1` as recording doubles.

They have the names and parameters of pycuda 2026.1 and of CUDA's driver API, as far as we call them, and no others.
Work is done when a stream is synchronised, not before, as on a GPU.
"""

import threading
from collections.abc import Callable
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

SM = 86


class PaperGpu:
    """The GPU's memory, streams and clock, and a record of what was asked of them."""

    class Error(Exception):
        """As `pycuda.driver.Error`."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.threads: set[int] = set()
        self.memory: dict[int, bytearray] = {}
        self.locked: set[int] = set()
        self.contexts: list[str] = []
        self.streams: dict[int, list[Callable[[], None]]] = {}
        self.captured: list[Callable[[], None]] | None = None
        self.graphs: dict[int, list[Callable[[], None]]] = {}
        self.shapes: list[int] = []
        """Faces of each execution, in order."""
        self.fails: set[str] = set()
        """Names of calls that shall be refused from now on."""
        self.seconds = 0.0
        self.costs = {"execute_async_v3": 1e-4, "cuGraphLaunch": 1e-5}
        self.sm = SM
        self.is_there = True
        self.graph_offset = 0.0
        """Added to every answer of a graph."""
        self._next = 0x1000

    def note(self, call: str) -> bool:
        """Record a call; false when it shall be refused."""
        self.calls.append(call)
        self.threads.add(threading.get_ident())
        self.seconds += self.costs.get(call, 0.0)
        return call not in self.fails

    def need(self, call: str) -> None:
        """Record a call that pycuda answers with an exception when it is refused."""
        if not self.note(call):
            raise self.Error(f"{call} failed: out of memory\nmore")

    def address(self) -> int:
        """Give out an address that was not given out before."""
        self._next += 0x1000
        return self._next

    def enqueue(self, stream: int, work: Callable[[], None]) -> None:
        """Put work into a stream, or into the graph that is being recorded."""
        (self.streams[stream] if self.captured is None else self.captured).append(work)

    def synchronize(self, stream: int) -> None:
        """Do what a stream holds."""
        self.need("synchronize")
        queue = self.streams[stream]
        while queue:
            queue.pop(0)()

    @property
    def is_clean(self) -> bool:
        """Whether everything that was taken was given back."""
        return not (self.memory or self.locked or self.contexts or self.graphs)

    def read(self, address: int, shape: tuple[int, ...]) -> Any:
        """Look at an array of float32 in the memory of the GPU."""
        return np.frombuffer(self.memory[address], np.float32, int(np.prod(shape))).reshape(shape)


class LibCuda:
    """`libcuda.so.1`."""

    def __init__(self, gpu: PaperGpu) -> None:
        self._gpu = gpu

    def cuInit(self, flags: int) -> int:
        return 0 if self._gpu.is_there else 100

    def cuDeviceGet(self, device: Any, ordinal: int) -> int:
        device._obj.value = ordinal
        return 0 if ordinal == 0 else 101

    def cuDeviceGetName(self, name: Any, length: int, device: Any) -> int:
        name.value = b"Paper RTX"
        return 0

    def cuDriverGetVersion(self, version: Any) -> int:
        version._obj.value = 13010
        return 0

    def cuDeviceGetAttribute(self, number: Any, attribute: int, device: Any) -> int:
        number._obj.value = {75: self._gpu.sm // 10, 76: self._gpu.sm % 10}[attribute]
        return 0

    def cuStreamBeginCapture_v2(self, stream: Any, mode: int) -> int:
        if not self._gpu.note("cuStreamBeginCapture"):
            return 1
        self._gpu.captured = []
        return 0

    def cuStreamEndCapture(self, stream: Any, graph: Any) -> int:
        graph._obj.value = self._gpu.address()
        self._gpu.graphs[graph._obj.value], self._gpu.captured = self._gpu.captured or [], None
        return 0

    def cuGraphInstantiateWithFlags(self, executable: Any, graph: Any, flags: Any) -> int:
        if not self._gpu.note("cuGraphInstantiate"):
            return 1
        executable._obj.value = self._gpu.address()
        self._gpu.graphs[executable._obj.value] = list(self._gpu.graphs[graph.value])
        return 0

    def cuGraphDestroy(self, graph: Any) -> int:
        del self._gpu.graphs[graph.value]
        return 0

    def cuGraphExecDestroy(self, executable: Any) -> int:
        self._gpu.note("cuGraphExecDestroy")
        del self._gpu.graphs[executable.value]
        return 0

    def cuGraphLaunch(self, executable: Any, stream: Any) -> int:
        if not self._gpu.note("cuGraphLaunch"):
            return 1
        for work in self._gpu.graphs[executable.value]:
            self._gpu.enqueue(stream.value, work)
        return 0


class Context:
    """`pycuda.driver.Context`."""

    def __init__(self, gpu: PaperGpu) -> None:
        self._gpu = gpu

    def push(self) -> None:
        self._gpu.need("push")
        self._gpu.contexts.append("current")

    def detach(self) -> None:
        self._gpu.need("detach")
        self._gpu.contexts.remove("retained")


class Device:
    """`pycuda.driver.Device`."""

    def __init__(self, gpu: PaperGpu, number: int) -> None:
        self._gpu = gpu
        gpu.need("Device")

    def retain_primary_context(self) -> Context:
        self._gpu.need("retain_primary_context")
        self._gpu.contexts.append("retained")
        return Context(self._gpu)


class Stream:
    """`pycuda.driver.Stream`."""

    def __init__(self, gpu: PaperGpu, flags: int = 0) -> None:
        gpu.need("Stream")
        self._gpu = gpu
        self.handle = gpu.address()
        gpu.streams[self.handle] = []

    def synchronize(self) -> None:
        self._gpu.synchronize(self.handle)


class DeviceAllocation:
    """`pycuda.driver.DeviceAllocation`; new memory holds what is no number."""

    def __init__(self, gpu: PaperGpu, size: int) -> None:
        self._gpu, self._address = gpu, gpu.address()
        gpu.memory[self._address] = bytearray(b"\xff" * size)

    def __int__(self) -> int:
        return self._address

    def free(self) -> None:
        self._gpu.need("free")
        del self._gpu.memory[self._address]


class PagelockedHostAllocation:
    """`pycuda.driver.PagelockedHostAllocation`, the base of the arrays of `pagelocked_empty`."""

    def __init__(self, gpu: PaperGpu, shape: tuple[int, ...], dtype: Any) -> None:
        self._gpu = gpu
        self._array = np.full(shape, np.nan, dtype)
        self.__array_interface__ = self._array.__array_interface__
        gpu.locked.add(id(self))

    def free(self) -> None:
        self._gpu.note("free_host")
        self._gpu.locked.remove(id(self))


def pagelocked_empty(gpu: PaperGpu, shape: Any, dtype: Any, order: str = "C", mem_flags: int = 0) -> Any:
    """`pycuda.driver.pagelocked_empty`."""
    gpu.need("pagelocked_empty")
    return np.asarray(PagelockedHostAllocation(gpu, shape, dtype))


def mem_alloc(gpu: PaperGpu, size: int) -> DeviceAllocation:
    """`pycuda.driver.mem_alloc`."""
    gpu.need("mem_alloc")
    return DeviceAllocation(gpu, size)


def memcpy_htod_async(gpu: PaperGpu, dest: DeviceAllocation, src: Any, stream: Stream | None = None) -> None:
    """`pycuda.driver.memcpy_htod_async`."""
    assert stream is not None
    assert src.flags.c_contiguous
    gpu.need("memcpy_htod_async")

    def copy() -> None:
        gpu.memory[int(dest)][: src.nbytes] = src.tobytes()

    gpu.enqueue(stream.handle, copy)


def memcpy_dtoh_async(gpu: PaperGpu, dest: Any, src: DeviceAllocation, stream: Stream | None = None) -> None:
    """`pycuda.driver.memcpy_dtoh_async`."""
    assert stream is not None
    gpu.need("memcpy_dtoh_async")

    def copy() -> None:
        dest[:] = gpu.read(int(src), dest.shape)

    gpu.enqueue(stream.handle, copy)


def pycuda_driver(gpu: PaperGpu) -> ModuleType:
    """`pycuda.driver`."""

    def pop() -> None:
        gpu.need("pop")
        gpu.contexts.remove("current")

    module = ModuleType("pycuda.driver")
    parts: dict[str, Any] = {"init": lambda flags=0: gpu.need("init"), "Error": PaperGpu.Error}
    parts["Context"] = SimpleNamespace(pop=pop)
    for part in (Device, Stream, pagelocked_empty, mem_alloc, memcpy_htod_async, memcpy_dtoh_async):
        parts[part.__name__] = partial(part, gpu)
    vars(module).update(parts)
    return module
