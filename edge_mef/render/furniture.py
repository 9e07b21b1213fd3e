"""Furniture from boxes, stumps and ellipsoids, each piece one group of solids.

A piece stands at a `Spot` and faces the spot's local -z before it is turned; sizes in metres.
"""

import math
from dataclasses import dataclass

import numpy as np

from edge_mef.render.scene import Group, Solid
from edge_mef.render.shapes import Box, Ellipsoid, Frustum
from edge_mef.render.textures import Fabric, Plain, Rug, Texture, Wood
from edge_mef.render.vectors import Scalars, Triple, Vectors

WALNUT: Triple = (0.22, 0.11, 0.05)
OAK: Triple = (0.46, 0.29, 0.14)
WHITE: Triple = (0.78, 0.77, 0.73)


@dataclass(frozen=True)
class Spot:
    """A place on the floor: x, z, and a turn about the vertical in radians; `y` is its height."""

    x: float
    z: float
    yaw: float = 0.0
    y: float = 0.0

    def at(self, x: float, y: float, z: float) -> Triple:
        """Return the room coordinates of a local point."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        return (self.x + c * x + s * z, self.y + y, self.z - s * x + c * z)

    def box(
        self, center: Triple, half: Triple, texture: Texture, gloss: float = 0.0, turn: float = 0.0
    ) -> Solid:
        """Return a box given in local coordinates."""
        return Solid(Box(self.at(*center), half, self.yaw + turn), texture, gloss=gloss)

    def stump(
        self, foot: Triple, radii: tuple[float, float], height: float, texture: Texture
    ) -> Solid:
        """Return a cylinder or cone stump given in local coordinates."""
        return Solid(Frustum(self.at(*foot), radii[0], radii[1], height), texture)

    def ball(self, center: Triple, half: Triple, texture: Texture, gloss: float = 0.0) -> Solid:
        """Return an ellipsoid given in local coordinates."""
        return Solid(Ellipsoid(self.at(*center), half, self.yaw), texture, gloss=gloss)


def table(spot: Spot, half: tuple[float, float], height: float, colour: Triple) -> Group:
    """Return a table with a plank top, an apron and four tapered legs."""
    wood, leg = Wood(colour, offset=3), Wood(colour, upright=True, offset=5)
    x, z = half
    parts = [spot.box((0, height - 0.02, 0), (x, 0.02, z), wood, gloss=0.8)]
    parts.append(spot.box((0, height - 0.08, 0), (x - 0.06, 0.04, z - 0.06), wood))
    for sx in (-1, 1):
        for sz in (-1, 1):
            foot = (sx * (x - 0.07), 0.0, sz * (z - 0.07))
            parts.append(spot.stump(foot, (0.022, 0.035), height - 0.04, leg))
    return Group(tuple(parts))


def chair(spot: Spot, colour: Triple, seat: Triple) -> Group:
    """Return a chair with a cushion and a slatted back."""
    wood, cloth = Wood(colour, upright=True, offset=7), Fabric(seat, offset=2)
    parts = [
        spot.box((0, 0.44, 0), (0.22, 0.018, 0.22), Wood(colour, offset=8)),
        spot.ball((0, 0.465, 0), (0.205, 0.04, 0.205), cloth),
    ]
    for sx in (-0.2, 0.2):
        parts.append(spot.box((sx, 0.22, -0.2), (0.018, 0.22, 0.018), wood))
        parts.append(spot.box((sx, 0.47, 0.21), (0.018, 0.47, 0.018), wood))
    for height in (0.58, 0.69, 0.8, 0.91):
        parts.append(spot.box((0, height, 0.21), (0.2, 0.028, 0.01), Wood(colour, offset=9)))
    return Group(tuple(parts))


def sofa(spot: Spot, length: float, colour: Triple, pillows: tuple[Triple, ...]) -> Group:
    """Return a sofa with arms, seat and back cushions, and loose pillows."""
    cloth, half = Fabric(colour, offset=4), length / 2
    parts = [
        spot.box((0, 0.2, 0), (half, 0.12, 0.42), cloth),
        spot.box((0, 0.5, 0.34), (half, 0.34, 0.1), cloth),
    ]
    for side in (-1, 1):
        parts.append(spot.box((side * (half - 0.09), 0.36, -0.02), (0.09, 0.24, 0.42), cloth))
        parts.append(spot.ball((side * (half - 0.09), 0.6, -0.02), (0.11, 0.06, 0.43), cloth))
        for sz in (-0.34, 0.34):
            parts.append(spot.stump((side * (half - 0.1), 0, sz), (0.018, 0.03), 0.1, Wood(WALNUT)))
    count = max(1, round((length - 0.36) / 0.7))
    wide = (length - 0.36) / count / 2
    for index in range(count):
        x = -half + 0.18 + wide * (2 * index + 1)
        parts.append(spot.box((x, 0.38, -0.06), (wide - 0.008, 0.075, 0.36), cloth))
        parts.append(spot.ball((x, 0.45, -0.06), (wide * 0.98, 0.05, 0.36), cloth))
        parts.append(spot.ball((x, 0.66, 0.24), (wide * 0.97, 0.21, 0.12), cloth))
    for index, pillow in enumerate(pillows):
        x = (-1) ** index * (half - 0.42 - 0.34 * (index // 2))
        striped = Fabric(pillow, stripe=WHITE, period=0.09) if index % 2 else Fabric(pillow)
        parts.append(spot.ball((x, 0.62, 0.05), (0.21, 0.19, 0.09), striped))
    return Group(tuple(parts))


def bookshelf(
    spot: Spot, size: Triple, colour: Triple, rng: np.random.Generator, shelves: int = 5
) -> tuple[Group, ...]:
    """Return a bookshelf of (width, height, depth) and, group by group, its rows of books."""
    wide, high, deep = size[0] / 2, size[1], size[2] / 2
    wood, side = Wood(colour, offset=11), Wood(colour, upright=True, offset=12)
    case = [spot.box((0, high / 2, deep - 0.01), (wide, high / 2, 0.01), side)]
    for sx in (-1, 1):
        case.append(spot.box((sx * (wide - 0.015), high / 2, 0), (0.015, high / 2, deep), side))
    gap = (high - 0.08) / shelves
    groups = []
    for row in range(shelves + 1):
        level = 0.06 + row * gap
        case.append(spot.box((0, level - 0.012, 0), (wide - 0.03, 0.012, deep), wood))
        if row < shelves:
            groups.append(_books(spot, level, wide - 0.04, gap, deep, rng))
    return (Group(tuple(case)), *groups)


COVERS: tuple[Triple, ...] = (
    (0.42, 0.05, 0.04),
    (0.06, 0.13, 0.32),
    (0.05, 0.22, 0.13),
    (0.62, 0.42, 0.08),
    (0.55, 0.5, 0.4),
    (0.2, 0.06, 0.16),
    (0.06, 0.3, 0.34),
    (0.62, 0.2, 0.05),
    (0.1, 0.08, 0.07),
    (0.7, 0.66, 0.58),
)


@dataclass(frozen=True)
class Spine:
    """The back of a book: cover colour with title bands at fixed heights (metres from middle)."""

    cover: Triple
    band: Triple
    half: float

    def __call__(self, uv: Vectors, width: Scalars) -> Vectors:
        """Return the cover's albedo."""
        y = np.abs(uv[1]) / np.float32(self.half)
        bands = ((y > 0.72) & (y < 0.78)) | ((uv[1] > 0) & (y > 0.25) & (y < 0.55))
        cover = Plain(self.cover, mottle=0.25, scale=25)(uv, width)
        band = np.asarray(self.band, dtype=np.float32).reshape(3, 1)
        return np.where(bands, cover * 0.35 + band * 0.65, cover).astype(np.float32)


def _books(
    spot: Spot, level: float, wide: float, gap: float, deep: float, rng: np.random.Generator
) -> Group:
    """Return one shelf of books, upright with a few gaps and leaning piles."""
    parts, x = [], -wide
    while x < wide - 0.06:
        if rng.random() < 0.06:
            x += float(rng.uniform(0.06, 0.2))
            continue
        thick = float(rng.uniform(0.018, 0.052))
        high = float(rng.uniform(0.6, 0.92)) * (gap - 0.03)
        back = float(rng.uniform(0.0, 0.04))
        cover = COVERS[int(rng.integers(len(COVERS)))]
        shade = float(rng.uniform(0.6, 1.25))
        own = (cover[0] * shade, cover[1] * shade, cover[2] * shade)
        band = ((0.75, 0.6, 0.25), (0.8, 0.78, 0.7), (0.05, 0.05, 0.05))[int(rng.integers(3))]
        center = (x + thick / 2, level + high / 2, back - 0.02)
        texture = Spine(own, band, high / 2)
        parts.append(spot.box(center, (thick / 2 - 0.001, high / 2, deep - 0.06), texture))
        x += thick
    if not parts:
        parts.append(spot.box((0, level + 0.1, 0), (0.1, 0.1, 0.1), Plain(WHITE)))
    solid = spot.box((0, level + gap * 0.36, 0), (wide, gap * 0.36, deep - 0.06), Plain(WHITE))
    return Group(tuple(parts), stand_in=solid.shape)


def rug(spot: Spot, half: tuple[float, float], colours: tuple[Triple, Triple, Triple]) -> Group:
    """Return a rug of ground, figure and border colour."""
    texture = Rug(half, *colours)
    return Group((spot.box((0, 0.006, 0), (half[0], 0.006, half[1]), texture),))


def plant(spot: Spot, height: float, rng: np.random.Generator, pot: Triple) -> Group:
    """Return a potted plant whose leaves are thin, tilted ellipsoids."""
    parts = [
        spot.stump((0, 0, 0), (0.13, 0.18), 0.32, Plain(pot, mottle=0.1)),
        spot.stump((0, 0.28, 0), (0.015, 0.01), height - 0.45, Wood(WALNUT, upright=True)),
    ]
    for index in range(48):
        share = index / 47
        level = 0.4 + (height - 0.5) * share**0.8 + float(rng.uniform(-0.03, 0.03))
        angle = index * 2.4 + float(rng.uniform(-0.3, 0.3))
        reach = (0.3 - 0.2 * share) * float(rng.uniform(0.6, 1.15))
        leaf = Spot(*spot.at(0, 0, 0)[::2], yaw=angle)
        tone = float(rng.uniform(0.5, 1.3))
        green = Plain((0.055 * tone, 0.15 * tone, 0.045 * tone), mottle=0.4, scale=18)
        half = (float(rng.uniform(0.02, 0.05)), float(rng.uniform(0.02, 0.09)), reach * 0.5)
        parts.append(leaf.ball((0, level, reach * 0.5), half, green, gloss=0.5))
    return Group(tuple(parts))


def vase(spot: Spot, colour: Triple, rng: np.random.Generator, bloom: Triple) -> Group:
    """Return a vase of flowers."""
    parts = [
        spot.ball((0, 0.1, 0), (0.075, 0.1, 0.075), Plain(colour, mottle=0.05), gloss=1.0),
        spot.stump((0, 0.15, 0), (0.04, 0.055), 0.08, Plain(colour, mottle=0.05)),
    ]
    for _ in range(16):
        angle, spread = float(rng.uniform(0, 6.28)), float(rng.uniform(0.0, 0.17))
        x, z = spread * math.cos(angle), spread * math.sin(angle)
        y, size = (
            0.42 - spread * 0.7 + float(rng.uniform(-0.03, 0.05)),
            float(rng.uniform(0.03, 0.05)),
        )
        tone = float(rng.uniform(0.7, 1.2))
        petal = Plain((bloom[0] * tone, bloom[1] * tone, bloom[2] * tone), mottle=0.6, scale=60)
        parts.append(spot.ball((x, y, z), (size, size * 0.75, size), petal))
        leaf = Plain((0.06, 0.16, 0.04), mottle=0.4, scale=30)
        parts.append(spot.ball((x * 0.8, y - 0.08, z * 0.8), (0.03, 0.045, 0.012), leaf))
    return Group(tuple(parts))


def fruit_bowl(spot: Spot, rng: np.random.Generator) -> Group:
    """Return a shallow bowl with oranges, apples and a lemon."""
    parts = [spot.stump((0, 0, 0), (0.07, 0.17), 0.075, Plain((0.16, 0.28, 0.36), 0.05))]
    colours = ((0.75, 0.28, 0.03), (0.5, 0.05, 0.03), (0.75, 0.58, 0.06), (0.28, 0.4, 0.05))
    for index in range(7):
        turn, out = index * 1.05, 0.095 if index < 6 else 0.0
        place = (out * math.cos(turn), 0.1 if index < 6 else 0.15, out * math.sin(turn))
        peel = Plain(colours[int(rng.integers(4))], mottle=0.2, scale=40)
        parts.append(spot.ball(place, (0.045, 0.043, 0.045), peel, gloss=0.6))
    return Group(tuple(parts))


def book_pile(spot: Spot, rng: np.random.Generator) -> Group:
    """Return three books lying on each other, each turned a little."""
    parts, level = [], 0.0
    for index in range(3):
        half = (0.13 - 0.015 * index, 0.013 + 0.004 * float(rng.random()), 0.095 - 0.01 * index)
        cover = COVERS[int(rng.integers(5))]
        turn, place = float(rng.uniform(-0.3, 0.3)), (0.0, level + half[1], 0.0)
        parts.append(spot.box(place, half, Plain(cover, mottle=0.2, scale=25), 0.4, turn))
        inner = (half[0] + 0.001, half[1] * 0.75, half[2] + 0.001)
        parts.append(spot.box(place, inner, Plain((0.7, 0.66, 0.55), mottle=0.1), 0.0, turn))
        level += 2 * half[1]
    return Group(tuple(parts))


def lamp(spot: Spot, height: float, shade: Triple, level: float) -> Group:
    """Return a standard lamp whose shade glows with `level` cd/m2."""
    metal = Plain((0.12, 0.1, 0.08), mottle=0.05)
    colour = (level, level * 0.72, level * 0.4)
    glowing = Solid(
        Frustum(spot.at(0, height - 0.32, 0), 0.22, 0.14, 0.32),
        Fabric(shade),
        emission=Plain(colour, mottle=0.08) if level > 0 else None,
    )
    return Group(
        (
            spot.stump((0, 0, 0), (0.15, 0.14), 0.025, metal),
            spot.stump((0, 0.02, 0), (0.013, 0.013), height - 0.3, metal),
            glowing,
        )
    )


def framed_picture(
    center: Triple, half: tuple[float, float], facing: str, canvas: Texture
) -> Group:
    """Return a picture on a wall; `facing` is 'x' or 'z', the axis that its canvas looks along."""
    wide, high = half
    thin = 0.018
    along = (thin, high, wide) if facing == "x" else (wide, high, thin)
    parts = [Solid(Box(center, along), canvas)]
    for sign in (-1, 1):
        for shift, size in (
            ((0.0, sign * (high + 0.015)), (wide + 0.03, 0.015)),
            ((sign * (wide + 0.015), 0.0), (0.015, high + 0.03)),
        ):
            if facing == "x":
                place = (center[0], center[1] + shift[1], center[2] + shift[0])
                box = Box(place, (thin + 0.012, size[1], size[0]))
            else:
                place = (center[0] + shift[0], center[1] + shift[1], center[2])
                box = Box(place, (size[0], size[1], thin + 0.012))
            parts.append(Solid(box, Wood(WALNUT)))
    return Group(tuple(parts))
