"""Soft light on a coarse grid: worked out, smoothed, spread along surfaces, never across edges."""

import numpy as np
from numpy.typing import NDArray

from edge_mef.render.lighting import Lighting
from edge_mef.render.sampling import pixel_classes
from edge_mef.render.scene import Hits
from edge_mef.render.vectors import Scalars, Vectors, dot, in_chunks

# Neighbours share light if their normals agree and they lie within this share of their distance
# from each other's plane.
PLANE = np.float32(0.01)


def soft_irradiance(lighting: Lighting, hits: Hits, shape: tuple[int, int], step: int) -> Vectors:
    """Return (3, N) soft irradiance for all samples of a (rows, columns) grid.

    One sample in `step` x `step` is lit by tracing; the others borrow from their neighbours. A
    sample without a neighbour on its own surface is traced itself.
    """
    rows, columns = shape
    grid = np.arange(rows * columns).reshape(shape)[step // 2 :: step, step // 2 :: step]
    coarse = grid.reshape(-1)
    points, normals = hits.points[:, coarse], hits.normals[:, coarse]
    solid, distance = hits.solid[coarse], hits.distance[coarse]
    light = np.zeros((3, coarse.size), dtype=np.float32)
    lit = np.flatnonzero(solid)
    classes = pixel_classes(*grid.shape)
    light[:, lit] = lighting.irradiance(points[:, lit], normals[:, lit], classes[lit])
    scale = np.where(solid, distance, 1) * PLANE + np.float32(0.004)
    maps = _Maps(grid.shape, points, normals, solid, scale.astype(np.float32))
    light = _smoothed(maps, light)
    result, lonely = _spread(maps, light, hits, shape, step)
    if lonely.size:
        rest = lighting.irradiance(
            hits.points[:, lonely], hits.normals[:, lonely], (lonely % 16).astype(np.int32)
        )
        result[:, lonely] = rest
    return result


class _Maps:
    """Geometry on the coarse grid, as (rows, columns) maps."""

    def __init__(
        self,
        shape: tuple[int, ...],
        points: Vectors,
        normals: Vectors,
        solid: NDArray[np.bool_],
        scale: Scalars,
    ) -> None:
        self.rows, self.columns = int(shape[0]), int(shape[1])
        self.points = points
        self.normals = normals
        self.solid = solid
        self.scale = scale

    def likeness(self, mine: NDArray[np.intp], points: Vectors, normals: Vectors) -> Scalars:
        """Return how far (0..1) coarse samples lie on the same surface as other points."""
        same = np.clip(dot(self.normals[:, mine], normals) * 10 - 8, 0, 1)
        off = np.abs(dot(self.points[:, mine] - points, normals)) / self.scale[mine]
        return same * np.clip(np.float32(1.5) - off, 0, 1) * self.solid[mine]


def _smoothed(maps: _Maps, light: Vectors) -> Vectors:
    """Return the light averaged over 4 x 4 samples (ends at half weight) of the same surface."""
    y, x = np.mgrid[0 : maps.rows, 0 : maps.columns].reshape(2, -1)
    result = np.zeros_like(light)

    def work(part: slice) -> None:
        total = np.zeros((3, part.stop - part.start), np.float32)
        weights = np.full(part.stop - part.start, 1e-6, np.float32)
        points, normals = maps.points[:, part], maps.normals[:, part]
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                side = np.float32((0.5 if abs(dy) == 2 else 1) * (0.5 if abs(dx) == 2 else 1))
                row = np.clip(y[part] + dy, 0, maps.rows - 1)
                other = row * maps.columns + np.clip(x[part] + dx, 0, maps.columns - 1)
                weight = side * maps.likeness(other, points, normals)
                total += light[:, other] * weight
                weights += weight
        result[:, part] = total / weights

    in_chunks(work, light.shape[1])
    return result


def _spread(
    maps: _Maps, light: Vectors, hits: Hits, shape: tuple[int, int], step: int
) -> tuple[Vectors, NDArray[np.intp]]:
    """Return the light of all samples, and which of them found no neighbour to borrow from."""
    columns = shape[1]
    count = shape[0] * shape[1]
    result = np.zeros((3, count), dtype=np.float32)
    found = np.zeros(count, dtype=np.float32)

    def work(part: slice) -> None:
        index = np.arange(part.start, part.stop)
        gy = ((index // columns) - step // 2) / np.float32(step)
        gx = ((index % columns) - step // 2) / np.float32(step)
        top, left = np.floor(gy).astype(np.intp), np.floor(gx).astype(np.intp)
        fy, fx = (gy - top).astype(np.float32), (gx - left).astype(np.float32)
        points, normals = hits.points[:, part], hits.normals[:, part]
        total = np.zeros((3, index.size), np.float32)
        weights = np.zeros(index.size, np.float32)
        for dy, wy in ((0, 1 - fy), (1, fy)):
            for dx, wx in ((0, 1 - fx), (1, fx)):
                row = np.clip(top + dy, 0, maps.rows - 1)
                other = row * maps.columns + np.clip(left + dx, 0, maps.columns - 1)
                weight = (wy * wx + np.float32(0.02)) * maps.likeness(other, points, normals)
                total += light[:, other] * weight
                weights += weight
        result[:, part] = total / np.maximum(weights, np.float32(1e-6))
        found[part] = weights

    in_chunks(work, count)
    return result, np.flatnonzero((found < 0.02) & hits.solid)
