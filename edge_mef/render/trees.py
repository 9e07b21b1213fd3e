"""Distant trees, painted on upright cards that face the camera and are lit like round crowns."""

from dataclasses import dataclass

import numpy as np

from edge_mef.render.noise import fractal_noise
from edge_mef.render.scene import Sun
from edge_mef.render.vectors import Scalars, Triple, Vectors, column


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


def _crown(tree: Tree, u: Scalars, v: Scalars) -> tuple[Scalars, Vectors]:
    """Return how deep (u, v) is inside the crown (negative: outside) and the crown's normals.

    `u` is across and `v` up, in metres from the foot. Normals are (across, up, to the camera).
    """
    rng = np.random.default_rng(tree.offset)
    depth = np.full(u.shape, -1, dtype=np.float32)
    normals = np.zeros((3, *u.shape), dtype=np.float32)
    for index in range(9):
        if tree.pointed:
            level = 0.12 + 0.1 * index
            spread, x = tree.radius * (1.05 - level), rng.uniform(-0.08, 0.08) * tree.radius
        else:
            level = float(rng.uniform(0.38, 0.85)) if index else 0.6
            spread = tree.radius * (rng.uniform(0.38, 0.6) if index else 0.75)
            x = rng.uniform(-0.6, 0.6) * tree.radius * (1.25 - level) if index else 0.0
        du = (u - np.float32(x)) / np.float32(spread)
        flat = 1.4 if tree.pointed else 1.0
        dv = (v - np.float32(level * tree.height)) / np.float32(spread) * np.float32(flat)
        inside = 1 - (du * du + dv * dv)
        ahead = np.sqrt(np.maximum(inside, 0)) + np.float32(0.15)
        better = inside > depth
        depth = np.where(better, inside, depth)
        normals = np.where(better, np.stack((du, dv, ahead)), normals)
    return depth, normals


def paint_tree(
    tree: Tree, origin: Vectors, directions: Vectors, sun: Sun, sky: Triple, out: Vectors
) -> None:
    """Draw one tree over the (3, N) radiance `out`; `sky` is the irradiance of the sky (RGB)."""
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
    size = np.float32(9 / tree.radius)
    leaves = fractal_noise(u * size, v * size, octaves=4, offset=tree.offset)
    tufts = fractal_noise(u * size * 0.3, v * size * 0.3, octaves=2, offset=tree.offset + 3)
    inside = depth + (leaves - np.float32(0.5)) * np.float32(1.5) > 0.12
    sun_card = (
        sun.towards[0] * ahead[1] - sun.towards[2] * ahead[0],
        sun.towards[1],
        -(sun.towards[0] * ahead[0] + sun.towards[2] * ahead[1]),
    )
    facing = normals[0] * sun_card[0] + normals[1] * sun_card[1] + normals[2] * sun_card[2]
    facing += (leaves - np.float32(0.5)) * np.float32(1.6) + (tufts - np.float32(0.5))
    sunlit = np.clip(facing * np.float32(0.75) + np.float32(0.1), 0.02, 1.1)
    open_sky = np.clip(np.float32(0.5) + np.float32(0.5) * normals[1], 0.12, 1) * (
        np.float32(0.35) + np.float32(0.9) * leaves
    )
    light = column(sun.irradiance) * sunlit + column(sky) * open_sky
    colour = column(tree.colour) * light / np.float32(np.pi)
    trunk = (np.abs(u) < tree.height * 0.022) & (v < tree.height * 0.55) & ~inside
    bark = column((0.09, 0.065, 0.045)) * light / np.float32(np.pi)
    out[:, rays[inside]] = colour[:, inside]
    out[:, rays[trunk]] = bark[:, trunk]
