"""Features that people made by hand before networks learned theirs: what the networks and classifiers of others read.

All are computed of the crop that a network sees, augmented as it is, and none can be learned.
"""

import functools
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from engine.readings import Floats

HOG_NUMBERS = 900
"""5x5 overlapping blocks of 2x2 cells, 8 px large, with 9 directions each."""
SIFT_NUMBERS = 2048
"""4x4 places, 12 px apart, with 128 numbers each (Connie et al. 2017)."""

_SIFT_STEP_PX = 12
_NEIGHBOURS = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
"""Rows and columns of a pixel's eight neighbours in its 3x3, clockwise: bit 0 first."""
_SOBEL = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8


def edges(grey: Tensor) -> Tensor:
    """Compute how strongly grey values change at each pixel (Sobel).

    Args:
        grey: (N, 1, H, W) in [0, 1].

    Returns:
        (N, 1, H, W) length of the gradient, in grey values a pixel.
    """
    kernels = torch.stack((_SOBEL, _SOBEL.T))[:, None]
    gradient = functional.conv2d(functional.pad(grey, (1, 1, 1, 1), mode="replicate"), kernels)
    return gradient.square().sum(1, keepdim=True).sqrt()


def local_binary_patterns(grey: Tensor) -> Tensor:
    """Say of each pixel which of its eight neighbours are at least as bright (Ojala et al. 2002, radius 1).

    Args:
        grey: (N, 1, H, W).

    Returns:
        (N, 1, H, W) codes of eight bits, divided by 255.
    """
    height, width = grey.shape[2:]
    padded = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    codes = torch.zeros_like(grey)
    for bit, (row, column) in enumerate(_NEIGHBOURS):
        codes += (padded[:, :, row : row + height, column : column + width] >= grey) * float(1 << bit)
    return codes / 255


def hog(crops: NDArray[np.uint8]) -> Floats:
    """Compute histograms of oriented gradients (Dalal and Triggs 2005).

    Args:
        crops: (N, 48, 48) grey.

    Returns:
        (N, `HOG_NUMBERS`); the numbers of each block have length 1 at most.
    """
    described = cv2.HOGDescriptor((48, 48), (16, 16), (8, 8), (8, 8), 9)
    return np.stack([described.compute(np.ascontiguousarray(crop)) for crop in crops])


def dense_sift(crops: NDArray[np.uint8]) -> Floats:
    """Describe fixed places of each crop as SIFT describes the places that it finds (Lowe 2004), upright.

    Args:
        crops: (N, 48, 48) grey.

    Returns:
        (N, `SIFT_NUMBERS`); the numbers of each place have length 1, or 0 where nothing changes.
    """
    places = [
        cv2.KeyPoint(float(x), float(y), float(_SIFT_STEP_PX), 0.0)
        for y in range(_SIFT_STEP_PX // 2, 48, _SIFT_STEP_PX)
        for x in range(_SIFT_STEP_PX // 2, 48, _SIFT_STEP_PX)
    ]
    described: Floats = np.stack([_sift().compute(np.ascontiguousarray(crop), places)[1].ravel() for crop in crops])
    return described / np.float32(512)  # OpenCV scales their length to 512


@functools.cache
def _sift() -> Any:
    return cv2.SIFT.create()
