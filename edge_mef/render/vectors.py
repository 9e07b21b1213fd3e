"""Vectors in bulk: (3, N) float32 arrays, one row per axis (x right, y up, z ahead; metres)."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

# All are float32; numpy's own annotations lose the width in arithmetic, so no width is claimed.
Vectors: TypeAlias = NDArray[np.floating[Any]]
Scalars: TypeAlias = NDArray[np.floating[Any]]
Triple: TypeAlias = tuple[float, float, float]

# Small enough that the temporaries of one step stay in a core's cache.
CHUNK = 16384


def column(values: Sequence[float]) -> Vectors:
    """Return one vector as a (3, 1) column that broadcasts against (3, N)."""
    return np.asarray(values, dtype=np.float32).reshape(-1, 1)


def dot(a: Vectors, b: Vectors) -> Scalars:
    """Return the (N,) scalar products of two (3, N) arrays."""
    result: Scalars = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return result


def normalized(a: Vectors) -> Vectors:
    """Return the vectors scaled to length 1; a zero vector stays zero."""
    length = np.sqrt(dot(a, a))
    return a / np.maximum(length, np.float32(1e-12))


def mix(a: Vectors, b: Vectors, weight: Scalars) -> Vectors:
    """Return `a` where the weight is 0 and `b` where it is 1."""
    return a + (b - a) * weight


def smoothstep(low: float, high: float, x: Scalars) -> Scalars:
    """Return the cubic step from 0 at `low` to 1 at `high`; swapped bounds step down."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    result: Scalars = t * t * (3 - 2 * t)
    return result


def luminance(radiance: Vectors) -> Scalars:
    """Return the Rec. 709 luminance of (3, N) linear RGB."""
    result: Scalars = (
        np.float32(0.2126) * radiance[0]
        + np.float32(0.7152) * radiance[1]
        + np.float32(0.0722) * radiance[2]
    )
    return result


def in_chunks(work: Callable[[slice], None], count: int, chunk: int = CHUNK) -> None:
    """Call `work` on consecutive slices of `count` items.

    One after the other: numpy calls on slices this small hold the interpreter lock for so much of
    their time that a second thread gains nothing, and data loaders run several processes anyway.
    """
    for start in range(0, count, chunk):
        work(slice(start, min(start + chunk, count)))
