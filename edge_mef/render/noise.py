"""Value noise on a fixed random lattice: the raw material of every texture.

The lattice comes from a seeded generator, so the same place has the same noise on every machine.
A texture that should differ from another one is moved to another place by its `offset`.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from edge_mef.render.vectors import Scalars

SIZE = 256


@cache
def lattice() -> NDArray[np.float32]:
    """Return the (256 * 256,) lattice of uniform values in 0..1."""
    values = np.random.Generator(np.random.PCG64(90210)).random(SIZE * SIZE)
    return values.astype(np.float32)


def cell_noise(x: Scalars, y: Scalars, offset: int = 0) -> Scalars:
    """Return one value in 0..1 per unit cell: constant inside a cell."""
    column = np.floor(x).astype(np.int32) + (offset * 37)
    row = np.floor(y).astype(np.int32) + (offset * 101)
    return lattice().take((column & (SIZE - 1)) + (row & (SIZE - 1)) * SIZE)


def value_noise(x: Scalars, y: Scalars, offset: int = 0) -> Scalars:
    """Return smooth noise in 0..1 with features about one unit wide."""
    base_x, base_y = np.floor(x), np.floor(y)
    fx, fy = x - base_x, y - base_y
    fx *= fx * (3 - 2 * fx)
    fy *= fy * (3 - 2 * fy)
    left = (base_x.astype(np.int32) + offset * 37) & (SIZE - 1)
    top = ((base_y.astype(np.int32) + offset * 101) & (SIZE - 1)) * SIZE
    right = (left + 1) & (SIZE - 1)
    bottom = (top + SIZE) & (SIZE * SIZE - 1)
    table = lattice()
    upper = table.take(left + top)
    upper += (table.take(right + top) - upper) * fx
    lower = table.take(left + bottom)
    lower += (table.take(right + bottom) - lower) * fx
    return upper + (lower - upper) * fy


def fractal_noise(
    x: Scalars, y: Scalars, *, octaves: int = 4, width: Scalars | float = 0.0, offset: int = 0
) -> Scalars:
    """Return noise in about 0..1 (mean 0.5) summed over octaves of doubling frequency.

    `width` is the footprint of a sample in the units of x and y: octaves finer than it fade to
    their mean, so that a distant texture turns smooth instead of aliasing.
    """
    total = np.full(np.shape(x), 0.5, dtype=np.float32)
    amplitude, frequency = np.float32(0.5), np.float32(1.0)
    for octave in range(octaves):
        fade = np.clip(1.6 - 2.2 * frequency * np.asarray(width, np.float32), 0, 1)
        if not fade.any():
            break
        noise = value_noise(x * frequency, y * frequency, offset + octave * 7)
        total += (noise - np.float32(0.5)) * amplitude * fade
        amplitude *= np.float32(0.5)
        frequency *= np.float32(2.03)
    return total
