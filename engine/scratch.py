"""Memory that a thread uses again for each picture: to get it from the system anew would cost more than to fill it."""

import math
import threading
from typing import Final

import numpy as np
from numpy.typing import NDArray

_MOST_BYTES: Final = 1 << 20
_OF_THREAD: Final = threading.local()


def scratch(use: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return memory for one use, of whatever is in it; the same thread gets the same for the same use.

    Args:
        use: a name.
        shape: of the array; what has more than a megabyte is always new.
    """
    size = math.prod(shape)
    if size > _MOST_BYTES:
        return np.empty(shape, np.uint8)
    kept: NDArray[np.uint8] | None = getattr(_OF_THREAD, use, None)
    if kept is None or kept.size < size:
        kept = np.empty(size, np.uint8)
        setattr(_OF_THREAD, use, kept)
    return kept[:size].reshape(shape)
