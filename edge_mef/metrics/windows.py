"""Means under a sliding 11x11 window, and the halving between scales: what similarities share."""

import cv2
import numpy as np

from edge_mef.metrics.planes import Plane

WINDOW = 11
SIGMA = 1.5


def gaussian_window() -> Plane:
    """Return the 11 taps of a Gaussian of sigma 1.5 that add up to 1."""
    offsets = np.arange(WINDOW, dtype=np.float64) - WINDOW // 2
    taps = np.exp(-(offsets**2) / (2.0 * SIGMA**2))
    window: Plane = taps / taps.sum()
    return window


def box_window() -> Plane:
    """Return 11 equal taps that add up to 1."""
    return np.full(WINDOW, 1.0 / WINDOW)


def window_mean(plane: Plane, taps: Plane) -> Plane:
    """Filter (H, W) with taps in rows and columns; only full windows: (H - 10, W - 10)."""
    margin = WINDOW // 2
    whole = np.asarray(cv2.sepFilter2D(plane, cv2.CV_64F, taps, taps), np.float64)
    return whole[margin:-margin, margin:-margin]


def halve(plane: Plane) -> Plane:
    """Return means of 2x2 blocks of (H, W); an odd last row or column counts twice."""
    height, width = plane.shape
    even = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    blocks = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2)
    smaller: Plane = blocks.mean(axis=(1, 3))
    return smaller
