"""What else could decide whether a scene moved, to compare the motion guard with.

All see the same reduced frames. Each returns the share of the scene that it takes for moved.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.stream.disagreement import Exposure
from edge_mef.stream.motion import MotionGuard

Frame = NDArray[np.uint8]
Plane = NDArray[np.floating[Any]]
Score = Callable[[Sequence[Frame]], float]

_EXCLUDED = 4.0  # levels around the median that may be noise; Ward's default
_BLACK, _WHITE = 4.0, 250.0
_BLOCK = 8
_LEAST_CORRELATION = 0.6
_LEAST_VARIANCE = 16.0  # squared levels; below it a block is flat and correlates with nothing
_LEAST_EXPOSED = 0.5  # of a block


def guard_score(exposures: Sequence[Frame]) -> float:
    """Return the score of a fresh `MotionGuard`."""
    return MotionGuard().check(exposures).score


def bitmap_score(exposures: Sequence[Frame]) -> float:
    """Compare median threshold bitmaps.

    Ward, "Fast, Robust Image Registration for Compositing High Dynamic Range Photographs from
    Handheld Exposures", 2003. Pixels near the median do not count, and neither
    do differences thinner than three pixels.
    """
    return max(_bitmap_pair(dark, bright) for dark, bright in pairwise(_reduced(exposures)))


def correlation_score(exposures: Sequence[Frame]) -> float:
    """Compare blocks by zero-mean normalized cross-correlation, where both have texture."""
    return max(_correlation_pair(dark, bright) for dark, bright in pairwise(_reduced(exposures)))


GUARD = "guard"
SCORES: Mapping[str, Score] = {
    GUARD: guard_score,
    "bitmaps": bitmap_score,
    "correlation": correlation_score,
}


def _reduced(exposures: Sequence[Frame]) -> list[Plane]:
    return [Exposure.of(frame).reduced for frame in exposures]


def _bitmap_pair(dark: Plane, bright: Plane) -> float:
    above = [plane - np.median(plane) for plane in (dark, bright)]
    clear = (np.abs(above[0]) > _EXCLUDED) & (np.abs(above[1]) > _EXCLUDED)
    differs = (((above[0] > 0) != (above[1] > 0)) & clear).astype(np.uint8)
    thick = cv2.morphologyEx(differs, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return float(thick.mean())


def _correlation_pair(dark: Plane, bright: Plane) -> float:
    exposed = (np.minimum(dark, bright) > _BLACK) & (np.maximum(dark, bright) < _WHITE)
    weight = exposed.astype(np.float32)
    share = _blocks(weight)

    def mean(plane: Plane) -> Plane:
        return np.asarray(_blocks(plane * weight) / np.maximum(share, 1e-6))

    means = mean(dark), mean(bright)
    variances = mean(dark * dark) - means[0] ** 2, mean(bright * bright) - means[1] ** 2
    covariance = mean(dark * bright) - means[0] * means[1]
    textured = np.minimum(*variances) > _LEAST_VARIANCE
    known = textured & (share > _LEAST_EXPOSED)
    correlation = covariance / np.sqrt(np.maximum(variances[0] * variances[1], 1e-6))
    return float((known & (correlation < _LEAST_CORRELATION)).mean())


def _blocks(plane: Plane) -> Plane:
    size = [max(1, side // _BLOCK) for side in plane.shape[1::-1]]
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
