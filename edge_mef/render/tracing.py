"""Rays against groups of solids: the nearest hit with its surface, and plain occlusion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_mef.render.scene import Group, Hits, Solid
from edge_mef.render.shapes import EPSILON, MISS, inverse_directions, slab_distances
from edge_mef.render.vectors import Scalars, Vectors, dot, in_chunks


@dataclass(frozen=True)
class Tracer:
    """Groups prepared for tracing: their bounding boxes and the first number of their solids."""

    groups: tuple[Group, ...]
    bounds: tuple[tuple[Vectors, Vectors], ...]
    first: tuple[int, ...]
    solids: tuple[Solid, ...]

    @staticmethod
    def of(groups: Sequence[Group]) -> "Tracer":
        """Prepare groups of solids."""
        counts = np.cumsum([0] + [len(group.solids) for group in groups])
        return Tracer(
            groups=tuple(groups),
            bounds=tuple(group.bounds() for group in groups),
            first=tuple(int(count) for count in counts[:-1]),
            solids=tuple(solid for group in groups for solid in group.solids),
        )

    def _search(
        self, o: Vectors, d: Vectors, best: Scalars, *, shadow: bool = False
    ) -> NDArray[np.int32]:
        """Lower `best` to the nearest hit per ray and return the solid's number, -1 for none.

        With `shadow` the groups' stand-ins count and the numbers mean nothing.
        """
        found = np.full(best.shape, -1, dtype=np.int32)
        inverse = inverse_directions(d)
        for group, (lower, upper), first in zip(self.groups, self.bounds, self.first, strict=True):
            enter, leave = slab_distances(o, inverse, lower, upper)
            rays = np.flatnonzero((enter <= leave) & (leave > 0) & (enter < best))
            if not rays.size:
                continue
            some_o = o if o.shape[1] == 1 else o[:, rays]
            some_d, some_inverse = d[:, rays], inverse[:, rays]
            limit, number = best[rays], found[rays]
            shapes = group.blockers if shadow else (solid.shape for solid in group.solids)
            for index, shape in enumerate(shapes):
                t = shape.intersect(some_o, some_d, some_inverse)
                nearer = t < limit
                limit = np.where(nearer, t, limit)
                number = np.where(nearer, np.int32(first + index), number)
            best[rays], found[rays] = limit, number
        return found

    def distances(self, o: Vectors, d: Vectors, reach: Scalars) -> Scalars:
        """Return the (N,) distances to the nearest shadow caster, at most `reach` (N,)."""
        result = reach.astype(np.float32)

        def work(part: slice) -> None:
            some_o = o if o.shape[1] == 1 else o[:, part]
            self._search(some_o, d[:, part], result[part], shadow=True)

        in_chunks(work, d.shape[1])
        return result

    def blocked(self, o: Vectors, d: Vectors, reach: Scalars) -> NDArray[np.bool_]:
        """Return which rays meet a solid before `reach` (N,) metres."""
        return self.distances(o, d, reach) < reach

    def hits(self, o: Vectors, d: Vectors, angle: float) -> Hits:
        """Return what rays meet, with samples `angle` radians wide.

        `o` is one origin (3, 1) or one per ray, `d` holds unit directions (3, N).
        """
        count = d.shape[1]
        result = Hits(
            distance=np.full(count, MISS, dtype=np.float32),
            points=np.zeros((3, count), np.float32),
            normals=np.zeros((3, count), np.float32),
            albedo=np.zeros((3, count), np.float32),
            emission=np.zeros((3, count), np.float32),
            gloss=np.zeros(count, np.float32),
        )

        def work(part: slice) -> None:
            some_o = o if o.shape[1] == 1 else o[:, part]
            number = self._search(some_o, d[:, part], result.distance[part])
            reached = np.where(number >= 0, result.distance[part], 0)
            result.points[:, part] = some_o + d[:, part] * reached
            self._shade(number, part, d, angle, result)
            # Back towards the eye, into space that is known to be free: where two solids touch,
            # rounding may otherwise put a point inside the other one.
            result.points[:, part] -= d[:, part] * EPSILON

        in_chunks(work, count)
        return result

    def _shade(
        self, number: NDArray[np.int32], part: slice, d: Vectors, angle: float, hits: Hits
    ) -> None:
        order = np.argsort(number, kind="stable")
        numbers, starts = np.unique(number[order], return_index=True)
        for which, rays in zip(numbers, np.split(order, starts[1:]), strict=True):
            if which < 0:
                continue
            solid = self.solids[which]
            rays = rays + part.start
            points = hits.points[:, rays]
            normals, uv = solid.shape.surface(points)
            if solid.world:
                uv = world_coordinates(points, normals)
            facing = np.maximum(np.abs(dot(normals, d[:, rays])), np.float32(0.15))
            width = hits.distance[rays] * np.float32(angle) / facing
            hits.normals[:, rays] = normals
            hits.albedo[:, rays] = np.clip(solid.texture(uv, width), 0.005, 0.92)
            hits.gloss[rays] = solid.gloss
            if solid.emission is not None:
                hits.emission[:, rays] = solid.emission(uv, width)


def world_coordinates(points: Vectors, normals: Vectors) -> Vectors:
    """Return (2, N) texture coordinates in metres that depend on the place alone."""
    axis = np.abs(normals).argmax(axis=0)
    u = np.where(axis == 0, points[2], points[0])
    v = np.where(axis == 1, points[2], points[1])
    return np.stack((u, v))
