"""Metrics of gradients: how strong they are, and how many of the sources' edges are kept."""

from collections.abc import Sequence

import cv2
import numpy as np

from edge_mef.metrics.planes import Plane

# Rows grow downwards, so this is the derivative upwards: angles are those of mathematics.
_UPWARDS = np.array([[1.0, 2.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -2.0, -1.0]])
_RIGHTWARDS = np.ascontiguousarray(-_UPWARDS.T)
# Sigmoids of Q_ABF: height, slope and centre for the strength and the orientation of edges.
_STRENGTH = (0.9994, -15.0, 0.5)
_ORIENTATION = (0.9879, -22.0, 0.8)


def average_gradient(fused: Plane) -> float:
    """AG: sqrt((dx^2 + dy^2) / 2) with central differences, summed, over (H - 1)(W - 1).

    Cui et al., "Detail preserved fusion of visible and infrared images using regional saliency
    extraction and multi-scale image decomposition", Optics Communications 2015.
    """
    down, across = np.gradient(fused)
    height, width = fused.shape
    strength = np.sqrt((across * across + down * down) / 2.0)
    return float(strength.sum() / ((height - 1) * (width - 1)))


def edge_intensity(fused: Plane) -> float:
    """EI: mean length of the Sobel gradient; the border's pixels are repeated outwards.

    Rajalingam and Priya, "Hybrid multimodality medical image fusion technique for feature
    enhancement in medical diagnosis", IJESI 2018.
    """
    up, right = _sobel(fused, cv2.BORDER_REPLICATE)
    return float(np.hypot(right, up).mean())


def spatial_frequency(fused: Plane) -> float:
    """SF: root of the summed squared differences of neighbours in rows and columns, per pixel.

    Eskicioglu and Fisher, "Image quality measures and their performance", IEEE Transactions on
    Communications 1995.
    """
    across, down = np.diff(fused, axis=1), np.diff(fused, axis=0)
    return float(np.sqrt(((across**2).sum() + (down**2).sum()) / fused.size))


def edge_preservation(first: Plane, second: Plane, fused: Plane) -> float:
    """Q_ABF: how well strength and orientation of the sources' edges are kept, 0 to 1.

    Sources without any edge have none to keep: 0. Xydeas and Petrovic, "Objective image fusion
    performance measure", Electronics Letters 2000, with the constants of the MEFB benchmark.
    """
    strength, orientation = _edges(fused)
    kept, total = 0.0, 0.0
    for source in (first, second):
        theirs, their_orientation = _edges(source)
        quality = _sigmoid(_relative_strength(theirs, strength), _STRENGTH) * _sigmoid(
            1.0 - np.abs(their_orientation - orientation) / (np.pi / 2), _ORIENTATION
        )
        kept += float((quality * theirs).sum())
        total += float(theirs.sum())
    return kept / total if total > 0 else 0.0


def _edges(plane: Plane) -> tuple[Plane, Plane]:
    """Return the length of the Sobel gradient and its angle; 0 surrounds the plane.

    The angle is above -pi/2 and at most pi/2: the same for a gradient and its opposite.
    """
    up, right = _sobel(plane, cv2.BORDER_CONSTANT)
    steep = right == 0
    angle = np.arctan(np.divide(up, right, out=np.zeros_like(up), where=~steep))
    return np.hypot(right, up), np.where(steep, np.pi / 2, angle)


def _relative_strength(one: Plane, other: Plane) -> Plane:
    """Return the smaller over the larger, 0 to 1.

    The benchmark takes the strength itself where both are equal, far above 1, so that the sigmoid
    is at its height there.
    """
    larger = np.maximum(one, other)
    ratio = np.divide(np.minimum(one, other), larger, out=np.zeros_like(one), where=larger > 0)
    relative: Plane = np.where((one == other) & (larger > 0), np.inf, ratio)
    return relative


def _sigmoid(value: Plane, shape: Sequence[float]) -> Plane:
    height, slope, centre = shape
    result: Plane = height / (1.0 + np.exp(slope * (value - centre)))
    return result


def _sobel(plane: Plane, border: int) -> tuple[Plane, Plane]:
    """Return the derivatives upwards and to the right, eight times too large."""
    up, right = (
        np.asarray(cv2.filter2D(plane, -1, kernel, borderType=border), np.float64)
        for kernel in (_UPWARDS, _RIGHTWARDS)
    )
    return up, right
