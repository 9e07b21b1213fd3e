"""MEF-SSIM: structural similarity of a fused picture to its exposures, differentiable.

Ma, Zeng and Wang, "Perceptual Quality Assessment for Multi-Exposure Image Fusion", IEEE TIP 2015:
around every pixel the exposures' structures are combined into the most desirable one, and the
fused patch is compared with it; three scales are multiplied with fixed exponents. The windows and
constants are those of the public MEFB benchmark: structures from 11x11 boxes, comparison under a
Gaussian of sigma 1.5. Every patch sum is written as a filter response, so nothing is unfolded.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW = 11
SIGMA = 1.5
SCALE_EXPONENTS = (0.0448, 0.2856, 0.3001)
MIN_SIDE = WINDOW * 2 ** (len(SCALE_EXPONENTS) - 1)
_C = (0.03 * 255.0) ** 2
_MAX_POWER = 10.0
_FLOOR = 1e-3
# Shorter structures (grey levels) than 8-bit pictures have: what sums leave of a flat patch.
_FLAT = 1e-2


def mef_ssim(fused: Tensor, exposures: Tensor) -> Tensor:
    """The multi-scale index, one value per scene, 1 is best.

    Args:
        fused: (B, 1, H, W) grey levels, 0 to 255.
        exposures: (B, N, H, W) grey levels, 0 to 255, aligned; H and W at least `MIN_SIDE`.

    Returns:
        (B,) of the same float type; float64 where the number itself is wanted.

    Raises:
        ValueError: a side is too short for three scales.
    """
    if min(fused.shape[-2:]) < MIN_SIDE:
        sides = f"{fused.shape[-2]}x{fused.shape[-1]}"
        raise ValueError(f"MEF-SSIM needs sides of at least {MIN_SIDE} pixels, found {sides}")
    total = sum(SCALE_EXPONENTS)
    result = torch.ones(fused.shape[0], dtype=fused.dtype, device=fused.device)
    for scale, exponent in enumerate(SCALE_EXPONENTS):
        if scale:
            fused, exposures = _halve(fused), _halve(exposures)
        index = similarity_map(fused, exposures).mean(dim=(1, 2, 3))
        result = result * index.clamp_min(1e-6) ** (exponent / total)
    return result


def similarity_map(fused: Tensor, exposures: Tensor) -> Tensor:
    """One scale: (B, 1, H, W) and (B, N, H, W) to the similarity (B, 1, H - 10, W - 10)."""
    # Centring on mid-grey changes no variance and keeps float32 sums short.
    fused, exposures = fused - 128.0, exposures - 128.0
    with torch.no_grad():
        # In flat areas the sums cancel to nothing: single precision would leave its own noise.
        parts = _structure_weights(exposures.double()).to(exposures.dtype)
    window = _gaussian(fused)
    means, mean = _filter(exposures, window), _filter(fused, window)
    own = _quadratic(parts, _covariances(exposures, means, window)).clamp_min(0.0)
    cross = _filter(exposures * fused, window) - means * mean
    shared = (parts * cross).sum(1, keepdim=True)
    theirs = _filter(fused * fused, window) - mean * mean
    return (2.0 * shared + _C) / (own + theirs + _C)


def _structure_weights(exposures: Tensor) -> Tensor:
    """How much of each mean-removed exposure makes up the desired patch, (B, N, H - 10, W - 10)."""
    box = torch.full((1, WINDOW), 1.0 / WINDOW, dtype=exposures.dtype, device=exposures.device)
    means = _filter(exposures, box)
    taps = float(WINDOW * WINDOW)
    products = _covariances(exposures, means, box) * taps
    lengths = products.diagonal(dim1=1, dim2=2).movedim(-1, 1).clamp_min(0.0).sqrt()
    strengths = lengths + _FLOOR
    ones = torch.ones_like(strengths)
    together = _quadratic(ones, products).clamp_min(0.0).sqrt()
    consistency = ((together + 1e-12) / (lengths.sum(1, keepdim=True) + 1e-12)).clamp(0.0, 1.0)
    power = torch.tan(consistency * (math.pi / 2)).clamp(0.0, _MAX_POWER)
    # tan(pi / 2) in floating point may come out negative; there the power is at its cap as well.
    power = torch.where(consistency > 1.0 - 1e-6, torch.full_like(power, _MAX_POWER), power)
    weights = (strengths / WINDOW) ** power + 1e-12
    direction = weights / weights.sum(1, keepdim=True) / strengths
    # There is nothing to take from a flat patch, but dividing by its strength would blow up noise.
    direction = torch.where(lengths < _FLAT, torch.zeros_like(direction), direction)
    length = _quadratic(direction, products).clamp_min(0.0).sqrt()
    wanted = strengths.amax(1, keepdim=True)
    return torch.where(length > 0, direction / length.clamp_min(1e-12) * wanted, direction)


def _covariances(exposures: Tensor, means: Tensor, window: Tensor) -> Tensor:
    """(B, N, H, W) and their windowed means to (B, N, N, h, w) windowed covariances."""
    count = exposures.shape[1]
    first, second = torch.triu_indices(count, count, device=exposures.device)
    products = _filter(exposures[:, first] * exposures[:, second], window)
    upper = products - means[:, first] * means[:, second]
    # The matrix is symmetric: where each of its entries lies among those of the upper triangle.
    places = torch.zeros(count, count, dtype=torch.long, device=exposures.device)
    places[first, second] = places[second, first] = torch.arange(len(first), device=first.device)
    return upper[:, places.flatten()].reshape(-1, count, count, *upper.shape[-2:])


def _quadratic(parts: Tensor, matrix: Tensor) -> Tensor:
    """sum_ij parts_i matrix_ij parts_j: (B, N, h, w) and (B, N, N, h, w) to (B, 1, h, w)."""
    inner = (matrix * parts.unsqueeze(1)).sum(2)
    return (inner * parts).sum(1, keepdim=True)


def _filter(planes: Tensor, window: Tensor) -> Tensor:
    """Filter every plane of (B, C, H, W) with a separable window (1, k), valid region only."""
    batch, channels, height, width = planes.shape
    flat = planes.reshape(batch * channels, 1, height, width)
    size = window.shape[-1]
    flat = F.conv2d(flat, window.reshape(1, 1, 1, size))
    flat = F.conv2d(flat, window.reshape(1, 1, size, 1))
    return flat.reshape(batch, channels, *flat.shape[-2:])


def _gaussian(like: Tensor) -> Tensor:
    offsets = torch.arange(WINDOW, dtype=like.dtype, device=like.device) - WINDOW // 2
    taps = torch.exp(-(offsets**2) / (2.0 * SIGMA**2))
    return (taps / taps.sum()).reshape(1, WINDOW)


def _halve(planes: Tensor) -> Tensor:
    """Means of 2x2 blocks; an odd last row or column counts twice."""
    height, width = planes.shape[-2:]
    padded = F.pad(planes, (0, width % 2, 0, height % 2), mode="replicate")
    return F.avg_pool2d(padded, 2)
