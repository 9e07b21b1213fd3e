"""Random outdoor scenes: open country, or a street with houses, from noon to night."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_mef.render.facade import Front, LitWindows, WindowGrid
from edge_mef.render.landscape import Landscape
from edge_mef.render.renderer import render
from edge_mef.render.room import random_colour
from edge_mef.render.scene import Eye, Group, Lamp, Scene, Solid
from edge_mef.render.shapes import Box, Ellipsoid, Frustum
from edge_mef.render.textures import Plain, Planks, Texture, Tiles, Wood
from edge_mef.render.vectors import Scalars, Triple, Vectors
from edge_mef.render.weather import random_landscape, scaled

Generator = np.random.Generator


@dataclass(frozen=True)
class Ground:
    """The landscape's meadow or pavement as a texture, so that solids can cast shadows on it."""

    land: Landscape

    def __call__(self, uv: Vectors, width: Scalars) -> Vectors:
        """Return the ground's albedo; shade of distant trees counts as darker ground."""
        return self.land.ground_albedo(uv[0], uv[1], width)


def render_outdoor(seed: int, height: int, width: int) -> NDArray[np.float32]:
    """Return a random outdoor scene as (height, width, 3) linear radiance in cd/m2."""
    return render(random_outdoor(seed), height, width)


def random_outdoor(seed: int) -> Scene:
    """Return the random outdoor scene of a seed."""
    rng = np.random.Generator(np.random.PCG64(seed))
    kinds = ["noon", "golden", "overcast", "dusk", "night"]
    street = bool(rng.random() < 0.5)
    odds = [0.26, 0.28, 0.12, 0.2, 0.14] if street else [0.35, 0.4, 0.1, 0.15, 0.0]
    kind = str(rng.choice(kinds, p=odds))
    azimuth = float(rng.choice([rng.uniform(-30, 30), rng.uniform(-120, 120)]))
    land = replace(random_landscape(rng, kind, azimuth, 0.0), paved=street)
    if street:
        land = replace(land, trees=land.trees[:4])
    dark = kind in ("dusk", "night")
    groups, lamps = _street(rng, dark) if street else (_country(rng), ())
    ground = Solid(Box((0, -0.5, 30), (45, 0.5, 33)), Ground(land), world=True)
    return Scene(
        groups=(Group((ground,)), *groups),
        surroundings=land,
        eye=Eye(
            (float(rng.uniform(-1.5, 1.5)), float(rng.uniform(1.3, 2.6)), 0.0),
            heading=float(rng.uniform(-10, 10)),
            field=float(rng.uniform(48, 78)),
            shift=float(rng.uniform(-0.02, 0.16)),
        ),
        sun=land.sun,
        lamps=lamps,
        ambient=_ambient(land),
        reach=2.5,
    )


def _ambient(land: Landscape) -> tuple[Triple, ...]:
    """Return what arrives from -x, +x, -y, +y, -z, +z: sky above, lit ground below."""
    up = np.asarray(land.ambient)
    rise = max(land.sun.towards[1], 0.0)
    below = (up + np.asarray(land.sun.irradiance) * rise) * np.asarray((0.16, 0.17, 0.1))
    side = 0.5 * (up + below)
    faces = (side, side, below, up * 1.3, side, side)
    return tuple((float(face[0]), float(face[1]), float(face[2])) for face in faces)


def _wall(rng: Generator) -> Texture:
    if rng.random() < 0.45:
        brick = scaled((0.4, 0.17, 0.1), float(rng.uniform(0.6, 1.4)))
        return Tiles(brick, scaled(brick, 1.5), (0.5, 0.16), 0.02, stagger=0.5, checker=False)
    hue, pale = random_colour(rng, 0.25, 0.7), float(rng.uniform(0.3, 0.7))
    strength = float(rng.uniform(0.1, 0.7))
    colour = tuple(pale + (part - pale) * strength for part in hue)
    return Plain((colour[0], colour[1], colour[2]), mottle=0.25, scale=1.5)


def _house(rng: Generator, center: Triple, half: Triple, dark: bool) -> Group:
    """Return a house with windows, a plinth, a cornice and a chimney."""
    grid = WindowGrid(
        (float(rng.uniform(1.8, 3.2)), float(rng.uniform(2.6, 3.4))), int(rng.integers(999))
    )
    level = float(rng.uniform(60, 700))
    lights = LitWindows(grid, level, float(rng.uniform(0.3, 0.8))) if dark else None
    x, y, z = center
    roof = Plain(scaled((0.25, 0.1, 0.07), float(rng.uniform(0.4, 1.3))), mottle=0.3, scale=3)
    stone = Plain((0.4, 0.38, 0.34), mottle=0.2)
    top = y + half[1]
    return Group(
        (
            Solid(Box(center, half), Front(_wall(rng), grid), emission=lights, world=True),
            Solid(Box((x, 0.3, z), (half[0] + 0.06, 0.3, half[2] + 0.06)), stone),
            Solid(Box((x, top + 0.15, z), (half[0] + 0.3, 0.15, half[2] + 0.3)), stone),
            Solid(Box((x, top + 0.7, z), (half[0] - 0.3, 0.5, half[2] - 0.3)), roof),
            Solid(Box((x + half[0] * 0.4, top + 1.6, z), (0.35, 0.9, 0.35)), _wall(rng)),
        )
    )


def _street(rng: Generator, dark: bool) -> tuple[tuple[Group, ...], tuple[Lamp, ...]]:
    groups: list[Group] = []
    wide = float(rng.uniform(4.5, 8))
    for side in (-1, 1):
        z = float(rng.uniform(3, 12))
        while z < 55:
            length, deep = float(rng.uniform(3, 6)), float(rng.uniform(3, 5))
            high = float(rng.uniform(3, 8))
            if rng.random() < 0.8:
                groups.append(
                    _house(
                        rng, (side * (wide + deep), high, z + length), (deep, high, length), dark
                    )
                )
            z += 2 * length + float(rng.choice([0.0, rng.uniform(0.5, 4)]))
    kerb = Plain((0.42, 0.41, 0.38), mottle=0.3, scale=4)
    for side in (-1, 1):
        groups.append(Group((Solid(Box((side * wide, 0.06, 30), (1.4, 0.06, 32)), kerb),)))
    lamps: list[Lamp] = []
    for index in range(3):
        side = 1 if index % 2 else -1
        group, lamp = _street_lamp(side * (wide - 1.1), 7.0 + 9 * index, dark)
        groups.append(group)
        if dark:
            lamps.append(lamp)
    return tuple(groups), tuple(lamps)


def _street_lamp(x: float, z: float, lit: bool) -> tuple[Group, Lamp]:
    iron = Plain((0.05, 0.055, 0.05), mottle=0.1)
    glow = Plain((9000.0, 6200.0, 3000.0), mottle=0.0) if lit else None
    globe = Solid(Ellipsoid((x, 4.0, z), (0.2, 0.22, 0.2)), Plain((0.8, 0.78, 0.7)), emission=glow)
    post = Solid(Frustum((x, 0, z), 0.07, 0.045, 3.8), iron)
    foot = Solid(Frustum((x, 0, z), 0.14, 0.1, 0.5), iron)
    return Group((post, foot, globe)), Lamp((x, 3.72, z), 0.05, (950.0, 660.0, 330.0))


def _country(rng: Generator) -> tuple[Group, ...]:
    groups = []
    if rng.random() < 0.3:
        groups.append(_porch(rng))
    elif rng.random() < 0.6:
        groups.append(_fence(rng))
    for _ in range(int(rng.integers(0, 5))):
        size = float(rng.uniform(0.15, 0.7))
        x, z = float(rng.uniform(-5, 5)), float(rng.uniform(4, 14))
        rock = Plain(scaled((0.3, 0.28, 0.25), float(rng.uniform(0.6, 1.4))), 0.7, 3 / size)
        flat = (size * float(rng.uniform(0.8, 1.7)), size * 0.7, size)
        groups.append(Group((Solid(Ellipsoid((x, size * 0.15, z), flat, size * 9), rock),)))
    if rng.random() < 0.45:
        center = (
            float(rng.choice([-1.0, 1.0])) * float(rng.uniform(6, 11)),
            2.2,
            float(rng.uniform(13, 28)),
        )
        groups.append(_house(rng, center, (float(rng.uniform(2.5, 4)), 2.2, 3.0), False))
    return tuple(groups)


def _porch(rng: Generator) -> Group:
    """Return a roofed terrace over the eye: a dark frame around a bright country."""
    tone = float(rng.uniform(0.25, 1.3))
    timber = Wood(scaled((0.4, 0.27, 0.15), tone), contrast=0.8)
    post = replace(timber, upright=True)
    boards = Planks(scaled((0.36, 0.25, 0.15), float(rng.uniform(0.4, 1.3))))
    roof = Planks(scaled((0.34, 0.24, 0.14), tone), 0.18, 3.0, offset=5)
    half, deep, high = (
        float(rng.uniform(1.6, 3.2)),
        float(rng.uniform(2.6, 4.2)),
        float(rng.uniform(3.2, 4.0)),
    )
    parts = [
        Solid(Box((0, high + 0.1, deep / 2 - 2), (half + 0.5, 0.1, deep / 2 + 2.5)), roof),
        Solid(Box((0, 0.05, deep / 2 - 2), (half + 0.4, 0.05, deep / 2 + 2.3)), boards, gloss=0.3),
        Solid(Box((0, high - 0.1, deep), (half + 0.3, 0.11, 0.08)), timber),
    ]
    if rng.random() < 0.6:
        side = float(rng.choice([-1.0, 1.0])) * (half + 0.35)
        parts.append(Solid(Box((side, high / 2, deep / 2 - 2), (0.1, high / 2, 4.0)), _wall(rng)))
    for index in range(4):
        x = -half + 2 * half * index / 3
        if index in (0, 3):
            parts.append(Solid(Box((x, high / 2, deep), (0.08, high / 2, 0.08)), post))
        parts.append(Solid(Box((x, high - 0.08, deep / 2), (0.05, 0.09, deep / 2)), timber))
    for level in (0.5, 0.9):
        rail = (0.0, level, deep)
        parts.append(Solid(Box(rail, (half, 0.035, 0.03)), timber))
    return Group(tuple(parts))


def _fence(rng: Generator) -> Group:
    wood = Wood(scaled((0.36, 0.27, 0.18), float(rng.uniform(0.4, 1.6))), contrast=0.9)
    upright = replace(wood, upright=True)
    z, lean = float(rng.uniform(4, 9)), float(rng.uniform(-0.35, 0.35))
    parts = []
    for index in range(-7, 8):
        x = index * 1.5
        place = (x * math.cos(lean), 0.55, z + x * math.sin(lean))
        parts.append(Solid(Box(place, (0.05, 0.55, 0.05), lean), upright))
    for level in (0.4, 0.85):
        parts.append(Solid(Box((0, level, z - 0.06), (10.8, 0.045, 0.02), -lean), wood))
    return Group(tuple(parts))
