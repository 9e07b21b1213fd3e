"""Sample patterns that repeat every 4 x 4 pixels, so that a 4 x 4 filter removes their noise."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from edge_mef.render.vectors import Scalars, Vectors

CLASSES = 16


def pixel_classes(rows: int, columns: int) -> NDArray[np.int32]:
    """Return (rows * columns,) class numbers 0..15, each once in every 4 x 4 block."""
    y, x = np.mgrid[0:rows, 0:columns]
    result: NDArray[np.int32] = ((y % 4) * 4 + x % 4).reshape(-1).astype(np.int32)
    return result


@cache
def strata(wide: int, high: int, seed: int) -> NDArray[np.float32]:
    """Return (wide * high, 16, 2) points of the unit square: per stratum, one for each class.

    Over the 16 classes the points of a stratum fill it on a 4 x 4 grid.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    points = np.zeros((wide * high, CLASSES, 2), dtype=np.float32)
    for index in range(wide * high):
        cells = rng.permutation(CLASSES)
        points[index, :, 0] = (index % wide + (cells % 4 + 0.5) / 4) / wide
        points[index, :, 1] = (index // wide + (cells // 4 + 0.5) / 4) / high
    return points


def around(normals: Vectors, s: Scalars, t: Scalars) -> Vectors:
    """Return cosine-distributed unit directions about the normals for points of the unit square."""
    radius, angle = np.sqrt(s), t * np.float32(2 * np.pi)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    z = np.sqrt(np.maximum(1 - s, 0))
    nx, ny, nz = normals
    # An orthonormal basis without branches (Duff et al., JCGT 2017).
    sign = np.where(nz >= 0, np.float32(1), np.float32(-1))
    a = -1 / (sign + nz)
    b = nx * ny * a
    first = np.stack((1 + sign * nx * nx * a, sign * b, -sign * nx))
    second = np.stack((b, sign + ny * ny * a, -ny))
    return np.asarray(first * x + second * y + normals * z, dtype=np.float32)
