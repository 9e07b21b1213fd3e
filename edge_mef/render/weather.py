"""Random surroundings: time of day, sky, sun and country, from bright noon to night."""

from dataclasses import dataclass, replace

import numpy as np

from edge_mef.render.landscape import Landscape, Range
from edge_mef.render.scene import Sun
from edge_mef.render.sky import Sky
from edge_mef.render.trees import Tree
from edge_mef.render.vectors import Triple


@dataclass(frozen=True)
class Daylight:
    """One kind of light: sun elevation range in degrees and colours in cd/m2 (sun: lx)."""

    elevation: tuple[float, float]
    sun: Triple
    zenith: Triple
    horizon: Triple
    cloud_light: Triple
    cloud_dark: Triple
    glow: Triple


DAYLIGHTS: dict[str, Daylight] = {
    "noon": Daylight(
        (32, 60),
        (90000, 83000, 72000),
        (900, 2000, 4700),
        (5200, 6300, 7400),
        (13000, 12600, 12000),
        (4300, 4700, 5400),
        (9000, 8200, 7000),
    ),
    "golden": Daylight(
        (6, 18),
        (42000, 27000, 12500),
        (700, 1300, 2600),
        (5200, 3600, 2200),
        (8600, 5400, 3000),
        (1500, 1450, 1700),
        (22000, 12500, 5000),
    ),
    "overcast": Daylight(
        (25, 50),
        (1500, 1500, 1500),
        (2400, 2800, 3300),
        (3600, 3800, 4000),
        (4400, 4500, 4600),
        (1700, 1850, 2100),
        (300, 300, 300),
    ),
    "dusk": Daylight(
        (2, 5),
        (160, 80, 40),
        (14, 28, 75),
        (120, 75, 60),
        (150, 80, 60),
        (18, 22, 40),
        (260, 120, 45),
    ),
    "night": Daylight(
        (25, 45),
        (0.12, 0.15, 0.2),
        (0.02, 0.035, 0.09),
        (0.25, 0.22, 0.2),
        (0.35, 0.3, 0.26),
        (0.06, 0.06, 0.08),
        (0.01, 0.01, 0.01),
    ),
}


def scaled(colour: Triple, factor: float) -> Triple:
    """Return the colour times a factor."""
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def random_landscape(
    rng: np.random.Generator, kind: str, azimuth: float, ground: float
) -> Landscape:
    """Return surroundings lit in the way of `kind` (a key of `DAYLIGHTS`).

    `azimuth` is where the sun stands in degrees from straight ahead, `ground` the level of the
    ground in metres.
    """
    light = DAYLIGHTS[kind]
    sun = Sun.at(azimuth, float(rng.uniform(*light.elevation)), light.sun)
    cover = 0.95 if kind == "overcast" else float(rng.choice([0.0, rng.uniform(0.2, 0.75)]))
    sky = Sky(
        zenith=scaled(light.zenith, float(rng.uniform(0.8, 1.2))),
        horizon=light.horizon,
        cloud_light=light.cloud_light,
        cloud_dark=light.cloud_dark,
        glow_colour=light.glow,
        towards=sun.towards,
        cover=cover,
        disc=kind in ("noon", "golden"),
        stars=30.0 if kind == "night" else 0.0,
        offset=int(rng.integers(1000)),
    )
    mean = np.mean([light.zenith, light.horizon, light.cloud_dark], axis=0) * np.pi * 0.9
    warm, bright = float(rng.uniform(0.7, 1.8)), float(rng.uniform(0.7, 1.6))
    land = Landscape(
        sky=sky,
        sun=sun,
        ambient=(float(mean[0]), float(mean[1]), float(mean[2])),
        grass=((0.09 * warm, 0.15, 0.035), scaled((0.24 * warm, 0.25, 0.08), bright)),
        ground=ground,
        haze=float(rng.uniform(3, 15)),
        path=bool(rng.random() < 0.6),
        water=bool(rng.random() < 0.4),
        offset=int(rng.integers(1000)),
    )
    return replace(land, ranges=_ranges(rng), trees=_trees(rng))


def _ranges(rng: np.random.Generator) -> tuple[Range, ...]:
    chains = []
    for index in range(int(rng.integers(1, 5))):
        near = 1.2 * 2.2**index
        green = float(rng.uniform(0.6, 1.4))
        chains.append(
            Range(
                distance=near,
                base=-0.03,
                height=float(rng.uniform(0.05, 0.1)) * (1 + index * 0.8),
                colour=scaled((0.12, 0.17, 0.07) if index < 2 else (0.26, 0.27, 0.29), green),
                frequency=float(rng.uniform(1.8, 4.0)),
                rough=int(rng.integers(3, 7)),
                snow=float(rng.choice([9.0, 0.14])) if index > 1 else 9.0,
                offset=int(rng.integers(1000)),
            )
        )
    return tuple(reversed(chains))


def _trees(rng: np.random.Generator) -> tuple[Tree, ...]:
    trees, autumn, pointed = [], float(rng.random() < 0.25), float(rng.choice([0.0, 0.3, 1.0]))
    for _ in range(int(rng.integers(0, 14))):
        z = float(rng.uniform(22, 110))
        high = float(rng.uniform(5, 13))
        conifer = bool(rng.random() < pointed)
        red = 0.06 + 0.06 * float(rng.random()) + autumn * float(rng.uniform(0.1, 0.4))
        green = 0.12 + 0.08 * float(rng.random())
        trees.append(
            Tree(
                x=float(rng.uniform(-0.9, 0.9)) * z,
                z=z,
                height=high,
                radius=high * (0.24 if conifer else 0.42),
                colour=(red * (0.5 if conifer else 1), green, 0.035),
                pointed=conifer,
                offset=int(rng.integers(1000)),
            )
        )
    return tuple(trees)
