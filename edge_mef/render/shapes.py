"""The solids of a scene: boxes, ellipsoids and upright cones, each turned about the vertical."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_mef.render.vectors import Scalars, Triple, Vectors, column, dot, normalized

# Rays start about this far from the surface they leave, in metres.
EPSILON = np.float32(1e-3)
# Hits nearer than this do not count. Far below EPSILON: in a corner the next solid is that near.
NEAREST = np.float32(1e-5)
MISS = np.float32(np.inf)


class Shape(Protocol):
    """What can be hit by a ray."""

    def intersect(self, origins: Vectors, directions: Vectors, inverse: Vectors) -> Scalars:
        """Return the (N,) distances to the first hit, infinity where there is none.

        `inverse` is 1 / directions, see `inverse_directions`.
        """
        ...

    def surface(self, points: Vectors) -> tuple[Vectors, Vectors]:
        """Return the (3, N) outward normals and (2, N) texture coordinates in metres."""
        ...

    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the lower and upper corner, (3,) each, of a box around the shape."""
        ...


def _turned(vectors: Vectors, yaw: float) -> Vectors:
    """Return the vectors turned by `yaw` radians about the vertical."""
    if yaw == 0.0:
        return vectors
    c, s = np.float32(np.cos(yaw)), np.float32(np.sin(yaw))
    x, y, z = vectors
    return np.stack((c * x - s * z, y, s * x + c * z))


def _turned_bounds(
    center: Triple, half: Triple, yaw: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the corners of a box around a turned box."""
    c, s = abs(np.cos(yaw)), abs(np.sin(yaw))
    reach = np.array([c * half[0] + s * half[2], half[1], s * half[0] + c * half[2]])
    middle = np.asarray(center)
    return (middle - reach).astype(np.float32), (middle + reach).astype(np.float32)


def slab_distances(
    origins: Vectors, inverse: Vectors, lower: Vectors, upper: Vectors
) -> tuple[Scalars, Scalars]:
    """Return where rays enter and leave an axis-aligned box; entering after leaving is a miss."""
    near = (lower - origins) * inverse
    far = (upper - origins) * inverse
    first, last = np.minimum(near, far), np.maximum(near, far, out=near)
    # Row by row: numpy's own reduction over a short first axis is several times slower.
    enter = np.maximum(np.maximum(first[0], first[1]), first[2])
    leave = np.minimum(np.minimum(last[0], last[1]), last[2])
    return enter, leave


def inverse_directions(directions: Vectors) -> Vectors:
    """Return 1 / directions without infinities, so that no product is undefined."""
    tiny = np.float32(1e-9)
    return 1 / np.where(np.abs(directions) < tiny, tiny, directions)


@dataclass(frozen=True)
class Box:
    """A box: centre, half sizes along its own axes, and a turn about the vertical (radians)."""

    center: Triple
    half: Triple
    yaw: float = 0.0

    def intersect(self, origins: Vectors, directions: Vectors, inverse: Vectors) -> Scalars:
        """Return the distances at which rays enter the box."""
        local = _turned(origins - column(self.center), self.yaw)
        if self.yaw != 0.0:
            inverse = inverse_directions(_turned(directions, self.yaw))
        half = column(self.half)
        enter, leave = slab_distances(local, inverse, -half, half)
        return np.where((enter < leave) & (enter > NEAREST), enter, MISS)

    def surface(self, points: Vectors) -> tuple[Vectors, Vectors]:
        """Return normals and metres from the centre of the face that was hit."""
        local = _turned(points - column(self.center), self.yaw)
        depth = np.abs(local) - column(self.half)
        axis = depth.argmax(axis=0)
        facing = np.sign(local) * (np.arange(3)[:, None] == axis)
        u = np.where(axis == 0, local[2], local[0])
        v = np.where(axis == 1, local[2], local[1])
        return _turned(facing.astype(np.float32), -self.yaw), np.stack((u, v))

    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the corners of the box around it."""
        return _turned_bounds(self.center, self.half, self.yaw)


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid: centre and half axes, turned about the vertical (radians)."""

    center: Triple
    half: Triple
    yaw: float = 0.0

    def intersect(self, origins: Vectors, directions: Vectors, inverse: Vectors) -> Scalars:
        """Return the distances to the nearer side, or the farther one from inside."""
        scale = 1 / column(self.half)
        o = _turned(origins - column(self.center), self.yaw) * scale
        d = _turned(directions, self.yaw) * scale
        a, b, c = dot(d, d), dot(o, d), dot(o, o) - 1
        discriminant = b * b - a * c
        root = np.sqrt(np.maximum(discriminant, 0))
        near, far = (-b - root) / a, (-b + root) / a
        t = np.where(near > NEAREST, near, far)
        return np.where((discriminant > 0) & (t > NEAREST), t, MISS)

    def surface(self, points: Vectors) -> tuple[Vectors, Vectors]:
        """Return normals, and metres around the equator and up the axis."""
        local = _turned(points - column(self.center), self.yaw)
        half = column(self.half)
        normals = normalized(local / (half * half))
        u = np.arctan2(local[0], local[2]) * np.float32(max(self.half[0], self.half[2]))
        return _turned(normals, -self.yaw), np.stack((u, local[1]))

    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the corners of the box around it."""
        return _turned_bounds(self.center, self.half, self.yaw)


@dataclass(frozen=True)
class Frustum:
    """An upright cylinder or cone stump: middle of its foot, foot and top radius, height."""

    foot: Triple
    radius: float
    top_radius: float
    height: float

    def intersect(self, origins: Vectors, directions: Vectors, inverse: Vectors) -> Scalars:
        """Return the distances to the nearest of the mantle and the two discs."""
        o = origins - column(self.foot)
        best = np.full(np.broadcast_shapes(o.shape, directions.shape)[1], MISS)
        self._mantle(o, directions, best)
        self._disc(o, directions, 0.0, self.radius, best)
        self._disc(o, directions, self.height, self.top_radius, best)
        return best

    def _mantle(self, o: Vectors, d: Vectors, best: Scalars) -> None:
        slope = np.float32((self.top_radius - self.radius) / self.height)
        reach = np.float32(self.radius) + slope * o[1]
        a = d[0] * d[0] + d[2] * d[2] - slope * slope * d[1] * d[1]
        b = o[0] * d[0] + o[2] * d[2] - slope * d[1] * reach
        c = o[0] * o[0] + o[2] * o[2] - reach * reach
        discriminant = b * b - a * c
        root = np.sqrt(np.maximum(discriminant, 0))
        safe = np.where(np.abs(a) < 1e-12, np.float32(1e-12), a)
        for t in ((-b - root) / safe, (-b + root) / safe):
            y = o[1] + t * d[1]
            hit = (discriminant > 0) & (t > NEAREST) & (y > 0) & (y < self.height)
            np.minimum(best, np.where(hit, t, MISS), out=best)

    @staticmethod
    def _disc(o: Vectors, d: Vectors, level: float, radius: float, best: Scalars) -> None:
        tiny = np.float32(1e-9)
        t = (np.float32(level) - o[1]) / np.where(np.abs(d[1]) < tiny, tiny, d[1])
        x, z = o[0] + t * d[0], o[2] + t * d[2]
        hit = (t > NEAREST) & (t < 1e4) & (x * x + z * z < radius * radius)
        np.minimum(best, np.where(hit, t, MISS), out=best)

    def surface(self, points: Vectors) -> tuple[Vectors, Vectors]:
        """Return normals, and metres around and up the mantle (across on the discs)."""
        x, y, z = points - column(self.foot)
        slope = np.float32((self.radius - self.top_radius) / self.height)
        ring = np.maximum(np.sqrt(x * x + z * z), np.float32(1e-9))
        reach = np.float32(self.radius) - slope * y
        tilt = np.full_like(x, slope)
        normals = normalized(np.stack((x / ring, tilt, z / ring)))
        margin = np.abs(reach - ring) + np.float32(2e-4)
        low, high = np.abs(y) < margin, np.abs(y - np.float32(self.height)) < margin
        cap = low | high
        lid = np.stack((np.zeros_like(x), np.where(high, 1, -1), np.zeros_like(x)))
        u = np.where(cap, x, np.arctan2(x, z) * np.float32(self.radius))
        uv = np.stack((u, np.where(cap, z, y)))
        return np.where(cap, lid, normals).astype(np.float32), uv

    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the corners of the box around it."""
        reach = max(self.radius, self.top_radius)
        foot = np.asarray(self.foot, dtype=np.float32)
        lower = foot - np.array((reach, 0, reach), dtype=np.float32)
        return lower, foot + np.array((reach, self.height, reach), dtype=np.float32)
