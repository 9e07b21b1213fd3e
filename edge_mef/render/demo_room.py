"""The demonstration scene: a living room lit through two windows, sunny hills outside."""

import numpy as np
from numpy.typing import NDArray

from edge_mef.render import furniture
from edge_mef.render.furniture import OAK, WALNUT, Spot
from edge_mef.render.landscape import Landscape, Range
from edge_mef.render.renderer import render
from edge_mef.render.scene import Eye, Group, Lamp, Scene, Sun
from edge_mef.render.sky import Sky
from edge_mef.render.textures import Painting, Plain, Planks
from edge_mef.render.trees import Tree
from edge_mef.render.walls import Room, Window


def window_lit_room(height: int, width: int) -> NDArray[np.float32]:
    """Return the demonstration scene as (height, width, 3) linear radiance in cd/m2."""
    room = _room()
    sun = Sun.at(-84, 36, (88000.0, 80000.0, 68000.0))
    scene = Scene(
        groups=(*room.groups(), *_furniture()),
        surroundings=_landscape(sun),
        eye=Eye((0.75, 1.42, 0.12), heading=-5.0, field=68.0, shift=-0.035),
        sun=sun,
        openings=room.openings(),
        lamps=_lamps(),
        center=(0.2, 1.3, 2.4),
    )
    return render(scene, height, width)


def _room() -> Room:
    paint = Plain((0.56, 0.55, 0.47), mottle=0.05, scale=2.0)
    accent = Plain((0.24, 0.36, 0.36), mottle=0.06, scale=2.0)
    return Room(
        width=6.0,
        depth=5.4,
        height=2.75,
        floor=Planks((0.42, 0.25, 0.12)),
        ceiling=Plain((0.74, 0.73, 0.7), mottle=0.03),
        walls={"far": accent, "left": paint, "right": paint, "near": paint},
        windows=(
            Window("far", -2.3, 0.25, 0.82, 2.3, (3, 2), curtain=(0.62, 0.55, 0.42)),
            Window("left", 1.5, 3.3, 0.82, 2.3, (2, 2)),
        ),
    )


def _furniture() -> tuple[Group, ...]:
    rng = np.random.default_rng(17)
    return (
        *furniture.bookshelf(Spot(1.75, 5.2), (1.35, 2.15, 0.32), OAK, rng),
        furniture.rug(Spot(0.1, 2.75), (1.35, 0.95), ((0.36, 0.06, 0.05), (0.58, 0.42, 0.22), (0.06, 0.1, 0.2))),
        furniture.table(Spot(0.25, 2.75), (0.55, 0.32), 0.42, WALNUT),
        furniture.vase(Spot(0.1, 2.78, y=0.42), (0.12, 0.3, 0.42), rng, (0.75, 0.32, 0.08)),
        furniture.sofa(Spot(2.45, 2.9, yaw=1.5708), 2.1, (0.16, 0.25, 0.3), ((0.66, 0.32, 0.06), (0.5, 0.09, 0.07), (0.6, 0.55, 0.4))),
        furniture.table(Spot(-1.75, 4.45), (0.75, 0.42), 0.75, OAK),
        furniture.chair(Spot(-1.55, 3.85, yaw=3.3), WALNUT, (0.5, 0.12, 0.07)),
        furniture.plant(Spot(-2.62, 3.75), 1.35, rng, (0.55, 0.24, 0.13)),
        furniture.lamp(Spot(2.7, 4.55), 1.62, (0.75, 0.68, 0.5), 420.0),
        furniture.framed_picture((2.97, 1.62, 2.9), (0.55, 0.38), "x", Painting((0.55, 0.38))),
        furniture.framed_picture((0.72, 1.6, 5.37), (0.2, 0.27), "z", Painting((0.2, 0.27), 5)),
    )


def _lamps() -> tuple[Lamp, ...]:
    warm = (70.0, 48.0, 26.0)
    return (Lamp((2.7, 1.24, 4.55), 0.06, warm), Lamp((2.7, 1.68, 4.55), 0.06, warm))


def _landscape(sun: Sun) -> Landscape:
    rng = np.random.default_rng(4)
    trees = []
    for index in range(13):
        x, z = float(rng.uniform(-75, 22)), float(rng.uniform(45, 120))
        high = float(rng.uniform(6, 10))
        green = (0.07 + 0.06 * float(rng.random()), 0.15 + 0.05 * float(rng.random()), 0.035)
        trees.append(Tree(x, z, high, high * 0.42, green, offset=index))
    for index, (x, z, high) in enumerate(((-16.5, 34.0, 8.5), (-3.4, 55.0, 9.0))):
        trees.append(Tree(x, z, high, high * 0.4, (0.1, 0.18, 0.04), offset=60 + index))
    return Landscape(
        sky=Sky(towards=sun.towards, cover=0.48, disc=False, offset=12),
        sun=sun,
        ranges=(
            Range(14.0, -0.02, 0.3, (0.3, 0.32, 0.36), 2.2, 6, snow=0.15, offset=3),
            Range(5.0, -0.03, 0.17, (0.1, 0.15, 0.07), 2.6, 5, offset=8),
            Range(1.6, -0.03, 0.085, (0.12, 0.2, 0.05), 3.1, 4, offset=15),
        ),
        trees=tuple(trees),
        ground=-2.2,
        water=True,
    )
