"""ONNX → TensorRT plan, with the part of the API that `tensorrt` 10.13 to 11 and `tensorrt_rtx` have in common.

Networks are strongly typed: the ONNX file says which type each tensor has, and no builder flag changes it. Enumerations
are used by name, their numbers differ between versions.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from build_engine.errors import PlanRefused

Precision = Literal["fp32", "fp16", "int8"]

Advance = Callable[[str, int, int], None]
"""Called with each phase of a build: its name, how many of its steps are done, and of how many."""


class BuildOptions(NamedTuple):
    """What a plan is built for."""

    precision: Precision
    batches: tuple[int, int, int]
    """Fewest, usual and most faces in a call."""
    sm: int | None = None
    """Compute capability times ten to build for; None: that of the GPU at hand, the only way with `tensorrt`."""
    optimisation_level: int = 3
    """0 builds fast, 5 searches longest for the fastest kernels."""
    workspace_mb: int = 1024
    """GPU memory that a layer may use while it runs."""


class Built(NamedTuple):
    """What a build leaves behind."""

    plan: bytes
    timing_cache: bytes
    """Which kernel was how fast, for the next build with this library on this GPU; empty where it keeps none."""


def build(
    network: bytes, options: BuildOptions, trt: Any, timing_cache: bytes = b"", advance: Advance | None = None
) -> Built:
    """Build a plan.

    Args:
        network: the ONNX file, its types as they shall run.
        options: what for.
        trt: the module `tensorrt` or `tensorrt_rtx`.
        timing_cache: of an earlier build, or empty; one that does not fit is ignored.
        advance: called with the progress.

    Raises:
        PlanRefused: The parser refuses the network, or the builder finds no way to run it.
        KeyboardInterrupt: The user has had enough; asked for between two steps.
    """
    log = _keeping_log(trt)
    builder = trt.Builder(log)
    definition = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    _parse(network, definition, log, trt)
    config = builder.create_builder_config()
    config.builder_optimization_level = options.optimisation_level
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mb << 20)
    if options.precision == "fp32":
        config.clear_flag(trt.BuilderFlag.TF32)
    if options.sm is not None:
        config.num_compute_capabilities = 1
        config.set_compute_capability(_capability(options.sm, trt), 0)
    config.add_optimization_profile(_profile(builder, definition, options.batches))
    monitor = _monitor(trt, advance)
    config.progress_monitor = monitor
    keeps_times = _set_timing_cache(config, timing_cache, trt)
    plan = builder.build_serialized_network(definition, config)
    if monitor.is_interrupted:
        raise KeyboardInterrupt
    if plan is None:
        raise PlanRefused(f"TensorRT cannot build it ({log.last or 'no reason given'}): try --precision fp32")
    return Built(bytes(plan), bytes(config.get_timing_cache().serialize()) if keeps_times else b"")


def capabilities(trt: Any) -> list[int]:
    """List the compute capabilities, times ten, that plans can be built for without such a GPU at hand."""
    known = getattr(trt, "ComputeCapability", None)
    names = [] if known is None else known.__members__
    return sorted(int(name[2:]) for name in names if name.startswith("SM") and name[2:].isdecimal())


def _parse(network: bytes, definition: Any, log: Any, trt: Any) -> None:
    parser = trt.OnnxParser(definition, log)
    if parser.parse(network):
        return
    if not parser.num_errors:
        raise PlanRefused(f"TensorRT's parser refuses the network ({log.last or 'no reason given'})")
    error = parser.get_error(0)
    reason = " ".join(error.desc().split())
    place = f" at {error.node_operator()} {error.node_name()}".rstrip() if error.node_operator() else ""
    raise PlanRefused(f"TensorRT's parser refuses the network{place}: {reason}")


def _capability(sm: int, trt: Any) -> Any:
    known = capabilities(trt)
    if sm not in known:
        raise PlanRefused(
            f"{trt.__name__} {trt.__version__} builds for compute capability {', '.join(map(str, known))}, not {sm};"
            " on the GPU itself use --api tensorrt"
        )
    return getattr(trt.ComputeCapability, f"SM{sm}")


def _profile(builder: Any, definition: Any, batches: tuple[int, int, int]) -> Any:
    profile = builder.create_optimization_profile()
    for index in range(definition.num_inputs):
        tensor = definition.get_input(index)
        rest = tuple(tensor.shape)[1:]
        if -1 in rest or tensor.shape[0] != -1:
            raise PlanRefused(f"input {tensor.name} has shape {tuple(tensor.shape)}: only the number of faces may vary")
        profile.set_shape(tensor.name, *((faces, *rest) for faces in batches))
    return profile


def _set_timing_cache(config: Any, content: bytes, trt: Any) -> bool:
    """Give the builder what it measured before; false where the library keeps no times."""
    if trt.__name__ == "tensorrt_rtx":  # it compiles on the user's GPU and times nothing
        return False
    cache = config.create_timing_cache(content)
    if cache is None or not config.set_timing_cache(cache, False):
        config.set_timing_cache(config.create_timing_cache(b""), False)
    return True


def _keeping_log(trt: Any) -> Any:
    class Log(trt.ILogger):  # type: ignore[misc]
        """Keeps the last error, which says more than the calls that fail."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.last = ""

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.last = " ".join(message.split())

    return Log()


def _monitor(trt: Any, advance: Advance | None) -> Any:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        """Passes progress on; an exception must not reach the builder, so an interrupt is kept for later."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.is_interrupted = False
            self._steps: dict[str, int] = {}

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            self._steps[phase] = steps
            self._advance(phase, 0)

        def step_complete(self, phase: str, step: int) -> bool:
            self._advance(phase, step + 1)
            return not self.is_interrupted

        def phase_finish(self, phase: str) -> None:
            self._advance(phase, self._steps.get(phase, 0))

        def _advance(self, phase: str, done: int) -> None:
            try:
                if advance is not None:
                    advance(phase, done, self._steps.get(phase, done))
            except KeyboardInterrupt:
                self.is_interrupted = True

    return Monitor()
