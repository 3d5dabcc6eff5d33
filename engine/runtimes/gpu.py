"""Which NVIDIA GPU and driver this machine has, asked of the driver itself; needs no CUDA package."""

import ctypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_DRIVER: Final = "libcuda.so.1"
_VERSION_FILE = Path("/proc/driver/nvidia/version")
_MAJOR, _MINOR = 75, 76  # CUdevice_attribute: compute capability
_NAME_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, as a plan sees it."""

    name: str
    sm: int
    """Compute capability times ten: 86 is 8.6."""
    cuda: str
    """Newest CUDA that the driver serves, e.g. "13.0"."""
    driver: str | None
    """Version of the driver, where the kernel says."""


def find_gpu(device: int = 0) -> Gpu | None:
    """Look at a GPU.

    Args:
        device: its number among those that `CUDA_VISIBLE_DEVICES` leaves.

    Returns:
        What it is; None: there is no driver, or no such GPU.
    """
    try:
        cuda = ctypes.CDLL(_DRIVER)
    except OSError:
        return None
    handle, version = ctypes.c_int(), ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(handle), device):
        return None
    name = ctypes.create_string_buffer(_NAME_BYTES)
    cuda.cuDeviceGetName(name, _NAME_BYTES, handle)
    cuda.cuDriverGetVersion(ctypes.byref(version))
    return Gpu(
        name=name.value.decode(errors="replace"),
        sm=10 * _attribute(cuda, _MAJOR, handle) + _attribute(cuda, _MINOR, handle),
        cuda=f"{version.value // 1000}.{version.value % 1000 // 10}",
        driver=_driver_version(),
    )


def _attribute(cuda: Any, which: int, handle: ctypes.c_int) -> int:
    value = ctypes.c_int()
    cuda.cuDeviceGetAttribute(ctypes.byref(value), which, handle)
    return value.value


def _driver_version() -> str | None:
    try:
        found = re.search(r"\s(\d+\.\d+(?:\.\d+)?)\s", _VERSION_FILE.read_text())
    except OSError:
        return None
    return found[1] if found else None
