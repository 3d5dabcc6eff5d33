"""CUDA graphs: what one call enqueues, recorded once and launched as one; pycuda has no words for them."""

import ctypes
from collections.abc import Callable
from typing import Any, Final

_DRIVER: Final = "libcuda.so.1"
_THREAD_LOCAL: Final = 1  # CUstreamCaptureMode: what other threads do meanwhile is their own affair


class CudaGraph:
    """A recorded call. It belongs to the thread and the CUDA context that recorded it."""

    def __init__(self, cuda: Any, executable: ctypes.c_void_p) -> None:
        self._cuda = cuda
        self._executable = executable

    @classmethod
    def record(cls, stream: int, enqueue: Callable[[], bool]) -> "CudaGraph | None":
        """Record what a function enqueues, without running it.

        Args:
            stream: handle of the stream that it enqueues on, not the default one.
            enqueue: false when it failed.

        Returns:
            The graph; None: what was enqueued cannot be recorded. The stream is usable either way.
        """
        cuda = ctypes.CDLL(_DRIVER)
        handle, graph, executable = ctypes.c_void_p(stream), ctypes.c_void_p(), ctypes.c_void_p()
        if cuda.cuStreamBeginCapture_v2(handle, _THREAD_LOCAL):
            return None
        is_enqueued = enqueue()
        ended = cuda.cuStreamEndCapture(handle, ctypes.byref(graph))
        if not graph.value:
            return None
        usable = is_enqueued and not ended
        failed = usable and cuda.cuGraphInstantiateWithFlags(ctypes.byref(executable), graph, ctypes.c_ulonglong(0))
        cuda.cuGraphDestroy(graph)
        return cls(cuda, executable) if usable and not failed else None

    def launch(self, stream: int) -> bool:
        """Enqueue the recorded call; false when the driver refuses."""
        return not self._cuda.cuGraphLaunch(self._executable, ctypes.c_void_p(stream))

    def close(self) -> None:
        """Free it; a second call does nothing."""
        if self._executable.value:
            self._cuda.cuGraphExecDestroy(self._executable)
            self._executable = ctypes.c_void_p()
