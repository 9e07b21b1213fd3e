"""The sky: a gradient from horizon to zenith, the sun with its glow, and clouds."""

from dataclasses import dataclass

import numpy as np

from edge_mef.render.noise import fractal_noise
from edge_mef.render.vectors import Triple, Vectors, column, dot, mix, smoothstep

# Brighter than any sensor needs; the real disc (1e9 cd/m2) would only make the glare unstable.
SUN_DISC = 4e5


@dataclass(frozen=True)
class Sky:
    """Colours in cd/m2 (linear RGB) and the clouds over them.

    `cover` (0..1) is the share of the sky under clouds; `towards` the unit vector to the sun,
    `glow_colour` its halo, and `disc` says whether the sun itself can be seen.
    """

    zenith: Triple = (900.0, 2000.0, 4700.0)
    horizon: Triple = (5200.0, 6300.0, 7400.0)
    cloud_light: Triple = (13000.0, 12600.0, 12000.0)
    cloud_dark: Triple = (4300.0, 4700.0, 5400.0)
    glow_colour: Triple = (9000.0, 8200.0, 7000.0)
    towards: Triple = (-0.7, 0.55, 0.45)
    cover: float = 0.45
    disc: bool = True
    stars: float = 0.0
    offset: int = 0

    def gradient(self, d: Vectors) -> Vectors:
        """Return the cloudless sky with the sun's halo."""
        rise = np.maximum(d[1], 0)
        blend = 1 - np.exp(np.float32(-3.2) * np.power(rise, np.float32(0.8)))
        colour = mix(column(self.horizon), column(self.zenith), blend)
        cosine = np.clip(dot(column(self.towards), d), 0, 1)
        halo = np.float32(0.35) * np.power(cosine, 6) + np.power(cosine, 60)
        return colour + column(self.glow_colour) * halo

    def radiance(self, d: Vectors, angle: float) -> Vectors:
        """Return the (3, N) radiance of the sky in unit directions `d`."""
        colour = self.gradient(d)
        if self.stars > 0:
            colour = colour + self._stars(d)
        if self.disc:
            cosine = dot(column(self.towards), d)
            disc = np.clip((cosine - np.float32(0.99994)) / np.float32(3e-5), 0, 1)
            warm = column(self.glow_colour) / np.float32(max(self.glow_colour))
            colour = colour + warm * (np.float32(SUN_DISC) * disc)
        return self._clouded(colour, d, angle) if self.cover > 0 else colour

    def _stars(self, d: Vectors) -> Vectors:
        u = d[0] / (1 + np.abs(d[1])) * 150
        v = d[2] / (1 + np.abs(d[1])) * 150
        spark = fractal_noise(u, v, octaves=1, offset=self.offset + 5)
        result: Vectors = column((1.0, 0.95, 0.9)) * (
            np.float32(self.stars) * np.clip(spark - 0.985, 0, 1)
        )
        return result

    def _clouded(self, colour: Vectors, d: Vectors, angle: float) -> Vectors:
        lift = np.float32(1) / (np.maximum(d[1], 0) + np.float32(0.09))
        x, z = d[0] * lift, d[2] * lift
        width = np.float32(angle) * lift * lift
        frequency = np.float32(1.15)
        density = self._density(x * frequency, z * frequency, width * frequency, 6)
        step = np.float32(0.16)
        lit = self._density(
            (x + step * self.towards[0]) * frequency,
            (z + step * self.towards[2]) * frequency,
            width * frequency + np.float32(0.02),
            4,
        )
        cover = smoothstep(0.0, 0.22, density)
        light = np.clip(np.float32(0.62) + (density - lit) * 1.9 - density * 0.55, 0, 1)
        cosine = np.clip(dot(column(self.towards), d), 0, 1)
        rim = 1 + np.float32(1.2) * np.power(cosine, 12) * (1 - smoothstep(0.1, 0.4, density))
        cloud = mix(column(self.cloud_dark), column(self.cloud_light), light) * rim
        haze = smoothstep(0.0, 0.16, d[1])
        return mix(colour, mix(column(self.horizon), cloud, haze), cover * (0.25 + 0.75 * haze))

    def _density(self, x: Vectors, z: Vectors, width: Vectors, octaves: int) -> Vectors:
        noise = fractal_noise(x, z, octaves=octaves, width=width, offset=self.offset)
        result: Vectors = np.clip(noise - np.float32(0.76 - 0.52 * self.cover), 0, 1) * 2
        return result
