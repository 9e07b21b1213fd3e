"""Random rooms: shape, windows, colours, materials, furniture and light, all from one seed."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge_mef.render import furniture
from edge_mef.render.furniture import OAK, WALNUT, WHITE, Spot
from edge_mef.render.renderer import render
from edge_mef.render.scene import Eye, Group, Lamp, Scene
from edge_mef.render.textures import Painting, Plain, Planks, Texture, Tiles, Wallpaper
from edge_mef.render.vectors import Triple
from edge_mef.render.walls import Room, Window
from edge_mef.render.weather import random_landscape, scaled

Generator = np.random.Generator


def render_room(seed: int, height: int, width: int) -> NDArray[np.float32]:
    """Return a random furnished room as (height, width, 3) linear radiance in cd/m2."""
    return render(random_room(seed), height, width)


def random_room(seed: int) -> Scene:
    """Return the random room of a seed."""
    rng = np.random.Generator(np.random.PCG64(seed))
    kinds = ["noon", "golden", "overcast", "dusk", "night"]
    kind = str(rng.choice(kinds, p=[0.42, 0.2, 0.2, 0.1, 0.08]))
    room = _shell(rng)
    x = float(rng.uniform(-0.25, 0.25)) * room.width
    land = random_landscape(rng, kind, float(rng.uniform(-100, 100)), float(rng.uniform(-9, -0.6)))
    dark = kind in ("dusk", "night")
    pieces, lamps = _furnish(rng, room, lamps_on=dark or bool(rng.random() < 0.3))
    eye = Eye(
        (x, float(rng.uniform(1.1, 1.65)), 0.1),
        heading=-x * 6 + float(rng.uniform(-12, 12)),
        field=float(rng.uniform(56, 80)),
        shift=float(rng.uniform(-0.08, 0.05)),
    )
    return Scene(
        groups=(*room.groups(), *pieces),
        surroundings=land,
        eye=eye,
        sun=land.sun,
        openings=room.openings(),
        lamps=lamps,
        center=(0.0, room.height * 0.5, room.depth * 0.45),
    )


def random_colour(rng: Generator, low: float = 0.05, high: float = 0.7) -> Triple:
    """Return a colour of random hue, saturation and lightness (linear albedo)."""
    hue, saturation = float(rng.random()) * 6, float(rng.random()) ** 1.3
    light = float(rng.uniform(low, high))
    parts = [abs((hue + shift) % 6 - 3) - 1 for shift in (0, 4, 2)]
    pure = [min(max(part, 0.0), 1.0) for part in parts]
    r, g, b = (light * (1 - saturation + saturation * part) for part in pure)
    return (r, g, b)


def _wall_texture(rng: Generator) -> Texture:
    pale, full = random_colour(rng, 0.45, 0.8), random_colour(rng, 0.15, 0.6)
    share = 0.75 * float(rng.random()) ** 1.5
    grey = pale[0] * 0.3 + pale[1] * 0.6 + pale[2] * 0.1
    colour = (
        grey + (full[0] - grey) * share,
        grey + (full[1] - grey) * share,
        grey + (full[2] - grey) * share,
    )
    kind = int(rng.integers(6))
    if kind == 0:
        return Wallpaper(
            colour, scaled(colour, float(rng.uniform(0.6, 0.9))), float(rng.uniform(0.12, 0.4))
        )
    if kind == 1:
        return Tiles(
            (0.36, 0.14, 0.08),
            (0.5, 0.24, 0.15),
            (0.24, 0.08),
            0.012,
            stagger=0.5,
            checker=False,
            offset=int(rng.integers(99)),
        )
    return Plain(colour, mottle=float(rng.uniform(0.03, 0.2)), scale=float(rng.uniform(1, 6)))


def _floor_texture(rng: Generator) -> Texture:
    if rng.random() < 0.6:
        wood = scaled((0.44, 0.27, 0.13), float(rng.uniform(0.35, 1.3)))
        return Planks(wood, float(rng.uniform(0.08, 0.22)), offset=int(rng.integers(99)))
    size = float(rng.uniform(0.25, 0.6))
    first, second = random_colour(rng, 0.4, 0.75), random_colour(rng, 0.05, 0.5)
    return Tiles(first, second, (size, size), checker=bool(rng.random() < 0.6))


def _windows(rng: Generator, width: float, depth: float) -> tuple[Window, ...]:
    top, sill = float(rng.uniform(2.05, 2.4)), float(rng.choice([0.08, rng.uniform(0.5, 1.1)]))
    panes = (int(rng.integers(1, 5)), int(rng.integers(1, 4)))
    curtain = random_colour(rng, 0.15, 0.7) if rng.random() < 0.5 else None
    frame = WHITE if rng.random() < 0.7 else scaled(WALNUT, float(rng.uniform(0.3, 1.2)))
    windows = []
    count = int(rng.integers(1, 3))
    bay = (width - 0.6) / count
    for index in range(count):
        wide = float(rng.uniform(0.45, 0.85)) * bay
        start = -width / 2 + 0.3 + bay * index + float(rng.uniform(0, bay - wide))
        windows.append(Window("far", start, start + wide, sill, top, panes, frame, curtain))
    if rng.random() < 0.55:
        start = float(rng.uniform(0.8, depth - 2.2))
        end = start + float(rng.uniform(0.8, 1.7))
        side = "left" if rng.random() < 0.5 else "right"
        windows.append(Window(side, start, end, sill, top, (2, panes[1]), frame))
    return tuple(windows)


def _shell(rng: Generator) -> Room:
    width, depth = float(rng.uniform(3.6, 7.5)), float(rng.uniform(3.8, 7.5))
    main = _wall_texture(rng)
    far = _wall_texture(rng) if rng.random() < 0.4 else main
    return Room(
        width=width,
        depth=depth,
        height=float(rng.uniform(2.5, 3.2)),
        floor=_floor_texture(rng),
        ceiling=Plain(scaled(WHITE, float(rng.uniform(0.6, 1.0))), mottle=0.04),
        walls={"far": far, "left": main, "right": main, "near": main},
        windows=_windows(rng, width, depth),
        floor_gloss=float(rng.choice([0.0, rng.uniform(0.2, 1.0)])),
        skirting=scaled(WHITE, float(rng.uniform(0.3, 1.0))),
    )


Piece = Callable[[Spot], tuple[Group, ...]]


def _pieces(rng: Generator) -> list[tuple[float, Piece]]:
    """Return the furniture to choose from, with the radius each needs."""
    colour = random_colour(rng, 0.08, 0.6)
    wood = scaled(OAK if rng.random() < 0.5 else WALNUT, float(rng.uniform(0.5, 1.3)))
    trio = (random_colour(rng), random_colour(rng), random_colour(rng))
    return [
        (1.0, lambda s: (furniture.sofa(s, 1.9, colour, trio),)),
        (0.75, lambda s: (furniture.table(s, (0.7, 0.4), 0.74, wood),)),
        (
            0.7,
            lambda s: (
                furniture.table(s, (0.5, 0.3), 0.42, wood),
                furniture.vase(Spot(s.x, s.z, y=0.42), trio[0], rng, trio[1]),
            ),
        ),
        (0.35, lambda s: (furniture.chair(s, wood, trio[2]),)),
        (0.35, lambda s: (furniture.chair(s, wood, trio[2]),)),
        (0.4, lambda s: (furniture.plant(s, float(rng.uniform(0.9, 1.6)), rng, trio[2]),)),
        (0.5, lambda s: (furniture.sofa(s, 0.95, trio[1], trio[:1]),)),
    ]


def _furnish(
    rng: Generator, room: Room, *, lamps_on: bool
) -> tuple[tuple[Group, ...], tuple[Lamp, ...]]:
    groups: list[Group] = []
    taken: list[tuple[float, float, float]] = []
    for radius, piece in _pieces(rng):
        if rng.random() < 0.25:
            continue
        for _ in range(6):
            x = float(rng.uniform(-1, 1)) * (room.width / 2 - radius)
            z = float(rng.uniform(1.7, max(room.depth - radius, 1.8)))
            if all(math.hypot(x - a, z - b) > radius + r for a, b, r in taken):
                turn = float(rng.choice([0.0, 1.5708, -1.5708, rng.uniform(-3, 3)]))
                groups.extend(piece(Spot(x, z, turn)))
                taken.append((x, z, radius))
                break
    groups.extend(_along_the_walls(rng, room))
    lamp_groups, lamps = _lamp(rng, room, lamps_on)
    return (*groups, *lamp_groups), lamps


def _along_the_walls(rng: Generator, room: Room) -> list[Group]:
    groups: list[Group] = []
    side = "left" if rng.random() < 0.5 else "right"
    sign = -1 if side == "left" else 1
    free = all(w.wall != side for w in room.windows)
    if free and rng.random() < 0.7:
        z = float(rng.uniform(2.0, room.depth - 0.9))
        spot = Spot(sign * (room.width / 2 - 0.2), z, yaw=sign * 1.5708)
        high = float(rng.uniform(1.2, 2.2))
        groups.extend(
            furniture.bookshelf(
                spot, (float(rng.uniform(0.9, 1.6)), high, 0.32), WALNUT, rng, int(high / 0.38)
            )
        )
    elif free:
        half = (float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.25, 0.5)))
        canvas = Painting(half, int(rng.integers(99)), random_colour(rng), random_colour(rng))
        place = (sign * (room.width / 2 - 0.02), 1.6, float(rng.uniform(2.0, room.depth - 1)))
        groups.append(furniture.framed_picture(place, half, "x", canvas))
    if rng.random() < 0.7:
        half = (float(rng.uniform(0.8, 1.4)), float(rng.uniform(0.6, 1.0)))
        colours = (random_colour(rng), random_colour(rng), random_colour(rng))
        spot = Spot(float(rng.uniform(-0.6, 0.6)), float(rng.uniform(2.2, 3.4)))
        groups.append(furniture.rug(spot, half, colours))
    return groups


def _lamp(rng: Generator, room: Room, lit: bool) -> tuple[tuple[Group, ...], tuple[Lamp, ...]]:
    sign = float(rng.choice([-1.0, 1.0]))
    x, z = sign * (room.width / 2 - 0.4), float(rng.uniform(2.4, room.depth - 0.4))
    level = float(rng.uniform(300, 2500)) if lit else 0.0
    group = furniture.lamp(Spot(x, z), 1.6, random_colour(rng, 0.4, 0.75), level)
    if not lit:
        return (group,), ()
    power = scaled((1.0, 0.7, 0.38), level * 0.16)
    return (group,), (Lamp((x, 1.2, z), 0.06, power), Lamp((x, 1.66, z), 0.06, power))
