"""The demonstration scene: a living room lit through two windows, sunny hills outside."""

import numpy as np
from numpy.typing import NDArray

from edge_mef.render import furniture
from edge_mef.render.furniture import OAK, WALNUT, Spot
from edge_mef.render.landscape import Landscape, Range
from edge_mef.render.renderer import render
from edge_mef.render.scene import Eye, Group, Lamp, Scene, Sun
from edge_mef.render.sky import Sky
from edge_mef.render.textures import Painting, Plain, Planks, Wallpaper
from edge_mef.render.trees import Tree
from edge_mef.render.walls import Room, Window


def window_lit_room(height: int, width: int) -> NDArray[np.float32]:
    """Return the demonstration scene as (height, width, 3) linear radiance in cd/m2."""
    room = _room()
    sun = Sun.at(-93, 35, (82000.0, 76000.0, 67000.0))
    scene = Scene(
        groups=(*room.groups(), *_furniture()),
        surroundings=_landscape(sun),
        eye=Eye((0.6, 1.4, 0.12), heading=-2.0, field=68.0, shift=-0.045),
        sun=sun,
        openings=room.openings(),
        lamps=_lamps(),
        center=(0.2, 1.3, 2.8),
    )
    return render(scene, height, width)


def _room() -> Room:
    paint = Plain((0.5, 0.49, 0.44), mottle=0.05, scale=2.0)
    accent = Wallpaper((0.17, 0.275, 0.285), (0.135, 0.23, 0.245), period=0.16)
    return Room(
        width=6.0,
        depth=6.2,
        height=2.75,
        floor=Planks((0.34, 0.19, 0.09)),
        ceiling=Plain((0.7, 0.7, 0.68), mottle=0.03),
        walls={"far": accent, "left": paint, "right": paint, "near": paint},
        windows=(
            Window("far", -2.25, 0.3, 0.8, 2.28, (3, 2), curtain=(0.58, 0.52, 0.4)),
            Window("left", 3.0, 4.05, 0.8, 2.28, (2, 2)),
        ),
    )


def _furniture() -> tuple[Group, ...]:
    rng = np.random.default_rng(17)
    red, sand, navy = (0.34, 0.055, 0.045), (0.55, 0.4, 0.22), (0.05, 0.085, 0.17)
    pillows = ((0.66, 0.32, 0.06), (0.5, 0.09, 0.07), (0.6, 0.55, 0.4))
    return (
        *furniture.bookshelf(Spot(1.85, 6.0), (1.35, 2.15, 0.32), OAK, rng),
        furniture.rug(Spot(0.1, 3.35), (1.45, 1.0), (red, sand, navy)),
        furniture.table(Spot(0.3, 3.3), (0.55, 0.32), 0.42, WALNUT),
        furniture.vase(Spot(0.12, 3.36, y=0.42), (0.12, 0.3, 0.42), rng, (0.75, 0.32, 0.08)),
        furniture.fruit_bowl(Spot(0.55, 3.22, y=0.42), rng),
        furniture.sofa(Spot(2.4, 3.75, yaw=1.5708), 2.1, (0.13, 0.22, 0.27), pillows),
        furniture.table(Spot(-1.8, 5.2), (0.75, 0.42), 0.75, OAK),
        furniture.book_pile(Spot(-1.45, 5.1, yaw=0.4, y=0.75), rng),
        furniture.chair(Spot(-1.6, 4.55, yaw=3.3), WALNUT, (0.5, 0.12, 0.07)),
        furniture.plant(Spot(-2.6, 4.5), 1.4, rng, (0.55, 0.24, 0.13)),
        furniture.lamp(Spot(2.7, 5.25), 1.62, (0.75, 0.68, 0.5), 420.0),
        furniture.framed_picture((2.97, 1.6, 4.3), (0.6, 0.4), "x", Painting((0.6, 0.4))),
        furniture.framed_picture((0.95, 1.6, 6.17), (0.17, 0.24), "z", Painting((0.17, 0.24), 5)),
    )


def _lamps() -> tuple[Lamp, ...]:
    warm = (60.0, 42.0, 23.0)
    return (Lamp((2.7, 1.24, 5.25), 0.06, warm), Lamp((2.7, 1.68, 5.25), 0.06, warm))


def _landscape(sun: Sun) -> Landscape:
    return Landscape(
        sky=Sky(towards=sun.towards, cover=0.5, disc=False, offset=12),
        sun=sun,
        ranges=(
            Range(15.0, -0.03, 0.2, (0.15, 0.16, 0.19), 6.0, 7, snow=0.1, offset=31),
            Range(6.0, -0.03, 0.15, (0.08, 0.12, 0.055), 2.6, 5, offset=8),
            Range(1.6, -0.03, 0.08, (0.09, 0.15, 0.04), 3.1, 4, offset=15),
        ),
        trees=_trees(),
        grass=((0.06, 0.11, 0.02), (0.16, 0.2, 0.05)),
        ground=-2.2,
        haze=16.0,
        water=True,
    )


def _trees() -> tuple[Tree, ...]:
    """Return a grove in the middle distance and two trees close to the house."""
    rng = np.random.default_rng(4)
    trees = []
    for index in range(22):
        x, z = float(rng.uniform(-95, 35)), float(rng.uniform(70, 170))
        high = float(rng.uniform(6, 11))
        green = (0.045 + 0.05 * float(rng.random()), 0.085 + 0.05 * float(rng.random()), 0.022)
        trees.append(Tree(x, z, high, high * 0.44, green, offset=index))
    near = (0.055, 0.1, 0.022)
    trees.append(Tree(-16.6, 42.0, 8.5, 3.6, near, offset=61))
    trees.append(Tree(0.4, 66.0, 9.5, 4.2, near, offset=65))
    trees.append(Tree(-21.0, 75.0, 11.0, 2.6, (0.03, 0.07, 0.025), pointed=True, offset=66))
    return tuple(trees)
