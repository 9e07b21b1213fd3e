"""The country outside: sky, ranges of hills in the haze, meadows, a path, water, trees."""

from dataclasses import dataclass

import numpy as np

from edge_mef.render.noise import cell_noise, fractal_noise
from edge_mef.render.scene import Sun
from edge_mef.render.sky import Sky
from edge_mef.render.trees import Tree, paint_tree
from edge_mef.render.vectors import Scalars, Triple, Vectors, column, luminance, mix, smoothstep


@dataclass(frozen=True)
class Range:
    """A chain of hills at a distance in km; heights are tangents of the elevation angle."""

    distance: float
    base: float
    height: float
    colour: Triple
    frequency: float = 3.0
    rough: int = 5
    snow: float = 9.0
    offset: int = 0


@dataclass(frozen=True)
class Landscape:
    """Surroundings of a room or a street.

    `ground` is the level of the meadow in metres, `ambient` the irradiance of the sky on the
    ground (RGB), `haze` the distance in km at which two thirds of a colour are lost.
    """

    sky: Sky
    sun: Sun
    ambient: Triple = (14000.0, 17000.0, 22000.0)
    ranges: tuple[Range, ...] = ()
    trees: tuple[Tree, ...] = ()
    grass: tuple[Triple, Triple] = ((0.10, 0.17, 0.035), (0.26, 0.27, 0.08))
    ground: float = 0.0
    haze: float = 6.0
    path: bool = True
    water: bool = False
    paved: bool = False
    offset: int = 0

    def glow(self, directions: Vectors) -> Vectors:
        """Return the smooth sky above the horizon and the mean meadow below it."""
        sky = self.sky.gradient(directions)
        veil = column(self.sky.cloud_light) * 0.45 + column(self.sky.cloud_dark) * 0.55
        sky = sky + (veil - sky) * np.float32(0.8 * self.sky.cover)
        mean = 0.5 * (column(self.grass[0]) + column(self.grass[1]))
        # Half way to grey: soil, paths and house walls below a window bleach the green.
        mean = 0.5 * (mean + luminance(mean))
        meadow = mean / np.float32(np.pi) * self._light_on_ground()
        return mix(meadow, sky, smoothstep(-0.02, 0.06, directions[1]))

    def _light_on_ground(self) -> Vectors:
        rise = max(self.sun.towards[1], 0.0)
        return column(self.sun.irradiance) * np.float32(rise) + column(self.ambient)

    def radiance(self, origin: Vectors, directions: Vectors, angle: float) -> Vectors:
        """Return (3, N) radiance in cd/m2 for rays from one origin (3, 1) or many (3, N)."""
        if origin.shape[1] != 1:
            origin = origin.mean(axis=1, keepdims=True)
        out = np.zeros_like(directions)
        slope = directions[1] / np.maximum(np.hypot(directions[0], directions[2]), 1e-6)
        above = np.flatnonzero(slope > -0.01)
        out[:, above] = self.sky.radiance(directions[:, above], angle)
        for chain in self.ranges:
            self._paint_range(chain, directions, slope, angle, out)
        below = np.flatnonzero(slope < -0.002)
        if below.size:
            out[:, below] = self._ground(origin, directions[:, below], slope[below], angle)
        self._paint_trees(origin, directions, angle, out)
        return out

    def _hazy(self, colour: Vectors, kilometres: Scalars | float) -> Vectors:
        veil = column(self.sky.horizon) * np.float32(0.8)
        share = 1 - np.exp(-np.asarray(kilometres, np.float32) / np.float32(self.haze))
        return mix(colour, veil, share)

    def _paint_range(
        self, chain: Range, directions: Vectors, slope: Scalars, angle: float, out: Vectors
    ) -> None:
        azimuth = np.arctan2(directions[0], directions[2])
        across = azimuth * np.float32(chain.frequency)
        crest = fractal_noise(
            across,
            np.zeros_like(across),
            octaves=chain.rough,
            offset=chain.offset,
            width=angle * chain.frequency,
        )
        top = np.float32(chain.base) + np.float32(chain.height) * crest
        rays = np.flatnonzero((slope < top) & (slope > -0.02))
        if not rays.size:
            return
        u, v = across[rays] * 3, slope[rays] * np.float32(chain.frequency * 9)
        w = angle * chain.frequency * 3
        folds = fractal_noise(u + v, v * 1.5, octaves=5, width=w, offset=chain.offset + 20)
        step = np.float32(0.05 * (1 if self.sun.towards[0] > 0 else -1))
        beside = fractal_noise(u + v + step, v * 1.5, octaves=5, width=w, offset=chain.offset + 20)
        relief = np.float32(0.55) + (folds - beside) * 3 + (folds - np.float32(0.5)) * 0.5
        light = column(self.sun.irradiance) * np.clip(relief, 0.04, 1.2) + column(self.ambient)
        woods = fractal_noise(u * 9, v * 9, octaves=3, width=w * 9, offset=chain.offset + 40)
        patches = smoothstep(0.45, 0.55, fractal_noise(u * 1.4, v * 3, octaves=3))
        albedo = column(chain.colour) * (np.float32(0.55) + np.float32(0.9) * woods)
        albedo = mix(albedo, albedo * column((1.7, 1.35, 1.1)), patches)
        white = smoothstep(chain.snow, chain.snow + 0.02, slope[rays] + (folds - 0.5) * 0.06)
        albedo = mix(albedo, column((0.8, 0.82, 0.85)), white)
        colour = albedo / np.float32(np.pi) * light
        out[:, rays] = self._hazy(colour, chain.distance)

    def _ground(
        self, origin: Vectors, directions: Vectors, slope: Scalars, angle: float
    ) -> Vectors:
        eye = max(float(origin[1, 0]) - self.ground, 0.3)
        distance = np.minimum(np.float32(eye) / np.maximum(-slope, np.float32(1e-4)), 8000)
        flat = np.hypot(directions[0], directions[2])
        x = origin[0] + directions[0] / flat * distance
        z = origin[2] + directions[2] / flat * distance
        width = distance * np.float32(angle) * np.sqrt(np.maximum(distance / eye, 1))
        albedo = self._pavement(x, z, width) if self.paved else self._meadow(x, z, width)
        shade = self._tree_shade(x, z)
        rise = np.float32(max(self.sun.towards[1], 0.0))
        light = column(self.sun.irradiance) * (rise * shade)
        light = light + column(self.ambient) * (np.float32(0.4) + np.float32(0.6) * shade)
        colour = albedo / np.float32(np.pi) * light
        if self.water:
            colour = self._lake(colour, directions, x, z)
        return self._hazy(colour, distance / 1000)

    def ground_albedo(self, x: Scalars, z: Scalars, width: Scalars) -> Vectors:
        """Return the (3, N) albedo of the ground at (x, z) metres, darker in the trees' shade."""
        albedo = self._pavement(x, z, width) if self.paved else self._meadow(x, z, width)
        return albedo * (np.float32(0.3) + np.float32(0.7) * self._tree_shade(x, z))

    def _meadow(self, x: Scalars, z: Scalars, width: Scalars) -> Vectors:
        o = self.offset
        broad = fractal_noise(x * 0.02, z * 0.02, octaves=4, width=width * 0.02, offset=o)
        tufts = fractal_noise(x * 0.9, z * 0.9, octaves=5, width=width * 0.9, offset=o + 9)
        albedo = mix(column(self.grass[0]), column(self.grass[1]), smoothstep(0.3, 0.7, broad))
        fields = cell_noise(x / 90 + broad, z / 140 + broad * 2, o + 5)
        far = smoothstep(60, 160, z) * (fields > 0.55)
        albedo = mix(albedo, albedo * column((1.9, 1.45, 0.9)), far)
        albedo = albedo * (np.float32(0.45) + np.float32(1.1) * tufts)
        blooms = fractal_noise(x * 5, z * 5, octaves=2, width=width * 5, offset=o + 31)
        albedo = mix(albedo, column((0.75, 0.6, 0.12)), smoothstep(0.74, 0.8, blooms))
        if self.path:
            centre = 3 + 0.055 * z + 5 * np.sin(z * 0.045)
            edge = np.abs(x - centre) + (tufts - np.float32(0.5)) * 1.2
            track = smoothstep(1.9, 1.3, edge)
            sand = column((0.42, 0.34, 0.24)) * (np.float32(0.6) + np.float32(0.8) * tufts)
            albedo = mix(albedo, sand, track)
        return albedo

    def _pavement(self, x: Scalars, z: Scalars, width: Scalars) -> Vectors:
        grit = fractal_noise(x * 14, z * 14, octaves=4, width=width * 14, offset=self.offset)
        stain = fractal_noise(x * 0.35, z * 0.35, octaves=4, offset=self.offset + 4)
        albedo = column((0.17, 0.165, 0.16)) * (0.35 + 0.7 * grit + 0.6 * stain)
        dash = (np.abs(x) < 0.08) & (np.floor(z / 2.4) % 2 < 1)
        fine = np.clip(1.5 - width * 3, 0, 1)
        return mix(albedo, column((0.6, 0.58, 0.52)), dash * fine * (stain > 0.35))

    def _tree_shade(self, x: Scalars, z: Scalars) -> Scalars:
        shade = np.ones_like(x)
        sx, sy, sz = self.sun.towards
        stretch = 1.0 / max(sy, 0.15)
        for tree in self.trees:
            reach = tree.height * 0.6 * stretch
            fx, fz = tree.x - sx * reach, tree.z - sz * reach
            length = max(float(np.hypot(sx, sz)), 1e-3)
            along = ((x - fx) * sx + (z - fz) * sz) / length
            aside = ((x - fx) * sz - (z - fz) * sx) / length
            r = (along / (tree.radius * stretch)) ** 2 + (aside / tree.radius) ** 2
            shade = np.minimum(shade, smoothstep(0.6, 1.3, r))
        return np.asarray(shade, dtype=np.float32)

    def _lake(self, colour: Vectors, d: Vectors, x: Scalars, z: Scalars) -> Vectors:
        shore = fractal_noise(x * 0.012, z * 0.012, octaves=4, offset=self.offset + 60)
        wet = smoothstep(0.53, 0.54, shore) * smoothstep(35, 45, z) * smoothstep(600, 500, z)
        ripple = fractal_noise(x * 0.6, z * 0.12, octaves=3) - np.float32(0.5)
        mirrored = np.stack((d[0], np.abs(d[1]) + np.float32(0.05) * ripple + 0.02, d[2]))
        reflected = self.sky.gradient(mirrored) * np.float32(0.55)
        return mix(colour, reflected, wet)

    def _paint_trees(
        self, origin: Vectors, directions: Vectors, angle: float, out: Vectors
    ) -> None:
        def distance(tree: Tree) -> float:
            return float(np.hypot(tree.x - origin[0, 0], tree.z - origin[2, 0]))

        level = origin - column((0.0, self.ground, 0.0))
        for tree in sorted(self.trees, key=distance, reverse=True):
            paint_tree(tree, level, directions, self.sun, self.ambient, angle, out)
