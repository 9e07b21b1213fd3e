"""House fronts: walls with rows of windows, and the light in those windows at night."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_mef.render.noise import cell_noise, fractal_noise
from edge_mef.render.textures import Texture
from edge_mef.render.vectors import Scalars, Triple, Vectors, column, mix


@dataclass(frozen=True)
class WindowGrid:
    """Where the windows of a front are: `pitch` is the (width, height) of one bay in metres."""

    pitch: tuple[float, float] = (2.6, 3.1)
    offset: int = 0

    def panes(self, uv: Vectors) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Scalars]:
        """Return where the glass is, where the frame is, and a random value per window."""
        wide, high = (np.float32(size) for size in self.pitch)
        bay, storey = np.floor(uv[0] / wide), np.floor(uv[1] / high)
        x = np.abs(uv[0] / wide - bay - np.float32(0.5))
        y = uv[1] / high - storey - np.float32(0.5)
        opening = (x < 0.23) & (np.abs(y) < 0.28)
        bars = (x < 0.018) | (np.abs(y - np.float32(0.08)) < 0.013)
        bars |= (x > 0.205) | (np.abs(y) > 0.26)
        return opening & ~bars, opening & bars, cell_noise(bay, storey, self.offset)


@dataclass(frozen=True)
class Front:
    """The albedo of a house front: a wall texture with glass and white frames set into it."""

    wall: Texture
    grid: WindowGrid
    glass: Triple = (0.05, 0.07, 0.09)
    frame: Triple = (0.7, 0.69, 0.66)

    def __call__(self, uv: Vectors, width: Scalars) -> Vectors:
        """Return the front's albedo."""
        glass, frame, own = self.grid.panes(uv)
        colour = self.wall(uv, width)
        curtain = column(self.glass) * (np.float32(0.6) + np.float32(1.5) * own)
        colour = np.where(glass, curtain, colour)
        return np.where(frame, column(self.frame), colour).astype(np.float32)


@dataclass(frozen=True)
class LitWindows:
    """The light in a front's windows, in cd/m2; `share` (0..1) of them are lit."""

    grid: WindowGrid
    level: float = 250.0
    share: float = 0.5
    warm: Triple = (1.0, 0.72, 0.38)
    cool: Triple = (0.75, 0.9, 1.0)

    def __call__(self, uv: Vectors, width: Scalars) -> Vectors:
        """Return the emitted radiance."""
        glass, _, own = self.grid.panes(uv)
        inside = fractal_noise(uv[0] * 1.7, uv[1] * 1.7, octaves=3, offset=self.grid.offset)
        brightness = np.float32(self.level) * (np.float32(0.25) + own) * (0.3 + 1.4 * inside)
        hue = (own * np.float32(7.13)) % 1
        colour = mix(column(self.warm), column(self.cool), (hue > 0.75).astype(np.float32))
        lit = glass & ((own * np.float32(31.7)) % 1 < self.share)
        return np.where(lit, colour * brightness, 0).astype(np.float32)
