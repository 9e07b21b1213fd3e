"""Distant trees, painted on upright cards that face the camera and are lit like round crowns."""

from dataclasses import dataclass

import numpy as np

from edge_mef.render.noise import fractal_noise
from edge_mef.render.scene import Sun
from edge_mef.render.vectors import Scalars, Triple, Vectors, column, dot, mix, normalized


@dataclass(frozen=True)
class Tree:
    """A tree at (x, z) on the ground; sizes in metres; `pointed` is a conifer."""

    x: float
    z: float
    height: float
    radius: float
    colour: Triple
    pointed: bool = False
    offset: int = 0


def _blobs(tree: Tree) -> list[tuple[float, float, float]]:
    """Return the tufts of a crown: (across, up, radius) in metres from the foot."""
    rng = np.random.Generator(np.random.PCG64(tree.offset))
    blobs = [(0.0, 0.6 * tree.height, 0.62 * tree.radius)]
    for index in range(15):
        turn, out = index * 2.4, float(rng.uniform(0.45, 0.8))
        size = float(rng.uniform(0.24, 0.42)) * tree.radius
        up = 0.64 + 0.36 * out * float(np.sin(turn))
        blobs.append((out * float(np.cos(turn)) * tree.radius, up * tree.height, size))
    return blobs


def _cone(tree: Tree, u: Scalars, v: Scalars) -> tuple[Scalars, Vectors]:
    """Return depth and normals, as `_crown` does, for a conifer with drooping branches."""
    share = v / np.float32(tree.height)
    whorl = (share * 11 + np.abs(u) / np.float32(tree.radius) * 1.5) % 1
    taper = np.maximum(np.float32(1.02) - share, np.float32(0.01))
    reach = np.float32(tree.radius) * taper * (np.float32(1.08) - np.float32(0.4) * whorl)
    across = u / np.maximum(reach, np.float32(0.05))
    inside = np.where((share > 0.07) & (share < 1.02), 1 - across * across, -1)
    ahead = np.sqrt(np.maximum(inside, 0)) + np.float32(0.1)
    return inside, np.stack((across, np.float32(0.75) - np.float32(1.1) * whorl, ahead))


def _crown(tree: Tree, u: Scalars, v: Scalars) -> tuple[Scalars, Vectors]:
    """Return how deep (u, v) is inside the crown (negative: outside) and the crown's normals.

    `u` is across and `v` up, in metres from the foot. Normals are (across, up, to the camera).
    """
    if tree.pointed:
        return _cone(tree, u, v)
    depth = np.full(u.shape, -1, dtype=np.float32)
    nearest = np.full(u.shape, -9, dtype=np.float32)
    normals = np.zeros((3, *u.shape), dtype=np.float32)
    for index, (x, y, spread) in enumerate(_blobs(tree)):
        du = (u - np.float32(x)) / np.float32(spread)
        dv = (v - np.float32(y)) / np.float32(spread)
        inside = 1 - (du * du + dv * dv)
        ahead = np.sqrt(np.maximum(inside, 0)) + np.float32(0.1)
        depth = np.maximum(depth, inside)
        # Tufts in front hide those behind; the order is that of the list, mixed with their bulge.
        rank = np.where(inside > -0.3, inside + np.float32(0.12 * (index % 5)), -9)
        better = rank > nearest
        nearest = np.where(better, rank, nearest)
        whole = np.stack((u / np.float32(tree.radius), v / np.float32(tree.height) - 0.6, ahead))
        normals = np.where(better, np.stack((du, dv, ahead)) + whole, normals)
    return depth, normals


def paint_tree(
    tree: Tree,
    origin: Vectors,
    directions: Vectors,
    sun: Sun,
    sky: Triple,
    angle: float,
    out: Vectors,
) -> None:
    """Draw one tree over the (3, N) radiance `out`, seen with samples `angle` radians wide.

    `sky` is the irradiance of the sky (RGB).
    """
    to_x, to_z = tree.x - float(origin[0, 0]), tree.z - float(origin[2, 0])
    distance = float(np.hypot(to_x, to_z))
    ahead = np.float32(to_x / distance), np.float32(to_z / distance)
    forward = directions[0] * ahead[0] + directions[2] * ahead[1]
    sideways = directions[0] * ahead[1] - directions[2] * ahead[0]
    scale = np.float32(distance) / np.maximum(forward, np.float32(1e-3))
    u, v = sideways * scale, directions[1] * scale + origin[1]
    near = (forward > 0.05) & (np.abs(u) < tree.radius * 1.6)
    rays = np.flatnonzero(near & (v > -0.1) & (v < tree.height * 1.25))
    if not rays.size:
        return
    u, v = u[rays], v[rays]
    depth, normals = _crown(tree, u, v)
    size = np.float32(7 / tree.radius**0.5)
    width = float(distance * angle * size)
    # Turned out of the upright, or the noise's lattice shows as rows of leaves.
    across, up = (u + 0.6 * v) * size, (v - 0.6 * u) * size
    leaves = fractal_noise(across, up, octaves=5, width=width, offset=tree.offset)
    inside = depth + (leaves - np.float32(0.5)) * np.float32(2.0) > 0.08
    light = _light(normals, leaves, sun, ahead, sky)
    green = mix(column(tree.colour), column(tree.colour) * column((1.5, 1.15, 0.9)), leaves)
    trunk = (np.abs(u) < tree.height * 0.016) & (v < tree.height * 0.5) & ~inside
    out[:, rays[inside]] = (green * light)[:, inside] / np.float32(np.pi)
    out[:, rays[trunk]] = (column((0.09, 0.07, 0.05)) * light)[:, trunk] / np.float32(np.pi)


def _light(
    normals: Vectors,
    leaves: Scalars,
    sun: Sun,
    ahead: tuple[np.float32, np.float32],
    sky: Triple,
) -> Vectors:
    """Return the irradiance on the leaves; `ahead` is the horizontal direction of view."""
    card = (
        float(sun.towards[0] * ahead[1] - sun.towards[2] * ahead[0]),
        sun.towards[1],
        float(-(sun.towards[0] * ahead[0] + sun.towards[2] * ahead[1])),
    )
    facing = dot(normalized(normals), column(card)) + (leaves - np.float32(0.5)) * np.float32(0.8)
    sunlit = np.clip(facing * np.float32(0.8) + np.float32(0.12), 0.03, 1.1)
    gaps = np.clip(np.float32(0.8) + np.float32(2.4) * (leaves - np.float32(0.5)), 0.12, 1.5)
    up = normalized(normals)[1]
    open_sky = np.clip(np.float32(0.5) + np.float32(0.5) * up, 0.1, 1) * gaps
    result: Vectors = column(sun.irradiance) * (sunlit * gaps) + column(sky) * open_sky
    return result
