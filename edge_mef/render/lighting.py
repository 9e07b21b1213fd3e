"""Soft light: windows as area lights, sunlit patches as lights of their own, ambient light.

Everything here is irradiance (lx, RGB) at points with normals; albedo comes later.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_mef.render.sampling import CLASSES, around, strata
from edge_mef.render.scene import Opening, Scene
from edge_mef.render.shapes import EPSILON
from edge_mef.render.tracing import Tracer
from edge_mef.render.vectors import Scalars, Vectors, column, dot

AXES = np.array([[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]], np.float32)


@dataclass(frozen=True)
class Patches:
    """Sunlit spots that light the room: (3, M) points, normals and reflected flux (lm, RGB)."""

    points: Vectors
    normals: Vectors
    flux: Vectors


@dataclass(frozen=True)
class Lighting:
    """A scene prepared for lighting; `ambient` is (6, 3) radiosity by direction, see `AXES`."""

    scene: Scene
    tracer: Tracer
    patches: Patches | None
    ambient: NDArray[np.float32]

    @staticmethod
    def of(scene: Scene, tracer: Tracer) -> "Lighting":
        """Prepare a scene: find its sunlit spots and its ambient light."""
        empty = np.zeros((6, 3), np.float32)
        lighting = Lighting(scene, tracer, sunlit_patches(scene, tracer), empty)
        if scene.ambient:
            return replace(lighting, ambient=np.asarray(scene.ambient, dtype=np.float32))
        return replace(lighting, ambient=room_ambient(lighting))

    def irradiance(self, points: Vectors, normals: Vectors, classes: NDArray[np.int32]) -> Vectors:
        """Return (3, N) soft irradiance; `classes` (0..15) choose each point's sample pattern."""
        lifted = points + normals * (2 * EPSILON)
        total = self.direct(lifted, normals, classes)
        return total + self.ambient_at(normals) * self._openness(lifted, normals, classes)

    def direct(self, points: Vectors, normals: Vectors, classes: NDArray[np.int32]) -> Vectors:
        """Return the part from windows, sunlit spots and lamps, with soft shadows."""
        total = np.zeros_like(points)
        wide, high = (4, 2) if len(self.scene.openings) < 2 else (2, 2)
        for index, opening in enumerate(self.scene.openings):
            for sample in strata(wide, high, 11 + index):
                self._add_window(opening, sample[classes], wide * high, points, normals, total)
        if self.patches is not None:
            self._add_patches(points, normals, classes, total)
        for index, lamp in enumerate(self.scene.lamps):
            for sample in strata(2, 1, 71 + index):
                spot = np.concatenate((sample, sample[::-1, :1]), axis=1)[classes].T - 0.5
                target = column(lamp.center) + np.float32(2 * lamp.radius) * spot
                power = column(lamp.intensity) * np.float32(0.5)
                self._add_point(target, power, None, 0.01, points, normals, total)
        return total

    def ambient_at(self, normals: Vectors) -> Vectors:
        """Return the unshadowed ambient irradiance (3, N) for unit normals."""
        weights = (1 + AXES @ normals) ** 2 / np.float32(8)
        return np.asarray(self.ambient.T @ weights, dtype=np.float32)

    def _add_window(
        self,
        opening: Opening,
        sample: NDArray[np.float32],
        count: int,
        points: Vectors,
        normals: Vectors,
        total: Vectors,
    ) -> None:
        target = opening.points(sample[:, 0], sample[:, 1])
        outwards = target - points
        distance = np.sqrt(dot(outwards, outwards))
        towards = outwards / np.maximum(distance, 1e-6)
        light = self.scene.surroundings.glow(towards)
        area = np.float32(opening.area / count)
        self._add_point(
            target, light * area, -column(opening.inward), float(area), points, normals, total
        )

    def _add_patches(
        self, points: Vectors, normals: Vectors, classes: NDArray[np.int32], total: Vectors
    ) -> None:
        assert self.patches is not None
        groups = self.patches.flux.shape[1] // CLASSES
        for index in range(groups):
            pick = index * CLASSES + (classes * 7 + index * 3) % CLASSES
            power = self.patches.flux[:, pick] * np.float32(CLASSES / np.pi)
            facing = -self.patches.normals[:, pick]
            self._add_point(
                self.patches.points[:, pick], power, facing, 0.2, points, normals, total
            )

    def _add_point(
        self,
        target: Vectors,
        power: Vectors,
        facing: Vectors | None,
        size: float,
        points: Vectors,
        normals: Vectors,
        total: Vectors,
    ) -> None:
        """Add a small light of `power` (cd) at `target`; `facing` is against its normal."""
        towards = target - points
        square = np.maximum(dot(towards, towards), np.float32(1e-6))
        distance = np.sqrt(square)
        towards = towards / distance
        strength = np.maximum(dot(normals, towards), 0) / np.maximum(square, np.float32(size))
        if facing is not None:
            strength = strength * np.maximum(dot(facing, towards), 0)
        rays = np.flatnonzero(strength > 0)
        reach = distance[rays] - np.float32(0.01)
        free = ~self.tracer.blocked(points[:, rays], towards[:, rays], reach)
        lit = rays[free]
        light = power if power.shape[1] == 1 else power[:, lit]
        total[:, lit] += light * strength[lit]

    def _openness(self, points: Vectors, normals: Vectors, classes: NDArray[np.int32]) -> Scalars:
        """Return how much of the ambient light (0..1) neighbours let through."""
        reach = np.float32(self.scene.reach)
        closed = np.zeros(points.shape[1], dtype=np.float32)
        pattern = strata(3, 2, 5)
        for sample in pattern:
            chosen = sample[classes]
            towards = around(normals, chosen[:, 0], chosen[:, 1])
            limit = np.full(points.shape[1], reach)
            distance = self.tracer.distances(points, towards, limit)
            closed += np.clip(1 - distance / reach, 0, 1) ** np.float32(1.5)
        return 1 - np.float32(0.9) * closed / len(pattern)


def sunlit_patches(scene: Scene, tracer: Tracer, count: int = 96) -> Patches | None:
    """Return where sunlight through the windows falls, as `count` (multiple of 16) small lights."""
    lit = [o for o in scene.openings if float(np.dot(o.inward, scene.sun.towards)) < -0.05]
    if not lit or max(scene.sun.irradiance) < 1:
        return None
    rng = np.random.Generator(np.random.PCG64(3))
    spots, area = [], np.float32(sum(opening.area for opening in lit))
    for opening in lit:
        s, t = rng.random((2, 1024 // len(lit)), dtype=np.float32)
        cosine = -np.float32(np.dot(opening.inward, scene.sun.towards))
        rays = -column(scene.sun.towards) + np.zeros_like(s)
        hits = tracer.hits(opening.points(s, t) - rays * EPSILON, rays, 0.01)
        flux = hits.albedo * column(scene.sun.irradiance) * (cosine * area)
        spots.append((hits.points, hits.normals, np.where(hits.solid, flux, 0)))
    points, normals, flux = (np.concatenate(part, axis=1) for part in zip(*spots, strict=True))
    keep = rng.permutation(points.shape[1])[:count]
    weight = flux.mean(axis=1, keepdims=True) / np.maximum(
        flux[:, keep].mean(axis=1, keepdims=True), 1e-6
    )
    return Patches(
        points=(points + normals * EPSILON)[:, keep].astype(np.float32),
        normals=normals[:, keep].astype(np.float32),
        flux=(flux[:, keep] * weight / count).astype(np.float32),
    )


def room_ambient(lighting: Lighting, rays: int = 512) -> NDArray[np.float32]:
    """Return the (6, 3) radiosity that many reflections leave in a room, by direction.

    Rays from the middle of the room sample albedo and direct light of what is seen in each
    direction; six mean surfaces then exchange light until it has died down.
    """
    index = np.arange(rays, dtype=np.float32) + np.float32(0.5)
    rise = 1 - 2 * index / rays
    turn = index * np.float32(np.pi * (3 - 5**0.5))
    flat = np.sqrt(1 - rise * rise)
    directions = np.stack((flat * np.cos(turn), rise, flat * np.sin(turn))).astype(np.float32)
    hits = lighting.tracer.hits(column(lighting.scene.center), directions, 0.05)
    classes = np.arange(rays, dtype=np.int32) % CLASSES
    lifted = hits.points + hits.normals * (2 * EPSILON)
    leaving = lighting.direct(lifted, hits.normals, classes) * hits.albedo
    leaving = np.where(hits.solid, leaving, 0)
    side = (AXES @ directions).argmax(axis=0)
    members = np.maximum(np.bincount(side, minlength=6), 1)[:, None]
    first, albedo = np.zeros((6, 3)), np.zeros((6, 3))
    np.add.at(first, side, leaving.T)
    np.add.at(albedo, side, hits.albedo.T)
    first, albedo = first / members, albedo / members
    # A surface in direction d looks back along -d.
    exchange = (1 - AXES @ AXES.T) ** 2 / 8
    radiosity = first
    for _ in range(12):
        radiosity = first + albedo * (exchange @ radiosity)
    return radiosity.astype(np.float32)


def sunlight(lighting: Lighting, points: Vectors, normals: Vectors) -> Scalars:
    """Return the cosine-weighted share (0..1) of direct sun at each of N points."""
    scene, towards = lighting.scene, column(lighting.scene.sun.towards)
    share = np.maximum(dot(normals, towards + np.zeros_like(points)), 0)
    if max(scene.sun.irradiance) <= 0:
        return np.zeros_like(share)
    candidates = share > 0
    if scene.openings:
        reached = np.zeros(share.shape, dtype=np.bool_)
        for opening in scene.openings:
            reached |= _through(opening, points, towards)
        candidates &= reached
    rays = np.flatnonzero(candidates)
    far = np.full(rays.shape, 1e4, dtype=np.float32)
    lifted = points[:, rays] + normals[:, rays] * (2 * EPSILON)
    directions = np.repeat(towards, rays.size, axis=1)
    free = ~lighting.tracer.blocked(lifted, directions, far)
    result = np.zeros_like(share)
    result[rays[free]] = share[rays[free]]
    return result


def _through(opening: Opening, points: Vectors, towards: Vectors) -> NDArray[np.bool_]:
    """Return which rays from points leave a room by this opening."""
    normal = column(opening.inward)
    speed = float(dot(normal, towards)[0])
    if speed > -1e-4:
        return np.zeros(points.shape[1], dtype=np.bool_)
    offset = column(opening.corner) - points
    crossing = points + towards * (dot(offset, normal) / np.float32(speed))
    local = crossing - column(opening.corner)
    across, up = column(opening.across), column(opening.up)
    s, t = dot(local, across) / dot(across, across), dot(local, up) / dot(up, up)
    return np.asarray((s > 0) & (s < 1) & (t > 0) & (t < 1))
