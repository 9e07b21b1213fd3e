"""Vectors in bulk: (3, N) float32 arrays, one row per axis (x right, y up, z ahead; metres)."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
Scalars: TypeAlias = NDArray[np.float32]
Triple: TypeAlias = tuple[float, float, float]

# Small enough that the temporaries of one step stay in a core's cache.
CHUNK = 8192


def column(values: Sequence[float]) -> Vectors:
    """Return one vector as a (3, 1) column that broadcasts against (3, N)."""
    return np.asarray(values, dtype=np.float32).reshape(-1, 1)


def dot(a: Vectors, b: Vectors) -> Scalars:
    """Return the (N,) scalar products of two (3, N) arrays."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


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
    return t * t * (3 - 2 * t)


def luminance(radiance: Vectors) -> Scalars:
    """Return the Rec. 709 luminance of (3, N) linear RGB."""
    return (
        np.float32(0.2126) * radiance[0]
        + np.float32(0.7152) * radiance[1]
        + np.float32(0.0722) * radiance[2]
    )


def in_chunks(work: Callable[[slice], None], count: int, chunk: int = CHUNK) -> None:
    """Call `work` on consecutive slices of `count` items, on up to four threads.

    Each slice must be independent of the others: the result is then the same for any number of
    threads.
    """
    slices = [slice(start, min(start + chunk, count)) for start in range(0, count, chunk)]
    workers = min(4, os.cpu_count() or 1, len(slices))
    if workers < 2:
        for part in slices:
            work(part)
        return
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(work, slices):
            pass
