"""MEF_SSIM: structural similarity of a fused picture to any number of exposures, in float64.

Ma, Zeng and Wang, "Perceptual quality assessment for multi-exposure image fusion", IEEE TIP 2015,
at three scales with the windows and constants of the public MEFB benchmark. The loss of the same
name in `edge_mef.losses` computes the same in torch.
"""

from collections.abc import Sequence

import numpy as np

from edge_mef.metrics.planes import Plane
from edge_mef.metrics.windows import WINDOW, box_window, gaussian_window, halve, window_mean

SCALE_EXPONENTS = (0.0448, 0.2856, 0.3001)
MIN_SIDE = WINDOW * 2 ** (len(SCALE_EXPONENTS) - 1)

_C = (0.03 * 255.0) ** 2
_MAX_POWER = 10.0
_FLOOR = 1e-3  # keeps the direction of a flat patch defined
_LEAST = 1e-12


def mef_ssim(exposures: Sequence[Plane], fused: Plane) -> float:
    """Return the index of N + 1 grey planes (H, W), 0 to 255, sides at least `MIN_SIDE`; 1 is best.

    The scales' means are multiplied with exponents that are normalized to add up to 1; a scale
    below 1e-6 counts as that.
    """
    total = sum(SCALE_EXPONENTS)
    result = 1.0
    for scale, exponent in enumerate(SCALE_EXPONENTS):
        if scale:
            fused, exposures = halve(fused), [halve(plane) for plane in exposures]
        index = float(similarity_map(exposures, fused).mean())
        result *= max(index, 1e-6) ** (exponent / total)
    return result


def similarity_map(exposures: Sequence[Plane], fused: Plane) -> Plane:
    """Return the similarity at one scale, (H - 10, W - 10); luminance does not count.

    The desired patch is a sum of the exposures' patches with weights of `_structure_weights`.
    """
    taps = gaussian_window()
    weights = _structure_weights(exposures)
    mean = window_mean(fused, taps)
    theirs = window_mean(fused * fused, taps) - mean * mean
    shared = np.zeros_like(mean)
    for plane, weight in zip(exposures, weights, strict=True):
        covariance = window_mean(plane * fused, taps) - window_mean(plane, taps) * mean
        shared += weight * covariance
    own = _quadratic(weights, _covariances(exposures, taps))
    result: Plane = (2.0 * shared + _C) / (own + theirs + _C)
    return result


def _structure_weights(exposures: Sequence[Plane]) -> Plane:
    """Return how much of each mean-removed patch makes up the desired one, (N, H - 10, W - 10).

    The desired patch has the largest contrast that occurs. Its direction is a mean of all
    directions, which the more contrasted patches decide the more the directions agree.
    """
    products = _covariances(exposures, box_window()) * WINDOW**2
    lengths = np.sqrt(np.maximum(np.einsum("iihw->ihw", products), 0.0))
    strengths = lengths + _FLOOR
    together = np.sqrt(np.maximum(products.sum(axis=(0, 1)), 0.0))
    consistency = np.minimum((together + _LEAST) / (lengths.sum(axis=0) + _LEAST), 1.0)
    # tan(pi / 2) in floating point may come out negative; there the power is at its cap as well.
    power = np.tan(np.minimum(consistency, 1.0 - 1e-6) * (np.pi / 2))
    weights = (strengths / WINDOW) ** np.minimum(power, _MAX_POWER) + _LEAST
    direction = weights / weights.sum(axis=0) / strengths
    length = np.sqrt(np.maximum(_quadratic(direction, products), 0.0))
    scale = np.where(length > 0, strengths.max(axis=0) / np.maximum(length, _LEAST), 1.0)
    scaled: Plane = direction * scale
    return scaled


def _covariances(planes: Sequence[Plane], taps: Plane) -> Plane:
    """Return the windowed covariances of N planes, (N, N, H - 10, W - 10)."""
    # Centred on mid-grey: differences of smaller numbers round less.
    centred = [plane - 128.0 for plane in planes]
    means = [window_mean(plane, taps) for plane in centred]
    result = np.empty((len(planes), len(planes), *means[0].shape))
    for i in range(len(planes)):
        for j in range(i + 1):
            product = window_mean(centred[i] * centred[j], taps) - means[i] * means[j]
            result[i, j] = result[j, i] = product
    return result


def _quadratic(parts: Plane, matrix: Plane) -> Plane:
    """Return sum_ij parts_i matrix_ij parts_j at every position, (H, W)."""
    result: Plane = np.einsum("ihw,ijhw,jhw->hw", parts, matrix, parts)
    return result
