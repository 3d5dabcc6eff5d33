"""Whether a TensorRT plan fits this machine, as far as can be known before it is loaded."""

import shlex
from pathlib import Path
from typing import Any

from engine.errors import ModelRefused
from engine.manifest import Api, Manifest
from engine.runtimes.gpu import Gpu

_INSTALL = {
    "tensorrt": "pip install 'classpulse[gpu]'",
    "tensorrt_rtx": "pip install tensorrt-rtx-cu13",
}


def load_library(api: Api) -> Any:
    """Import the TensorRT that a plan was built for.

    Returns:
        The module `tensorrt` or `tensorrt_rtx`; the parts that we use are the same in both.

    Raises:
        ModelRefused: It is not installed, or its libraries cannot be loaded.
    """
    try:
        if api == "tensorrt_rtx":
            import tensorrt_rtx

            return tensorrt_rtx
        import tensorrt

        return tensorrt
    except (ImportError, OSError, RuntimeError) as error:
        reason = "" if isinstance(error, ModuleNotFoundError) else f" ({str(error).partition(chr(10))[0]})"
        raise ModelRefused(f"the Python package {api} is not usable here{reason}: {_INSTALL[api]}") from error


def check_fit(path: Path, manifest: Manifest, library_version: str, gpu: Gpu | None) -> None:
    """Refuse a plan that was built for something else than this machine.

    Args:
        path: the `.plan` file, for the message.
        manifest: its manifest.
        library_version: of the installed TensorRT.
        gpu: the GPU that shall run it; None: there is none.

    Raises:
        ModelRefused: It does not fit; the message ends with the command that builds one that does.
    """
    facts = manifest.plan
    assert facts is not None  # load_manifest has seen to it
    if gpu is None:
        raise ModelRefused(
            f"{path}: needs an NVIDIA GPU, and none is to be found here (does `nvidia-smi` show one?);"
            " without one give the .onnx model instead"
        )
    again = f"build it here: {rebuild_command(path, manifest)}"
    if facts.library != library_version:
        raise ModelRefused(f"{path}: built with {manifest.api} {facts.library}, here is {library_version}; {again}")
    if facts.sm != gpu.sm:
        raise ModelRefused(
            f"{path}: built for compute capability {facts.sm / 10:.1f}, {gpu.name} has {gpu.sm / 10:.1f}; {again}"
        )


def rebuild_command(path: Path, manifest: Manifest) -> str:
    """Say how a plan is built again, with the options of the first time."""
    facts = manifest.plan
    assert facts is not None
    words = ["build-engine", "plan", facts.source, "-o", str(path), "--precision", manifest.precision]
    words += ["--max-batch", str(manifest.max_batch), "--api", manifest.api]
    return shlex.join(words)
