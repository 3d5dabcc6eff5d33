"""One plan on one GPU: context, buffers and stream, made once and freed together. Every call from the same thread."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.crops import REGIONS
from engine.errors import InferenceFailed, ModelRefused
from engine.expressions import FER7, FERPLUS8
from engine.manifest import Manifest
from engine.readings import Floats
from engine.runtimes.cuda_graphs import CudaGraph
from engine.runtimes.plan_fit import rebuild_command

_TIMED_CALLS: Final = 10
"""The least of so many: a GPU's first calls are slow, and others may use it."""
_GRAPH_TOLERANCE: Final = 1e-3
"""Between a graph's answers and those of the plain call: other kernels may be chosen, a fault is larger."""
_SPREAD: Final = 4  # from one prepared batch size to the next


@dataclass(slots=True)
class _Call:
    """One batch size, prepared: shapes and addresses are set, and stay, since a graph remembers them."""

    faces: int
    context: Any
    graph: CudaGraph | None = None


class CudaSession:
    """Runs a plan. The thread that makes it must make every other call, too: it owns the CUDA context."""

    def __init__(self, path: Path, manifest: Manifest, trt: Any, cuda: Any, *, device: int, graphs: bool) -> None:
        """Load a plan and everything that running it takes.

        Args:
            path: the `.plan` file.
            manifest: its manifest.
            trt: the module `tensorrt`, or its equal.
            cuda: the module `pycuda.driver`.
            device: number of the GPU.
            graphs: record CUDA graphs, and use those that are faster.

        Raises:
            ModelRefused: The library cannot load the plan, it is no plan of this network, or the GPU's memory is full.
        """
        self._manifest = manifest
        self._cuda = cuda
        self._opened = ExitStack()
        self._calls: list[_Call] = []
        self._host: dict[str, Any] = {}
        self._device: dict[str, Any] = {}
        self._runtime: Any = None
        self._engine: Any = None
        self._stream: Any = None
        try:
            cuda.init()
            context = cuda.Device(device).retain_primary_context()
            self._opened.callback(context.detach)
            context.push()
            self._opened.callback(cuda.Context.pop)
            self._opened.callback(self._let_go)
            self._stream = cuda.Stream()
            self._load(path, trt)
            self._allocate(path, trt)
            for faces in _batch_sizes(manifest):
                self._calls.append(self._prepare(path, faces))
            if graphs:
                self._record_graphs()
        except cuda.Error as error:
            self.close()
            raise ModelRefused(
                f"{path}: the GPU refused ({_first_line(error)}): free its memory, or look at it with `nvidia-smi`"
            ) from error
        except BaseException:
            self.close()
            raise

    def infer(self, inputs: Mapping[str, Floats]) -> dict[str, Floats]:
        """Run the network.

        Args:
            inputs: "crops" and "regions", each (N, …) float32 of the manifest's shapes, N ≥ 1; more than `max_batch`
                are run in several calls.

        Returns:
            "fer7" (N, 7) and, where the manifest has it, "ferplus8" (N, 8); the caller owns them.

        Raises:
            InferenceFailed: The GPU refused.
        """
        count = len(inputs["crops"])
        outputs = {
            name: np.empty((count, *shape), np.float32) for name, shape in _output_shapes(self._manifest).items()
        }
        try:
            for start in range(0, count, self._manifest.max_batch):
                rows = slice(start, min(start + self._manifest.max_batch, count))
                self._run({name: array[rows] for name, array in inputs.items()}, rows.stop - rows.start)
                for name, array in outputs.items():
                    array[rows] = self._host[name][: rows.stop - rows.start]
        except self._cuda.Error as error:
            raise InferenceFailed(f"{self._manifest.name}: the GPU refused ({_first_line(error)})") from error
        return outputs

    def close(self) -> None:
        """Free everything, the context last; a second call does nothing."""
        with suppress(self._cuda.Error):  # of a GPU that has fallen over, nothing can be freed any more
            self._opened.close()

    def _load(self, path: Path, trt: Any) -> None:
        messages = _messages(trt)
        self._runtime = trt.Runtime(messages)
        self._engine = self._runtime.deserialize_cuda_engine(path.read_bytes())
        if self._engine is None:
            raise ModelRefused(
                f"{path}: {self._manifest.api} cannot load it ({messages.last or 'no reason given'});"
                f" build it here: {rebuild_command(path, self._manifest)}"
            )

    def _let_go(self) -> None:
        """Drop what frees itself when nobody holds it, in the order in which one part needs the other."""
        self._calls.clear()
        self._engine = self._runtime = self._stream = None
        self._host.clear()
        self._device.clear()

    def _allocate(self, path: Path, trt: Any) -> None:
        """Make two buffers of the largest batch for every tensor, page-locked and on the GPU, with noise to warm up."""
        noise = np.random.default_rng(0)
        wanted = _input_shapes(self._manifest) | _output_shapes(self._manifest)
        found = [self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors)]
        optional = {"regions"} | ({"ferplus8"} if self._manifest.ferplus8 is None else set())
        if not wanted.keys() - optional <= set(found) <= wanted.keys() | optional:
            raise ModelRefused(f"{path}: its tensors are {', '.join(found)}: it is no plan of a network of ours")
        for name in found:
            shape = tuple(self._engine.get_tensor_shape(name))[1:]
            if shape != wanted.get(name, shape) or self._engine.get_tensor_dtype(name) != trt.float32:
                raise ModelRefused(
                    f"{path}: {name} is {self._engine.get_tensor_dtype(name)} {shape}, its manifest says float32"
                    f" {wanted[name]}: build it again with {rebuild_command(path, self._manifest)}"
                )
            host = self._cuda.pagelocked_empty((self._manifest.max_batch, *shape), np.float32)
            self._opened.callback(host.base.free)
            device = self._cuda.mem_alloc(host.nbytes)
            self._opened.callback(device.free)
            host[:] = noise.standard_normal(host.shape, np.float32)
            self._cuda.memcpy_htod_async(device, host, self._stream)
            self._host[name], self._device[name] = host, device

    def _prepare(self, path: Path, faces: int) -> _Call:
        context = self._engine.create_execution_context()
        if context is None:
            raise ModelRefused(f"{path}: the GPU's memory does not suffice for it: free some, or build a smaller batch")
        accepted = [
            context.set_input_shape(name, (faces, *self._host[name].shape[1:]))
            for name in _input_shapes(self._manifest)
            if name in self._host
        ]
        accepted += [context.set_tensor_address(name, int(memory)) for name, memory in self._device.items()]
        call = _Call(faces, context)
        # The first run loads kernels; without it the first real face would pay.
        if not all(accepted) or not self._enqueue(call):
            raise ModelRefused(f"{path}: cannot run {faces} faces: {rebuild_command(path, self._manifest)}")
        self._stream.synchronize()
        return call

    def _record_graphs(self) -> None:
        for call in self._calls:
            enqueue = partial(self._enqueue, call)
            graph = CudaGraph.record(self._stream.handle, enqueue)
            if graph is None:
                continue
            plainly = self._timed(enqueue)
            # Copied: the graph's answers will stand in the same buffer.
            expected = self._host["fer7"][: call.faces].copy()
            at_once = self._timed(partial(graph.launch, self._stream.handle))
            answers_alike = np.allclose(self._host["fer7"][: call.faces], expected, atol=_GRAPH_TOLERANCE)
            if at_once < plainly and answers_alike:
                call.graph = graph
                self._opened.callback(graph.close)
            else:
                graph.close()

    def _timed(self, enqueue: Callable[[], bool]) -> float:
        """Take the least seconds of a few runs, with the results on the host; infinite where one was refused."""
        least = float("inf")
        for _ in range(_TIMED_CALLS):
            began = time.perf_counter()
            if not enqueue():
                return float("inf")
            self._stream.synchronize()
            least = min(least, time.perf_counter() - began)
        self._fetch(len(self._host["fer7"]))
        return least

    def _run(self, inputs: Mapping[str, Floats], count: int) -> None:
        """Leave the answers of at most `max_batch` faces in the host buffers; missing faces are filled with zeros."""
        call = next(call for call in self._calls if call.faces >= count)
        for name, array in inputs.items():
            if name in self._host:
                host = self._host[name][: call.faces]
                host[:count], host[count:] = array, 0
                self._cuda.memcpy_htod_async(self._device[name], host, self._stream)
        launched = self._enqueue(call) if call.graph is None else call.graph.launch(self._stream.handle)
        if not launched:
            self._stream.synchronize()  # what was copied above must not run into the next call
            raise InferenceFailed(f"{self._manifest.name}: TensorRT refused a batch of {count} faces")
        self._fetch(count)

    def _enqueue(self, call: _Call) -> bool:
        return bool(call.context.execute_async_v3(self._stream.handle))

    def _fetch(self, count: int) -> None:
        for name in _output_shapes(self._manifest):
            self._cuda.memcpy_dtoh_async(self._host[name][:count], self._device[name], self._stream)
        self._stream.synchronize()


def _batch_sizes(manifest: Manifest) -> list[int]:
    """Choose the batch sizes that are prepared: one face, the usual batch, then ever four times as many."""
    facts = manifest.plan
    usual, most = (facts.batches[1], facts.batches[2]) if facts else (1, manifest.max_batch)
    sizes = {1, most}
    while usual < most:
        sizes.add(usual)
        usual *= _SPREAD
    return sorted(sizes)


def _input_shapes(manifest: Manifest) -> dict[str, tuple[int, ...]]:
    spec = manifest.input
    return {
        "crops": (spec.channels, spec.size_px, spec.size_px),
        "regions": (len(REGIONS), spec.region_grid, spec.region_grid),
    }


def _output_shapes(manifest: Manifest) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"fer7": (len(FER7),)}
    return shapes if manifest.ferplus8 is None else shapes | {"ferplus8": (len(FERPLUS8),)}


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _messages(trt: Any) -> Any:
    """Make a logger that keeps the last error instead of printing it; its class can only be made once trt is there."""

    class Messages(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.last = ""

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.last = message.partition("\n")[0]

    return Messages()
