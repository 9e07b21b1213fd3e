"""What a scene is made of: solids in groups, a sun, surroundings, and a camera to look at them."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_mef.render.shapes import Shape
from edge_mef.render.textures import Texture
from edge_mef.render.vectors import Scalars, Triple, Vectors, column, normalized


@dataclass(frozen=True)
class Solid:
    """A shape with its colour.

    `emission` is a texture in cd/m2. `gloss` (0..1) is the strength of the clear coat. With `world`
    the texture follows room coordinates, so that it runs on across neighbouring solids.
    """

    shape: Shape
    texture: Texture
    emission: Texture | None = None
    gloss: float = 0.0
    world: bool = False


@dataclass(frozen=True)
class Group:
    """Solids that stand close together, tested as one by rays that pass them by.

    `stand_in` is a simpler shape that casts the group's shadows; rays from inside ignore it.
    """

    solids: tuple[Solid, ...]
    stand_in: Shape | None = None

    @property
    def blockers(self) -> tuple[Shape, ...]:
        """The shapes that stop light."""
        return (self.stand_in,) if self.stand_in else tuple(s.shape for s in self.solids)

    def bounds(self) -> tuple[Vectors, Vectors]:
        """Return the lower and upper corner, (3, 1) each, of a box around the group."""
        corners = [solid.shape.bounds() for solid in self.solids]
        lower = np.min([low for low, _ in corners], axis=0)
        upper = np.max([high for _, high in corners], axis=0)
        return lower.reshape(3, 1), upper.reshape(3, 1)


class Surroundings(Protocol):
    """Everything that is too far away to be a solid: sky, hills, trees."""

    def radiance(self, origin: Vectors, directions: Vectors, angle: float) -> Vectors:
        """Return (3, N) radiance in cd/m2 seen with samples `angle` radians wide."""
        ...

    def glow(self, directions: Vectors) -> Vectors:
        """Return a smooth version of the radiance without sun and detail, to light things with."""
        ...


@dataclass(frozen=True)
class Sun:
    """A directional light: unit vector towards it, and its irradiance across the beam (RGB)."""

    towards: Triple
    irradiance: Triple

    @staticmethod
    def at(azimuth: float, elevation: float, irradiance: Triple) -> "Sun":
        """Return a sun at an azimuth (0 ahead, positive to the right) and elevation in degrees."""
        a, e = math.radians(azimuth), math.radians(elevation)
        flat = math.cos(e)
        return Sun((flat * math.sin(a), math.sin(e), flat * math.cos(a)), irradiance)


@dataclass(frozen=True)
class Lamp:
    """A small round light: centre, radius in metres, intensity in cd (RGB)."""

    center: Triple
    radius: float
    intensity: Triple


@dataclass(frozen=True)
class Opening:
    """A rectangular hole that lets daylight in: a corner, two edges, the normal into the room."""

    corner: Triple
    across: Triple
    up: Triple
    inward: Triple

    @property
    def area(self) -> float:
        """The area in square metres."""
        return float(np.linalg.norm(np.cross(self.across, self.up)))

    def points(self, s: Scalars, t: Scalars) -> Vectors:
        """Return the (3, N) points at fractions `s` across and `t` up."""
        return column(self.corner) + column(self.across) * s + column(self.up) * t


@dataclass(frozen=True)
class Eye:
    """A camera with level optical axis, so that verticals stay upright.

    `heading` is in degrees from z towards x, `field` the horizontal angle of view in degrees,
    `shift` moves the picture up by that fraction of its width.
    """

    position: Triple
    heading: float = 0.0
    field: float = 65.0
    shift: float = 0.0

    def directions(self, x: Scalars, y: Scalars, height: int, width: int) -> Vectors:
        """Return unit rays through places (in pixels) of a height x width picture."""
        focal = 0.5 / math.tan(math.radians(self.field) / 2)
        right = (x / width - np.float32(0.5)) / np.float32(focal)
        rise = (np.float32(0.5 * height / width + self.shift) - y / width) / np.float32(focal)
        turn = math.radians(self.heading)
        c, s = np.float32(math.cos(turn)), np.float32(math.sin(turn))
        ahead = np.float32(1.0)
        return normalized(np.stack((c * right + s * ahead, rise, c * ahead - s * right)))

    def pixel_angle(self, width: int) -> float:
        """Return the angle of one pixel in radians for a picture this wide."""
        return 2 * math.tan(math.radians(self.field) / 2) / width


@dataclass(frozen=True)
class Hits:
    """What N rays met: distance (infinite: nothing), place, normal, albedo, emission, gloss."""

    distance: Scalars
    points: Vectors
    normals: Vectors
    albedo: Vectors
    emission: Vectors
    gloss: Scalars

    @property
    def solid(self) -> NDArray[np.bool_]:
        """Where a ray met a solid at all."""
        return np.isfinite(self.distance)


@dataclass(frozen=True)
class Scene:
    """A complete scene, lit and seen.

    `openings` are the windows of a room, empty in the open. `ambient` is the mean radiosity (RGB,
    lx) that arrives from the directions -x, +x, -y, +y, -z, +z in the open; a room works out its
    own. `reach` is how far (metres) neighbours dim the ambient light.
    """

    groups: tuple[Group, ...]
    surroundings: Surroundings
    eye: Eye
    sun: Sun
    openings: tuple[Opening, ...] = ()
    lamps: tuple[Lamp, ...] = ()
    ambient: tuple[Triple, ...] = ()
    center: Triple = (0.0, 1.2, 2.5)
    reach: float = 1.1
