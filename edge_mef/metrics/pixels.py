"""Metrics of pixel differences and of contrast."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mef.metrics.planes import Plane

PEAK = 255.0


def fusion_psnr(sources: Sequence[Plane], fused: Plane) -> float:
    """PSNR of a fused picture to its sources as the MEFB and VIFB benchmarks have it, in dB.

    20 log10(255 / sqrt(e)), where e is `fusion_rmse`: not a mean of squares, but a norm over the
    number of pixels. It is much higher than an ordinary PSNR, and grows with the picture's size;
    infinite if the fused picture equals all sources.
    """
    error = fusion_rmse(sources, fused)
    return 20.0 * math.log10(PEAK / math.sqrt(error)) if error > 0 else math.inf


def fusion_rmse(sources: Sequence[Plane], fused: Plane) -> float:
    """RMSE as the benchmarks have it: mean over the sources of ||source - fused|| / (H W).

    The norm is divided by the number of pixels and not by its root, so larger pictures give
    smaller values. Jagalingam and Hegde, "A review of quality metrics for fused image", Aquatic
    Procedia 2015.
    """
    norms = [np.linalg.norm(source - fused) for source in sources]
    return float(np.mean(norms) / fused.size)


def standard_deviation(fused: Plane) -> float:
    """SD: standard deviation of the grey levels.

    Rao, "In-fibre Bragg grating sensors", Measurement Science and Technology 1997, which VIFB
    gives for its "variance".
    """
    return float(fused.std())


def psnr(reference: NDArray[Any], picture: NDArray[Any]) -> float:
    """Ordinary PSNR in dB of arrays of one shape, 0 to 255; infinite if they are equal."""
    error = float(np.square(np.subtract(reference, picture, dtype=np.float64)).mean())
    return 10.0 * math.log10(PEAK * PEAK / error) if error > 0 else math.inf
