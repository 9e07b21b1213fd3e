"""FMI: how much the edges of a fused picture say about the edges of its sources.

Haghighat, Aghagolzadeh and Seyedarabi, "A non-reference image fusion metric based on mutual
information of image features", Computers and Electrical Engineering 2011, in the form of Haghighat
and Razian, "Fast-FMI", AICT 2014: edge maps are compared in 3x3 windows, whose nine values are read
as a distribution over nine places. The joint distribution of two windows is estimated from their
correlation, between independence and the Frechet bound that has the sign of it.

A window of an edge map is one of 512 patterns, so the measure of every pair of patterns that
occurs is computed once.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.metrics.planes import Plane

Patterns = NDArray[np.intp]
Batch = NDArray[np.float64]

_SIDE = 3
_TAPS = _SIDE * _SIDE
_PATTERNS = 2**_TAPS
_SOBEL = np.array([[1.0, 2.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -2.0, -1.0]]) / 8.0
_PLACES = np.arange(1.0, _TAPS + 1.0)
# What is below is rounding: the shares are at least 1/9.
_TINY = 1e-9


def feature_mutual_information(first: Plane, second: Plane, fused: Plane) -> float:
    """FMI of (H, W) planes, sides of at least 3: mean of both sources, 1 where edges are equal."""
    ours = _patterns(sobel_edges(fused))
    shared = [_window_information(_patterns(sobel_edges(p)), ours) for p in (first, second)]
    return float(np.mean(shared))


def sobel_edges(plane: Plane) -> NDArray[np.bool_]:
    """Return the thin Sobel edges of a plane (H, W), as GNU Octave's `edge` finds them.

    An edge's squared strength is more than four times the mean, and more than that of both
    neighbours in its row or in its column. MATLAB's `edge` looks along the gradient only.
    """
    # Levels from 0 to 1 round as they do there, which decides between equal neighbours.
    scaled = plane / 255.0
    down, across = (
        cv2.filter2D(scaled, -1, kernel, borderType=cv2.BORDER_REPLICATE)
        for kernel in (_SOBEL, np.ascontiguousarray(_SOBEL.T))
    )
    strength = across * across + down * down
    strength = np.where(strength > 4.0 * strength.mean(), strength, 0.0)
    around = np.pad(strength, 1)
    in_row = (strength > around[1:-1, :-2]) & (strength > around[1:-1, 2:])
    in_column = (strength > around[:-2, 1:-1]) & (strength > around[2:, 1:-1])
    edges: NDArray[np.bool_] = in_row | in_column
    return edges


def _patterns(edges: NDArray[np.bool_]) -> Patterns:
    """Number every 3x3 window of (H, W) from 0 to 511: column by column, the first is bit 0."""
    height, width = edges.shape[0] - _SIDE + 1, edges.shape[1] - _SIDE + 1
    codes = np.zeros((height, width), np.intp)
    for bit in range(_TAPS):
        column, row = divmod(bit, _SIDE)
        codes |= edges[row : row + height, column : column + width].astype(np.intp) << bit
    return codes


def _window_information(source: Patterns, fused: Patterns) -> float:
    """Return the mean over all windows of the normalized mutual information."""
    pairs, counts = np.unique(source * _PATTERNS + fused, return_counts=True)
    theirs, ours = np.divmod(pairs, _PATTERNS)
    values = np.ones(pairs.size)
    differ = theirs != ours
    if differ.any():
        values[differ] = _normalized_information(_shares(theirs[differ]), _shares(ours[differ]))
    return float(values @ counts / counts.sum())


def _shares(patterns: Patterns) -> Batch:
    """Return (K, 9) shares that add up to 1; an empty or full window is spread evenly."""
    bits = (patterns[:, None] >> np.arange(_TAPS)) & 1
    total = bits.sum(axis=1, keepdims=True)
    bits = np.where((total == 0) | (total == _TAPS), 1, bits)
    shares: Batch = bits / bits.sum(axis=1, keepdims=True)
    return shares


def _normalized_information(first: Batch, second: Batch) -> Batch:
    """Return 2 I / (H1 + H2) of (K, 9) and (K, 9) distributions; 0 where both have one place."""
    own, theirs = _entropy(first), _entropy(second)
    joint = _joint_distribution(first, second).reshape(-1, _TAPS * _TAPS)
    total = own + theirs
    shared = 2.0 * (total - _entropy(joint))
    values: Batch = np.divide(shared, total, out=np.zeros_like(total), where=total > _TINY)
    return values


def _joint_distribution(first: Batch, second: Batch) -> Batch:
    """Return (K, 9, 9): a mixture of independence and the bound that gives the correlation.

    The mixture may leave the range of a distribution by going below 0, as the original's may.
    """
    rows, columns = np.cumsum(first, axis=1)[:, :, None], np.cumsum(second, axis=1)[:, None, :]
    correlation = _correlation(first, second)
    alike = (correlation >= 0)[:, None, None]
    bound = np.where(alike, np.minimum(rows, columns), np.maximum(rows + columns - 1.0, 0.0))
    covariance = (bound - rows * columns).sum(axis=(1, 2))
    spread = _deviation(first) * _deviation(second)
    usable = (spread > _TINY) & (np.abs(covariance) > _TINY)
    weight = np.divide(correlation * spread, covariance, out=np.zeros_like(spread), where=usable)
    cells = np.diff(np.diff(bound, axis=1, prepend=0.0), axis=2, prepend=0.0)
    share = weight[:, None, None]
    joint: Batch = share * cells + (1.0 - share) * first[:, :, None] * second[:, None, :]
    return joint


def _correlation(first: Batch, second: Batch) -> Batch:
    """Return Pearson's correlation of (K, 9) and (K, 9); 0 where one of them is even."""
    one = first - first.mean(axis=1, keepdims=True)
    other = second - second.mean(axis=1, keepdims=True)
    lengths = np.sqrt((one * one).sum(axis=1) * (other * other).sum(axis=1))
    product = (one * other).sum(axis=1)
    values: Batch = np.divide(product, lengths, out=np.zeros_like(lengths), where=lengths > _TINY)
    return values


def _deviation(shares: Batch) -> Batch:
    """Return the standard deviation of the place, 1 to 9, under each of (K, 9) distributions."""
    mean = shares @ _PLACES
    values: Batch = np.sqrt(np.maximum(shares @ _PLACES**2 - mean * mean, 0.0))
    return values


def _entropy(shares: Batch) -> Batch:
    """Return the entropies in bits of (K, n); of a share below 0 the real part."""
    present = np.abs(shares)
    values: Batch = -(shares * np.log2(np.where(present > 0, present, 1.0))).sum(axis=1)
    return values
