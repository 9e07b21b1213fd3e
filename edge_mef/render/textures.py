"""Surface colours as functions of place: wood, plaster, cloth, brick, tiles, pictures.

A texture gets (2, N) coordinates in metres on a face and the (N,) width of a sample in metres; it
returns (3, N) linear albedo in 0..1. Detail finer than the sample fades out.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge_mef.render.noise import cell_noise, fractal_noise, value_noise
from edge_mef.render.vectors import Scalars, Triple, Vectors, column, mix, smoothstep


class Texture(Protocol):
    """The colour of a surface."""

    def __call__(self, uv: Vectors, width: Scalars) -> Vectors:
        """Return the (3, N) linear albedo at (2, N) places seen with samples of (N,) width."""
        ...


def fade(width: Scalars, detail: float) -> Scalars:
    """Return 1 where samples are much smaller than the detail (metres), 0 where larger."""
    result: Scalars = np.clip(np.float32(1.5) - width / np.float32(detail), 0, 1)
    return result


def line(x: Scalars, period: float, thickness: float, width: Scalars) -> Scalars:
    """Return the antialiased coverage (0..1) of lines at every multiple of the period."""
    distance = np.abs(x - np.float32(period) * np.rint(x / np.float32(period)))
    blur = np.maximum(width, np.float32(1e-4))
    cover = np.clip((np.float32(thickness / 2) - distance) / blur + 0.5, 0, 1)
    result: Scalars = cover * np.minimum(np.float32(thickness) / blur, 1)
    return result


@dataclass(frozen=True)
class Plain:
    """One colour with slow and fine mottling: paint, plaster, ceramics, leather."""

    colour: Triple
    mottle: float = 0.12
    scale: float = 6.0
    offset: int = 0

    def __call__(self, uv: Vectors, width: Scalars) -> Vectors:
        """Return the colour times noise."""
        f = np.float32(self.scale)
        noise = fractal_noise(uv[0] * f, uv[1] * f, octaves=4, width=width * f, offset=self.offset)
        return column(self.colour) * (1 + np.float32(2 * self.mottle) * (noise - np.float32(0.5)))


@dataclass(frozen=True)
class Wood:
    """Grain along u (or along v): furniture, frames, beams."""

    colour: Triple
    upright: bool = False
    offset: int = 0
    contrast: float = 0.55

    def __call__(self, uv: Vectors, width: Scalars) -> Vectors:
        """Return the colour darkened along the grain."""
        along, across = (uv[1], uv[0]) if self.upright else (uv[0], uv[1])
        w = width * 30
        wave = fractal_noise(along * 1.3, across * 5, octaves=2, width=w / 6, offset=self.offset)
        grain = fractal_noise(
            along * 1.6, across * 34 + wave * 5, octaves=4, width=w, offset=self.offset + 3
        )
        shade = 1 + np.float32(self.contrast) * (grain - np.float32(0.55))
        tone = column((1.0, 1.0 - 0.1 * self.contrast, 1.0 - 0.2 * self.contrast))
        return column(self.colour) * shade * np.power(tone, 3 * (1 - grain))


@dataclass(frozen=True)
class Planks:
    """Floor boards along v, each with its own tone, end joints and dark seams."""

    colour: Triple
    board: float = 0.14
    length: float = 1.7
    offset: int = 0

    def __call__(self, uv: Vectors, width: Scalars) -> Vectors:
        """Return the boards' albedo."""
        u, v = uv
        row = np.floor(u / np.float32(self.board))
        shift = cell_noise(row, np.zeros_like(row), self.offset) * np.float32(self.length)
        place = v + shift
        joint = np.floor(place / np.float32(self.length))
        tone = cell_noise(row, joint, self.offset + 1)
        hue = cell_noise(row, joint, self.offset + 2) - np.float32(0.5)
        w = width * 40
        grain = fractal_noise(u * 42, v * 1.7 + tone * 40, octaves=4, width=w, offset=self.offset)
        flame = fractal_noise(u * 9 + tone * 9, v * 0.9 + tone * 31, octaves=3, width=w / 5)
        shade = (np.float32(0.72) + np.float32(0.5) * tone) * (
            1 + np.float32(0.5) * (grain - np.float32(0.5)) + np.float32(0.5) * (flame - 0.5)
        )
        seams = np.maximum(
            line(u, self.board, 0.004, width), line(place, self.length, 0.004, width)
        )
        colour = column(self.colour) * (1 + column((0.12, 0.0, -0.16)) * hue)
        result: Vectors = np.clip(colour * shade * (1 - np.float32(0.75) * seams), 0.01, 0.9)
        return result


@dataclass(frozen=True)
class Tiles:
    """A checkered or plain tiled surface with joints; also bricks when rows are staggered."""

    first: Triple
    second: Triple
    size: tuple[float, float] = (0.3, 0.3)
    joint: float = 0.008
    joint_colour: Triple = (0.45, 0.43, 0.4)
    stagger: float = 0.0
    checker: bool = True
    offset: int = 0

    def __call__(self, uv: Vectors, width: Scalars) -> Vectors:
        """Return the tiles' albedo."""
        wide, high = self.size
        row = np.floor(uv[1] / np.float32(high))
        u = uv[0] + np.float32(self.stagger * wide) * (row % 2)
        place = np.floor(u / np.float32(wide))
        own = cell_noise(place, row, self.offset)
        pick = (place + row) % 2 if self.checker else own
        grit = fractal_noise(uv[0] * 40, uv[1] * 40, octaves=3, width=width * 40)
        stain = fractal_noise(uv[0] * 1.1, uv[1] * 1.1, octaves=3, offset=self.offset)
        visible = fade(width, 0.8 * min(wide, high))
        pick = np.float32(0.5) + (pick - np.float32(0.5)) * visible
        tile = mix(column(self.first), column(self.second), pick.astype(np.float32))
        tile = tile * (np.float32(0.8) + np.float32(0.25) * own * visible + 0.2 * (grit - 0.5))
        joints = np.maximum(line(u, wide, self.joint, width), line(uv[1], high, self.joint, width))
        return mix(tile, column(self.joint_colour), joints) * (0.75 + np.float32(0.5) * stain)


@dataclass(frozen=True)
class Fabric:
    """Woven cloth with optional stripes across u."""

    colour: Triple
    stripe: Triple | None = None
    period: float = 0.12
    offset: int = 0

    def __call__(self, uv: Vectors, width: Scalars) -> Vectors:
        """Return the cloth's albedo."""
        colour = column(self.colour) + np.zeros_like(uv[0])
        if self.stripe is not None:
            band = line(uv[0], self.period, self.period * 0.42, width)
            colour = mix(colour, column(self.stripe), band)
        weave = np.sin(uv[0] * 900) * np.sin(uv[1] * 900) * fade(width, 0.002)
        fluff = fractal_noise(uv[0] * 60, uv[1] * 60, octaves=3, width=width * 60)
        drape = fractal_noise(uv[0] * 3, uv[1] * 3, octaves=3, offset=self.offset)
        # Thick and thin yarn, across and along: what still shows of a weave from afar.
        yarn = fractal_noise(uv[0] * 90, uv[1] * 14, octaves=2, width=width * 45)
        yarn = yarn + fractal_noise(uv[0] * 14, uv[1] * 90, octaves=2, width=width * 45) - 1
        shade = 1 + 0.12 * weave + 0.45 * (fluff - 0.5) + 0.3 * (drape - 0.5) + 0.45 * yarn
        result: Vectors = colour * shade.astype(np.float32)
        return result


@dataclass(frozen=True)
class Rug:
    """A bordered rug with a repeating woven pattern; `half` are its half sizes in metres."""

    half: tuple[float, float]
    ground: Triple
    figure: Triple
    border: Triple

    def __call__(self, uv: Vectors, width: Scalars) -> Vectors:
        """Return the rug's albedo."""
        u, v = uv
        edge = np.minimum(
            np.float32(self.half[0]) - np.abs(u), np.float32(self.half[1]) - np.abs(v)
        )
        tile_u, tile_v = u / np.float32(0.34), v / np.float32(0.34)
        ring = np.abs(tile_u - np.rint(tile_u)) + np.abs(tile_v - np.rint(tile_v))
        odd = (np.rint(tile_u) + np.rint(tile_v)) % 2
        blur = np.maximum(width * 6, np.float32(0.03))
        inner = np.clip((np.float32(0.1) - ring) / blur + 0.5, 0, 1)
        band = np.clip((np.float32(0.045) - np.abs(ring - np.float32(0.27))) / blur + 0.5, 0, 1)
        lattice = np.clip((np.abs(ring - np.float32(0.5)) - np.float32(0.43)) / blur, 0, 1)
        corner = np.clip((ring - np.float32(0.72)) / blur + 0.5, 0, 1)
        colour = mix(column(self.ground), column(self.border), np.maximum(corner, band * odd))
        figure = np.maximum(np.maximum(inner, band * (1 - odd)), lattice * corner)
        colour = mix(colour, column(self.figure), figure.astype(np.float32))
        soft = np.maximum(width, np.float32(0.004))
        frame = np.clip((np.float32(0.2) - edge) / soft, 0, 1)
        stripes = line(edge, 0.1, 0.022, width)
        bordered = mix(column(self.border), column(self.figure), stripes)
        colour = mix(colour, bordered, frame)
        pile = fractal_noise(u * 70, v * 70, octaves=3, width=width * 70)
        wear = fractal_noise(u * 2.5, v * 2.5, octaves=3)
        return colour * (np.float32(0.55) + 0.5 * pile + 0.4 * wear).astype(np.float32)


@dataclass(frozen=True)
class Wallpaper:
    """Painted wall with soft vertical stripes and the unevenness of plaster."""

    first: Triple
    second: Triple
    period: float = 0.24
    offset: int = 0

    def __call__(self, uv: Vectors, width: Scalars) -> Vectors:
        """Return the wall's albedo."""
        phase = uv[0] * np.float32(2 * np.pi / self.period)
        band = np.float32(0.5) + np.float32(0.5) * np.tanh(3 * np.sin(phase))
        band = np.float32(0.5) + (band - np.float32(0.5)) * fade(width, self.period / 2)
        plaster = fractal_noise(uv[0] * 9, uv[1] * 9, octaves=5, width=width * 9)
        return mix(column(self.first), column(self.second), band) * (0.88 + 0.24 * plaster)


@dataclass(frozen=True)
class Painting:
    """A framed landscape in loose strokes; `half` are the half sizes of the canvas in metres."""

    half: tuple[float, float]
    offset: int = 0
    sky: Triple = (0.45, 0.6, 0.75)
    land: Triple = (0.55, 0.32, 0.08)
    accent: Triple = (0.6, 0.1, 0.05)

    def __call__(self, uv: Vectors, width: Scalars) -> Vectors:
        """Return the canvas with a white mount around it."""
        x, y = uv[0] / np.float32(self.half[0]), uv[1] / np.float32(self.half[1])
        stroke = fractal_noise(x * 5, y * 9, octaves=4, width=width * 12, offset=self.offset)
        hills = fractal_noise(x * 1.5 + 4, np.zeros_like(x), octaves=3, offset=self.offset)
        level = (hills - np.float32(0.5)) * np.float32(1.1) - y + (stroke - np.float32(0.5)) * 0.12
        sky = mix(column((0.85, 0.72, 0.5)), column(self.sky), np.clip(y + stroke - 0.4, 0, 1))
        far = column((0.16, 0.24, 0.32)) * (np.float32(0.6) + stroke)
        near = column(self.land) * (np.float32(0.3) + np.float32(1.4) * stroke)
        poppies = smoothstep(0.66, 0.72, value_noise(x * 14, y * 20, self.offset + 9))
        near = mix(near, column(self.accent), poppies)
        colour = mix(sky, far, smoothstep(-0.02, 0.03, level))
        colour = mix(colour, near, smoothstep(0.42, 0.47, level))
        mount = np.maximum(np.abs(x), np.abs(y)) > 0.8
        return np.where(mount, column((0.78, 0.76, 0.7)), colour).astype(np.float32)
