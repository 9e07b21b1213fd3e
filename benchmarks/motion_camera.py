"""The camera of the motion benchmark: a bracket of a scene that may change while it is taken."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.render.camera import expose, metered_ev, random_response

Frame = NDArray[np.uint8]
Radiance = NDArray[np.float32]

_BAND_ROWS = 0.25  # of the height: mains light in a rolling shutter
_METERING = 0.7  # stops, RMS: meters are not exact


@dataclass(frozen=True)
class Take:
    """How a bracket is taken.

    Attributes:
        stops: from the darkest to the brightest exposure.
        bias: stops that all exposures are brighter.
        jpeg: quality that the exposures are compressed with; None for not.
        full_well: electrons; None for that of a random camera.
        vignetting: stops that the corners are darker.
        flicker: stops that the light may change by from one exposure to the next.
        banding: amplitude of bands of light, 0.1 for 10 %.
    """

    stops: float
    bias: float = 0.0
    jpeg: int | None = None
    full_well: float | None = None
    vignetting: float = 0.0
    flicker: float = 0.0
    banding: float = 0.0


def take(scenes: Sequence[Radiance], how: Take, rng: np.random.Generator) -> tuple[Frame, ...]:
    """Return one exposure of each scene, darkest first, by one random camera.

    scenes: (H, W, 3) linear radiance at the time of each exposure, in any unit.
    """
    response = random_response(rng)
    if how.full_well is not None:
        response = replace(response, full_well=how.full_well)
    middle = metered_ev(scenes[0]) + how.bias + rng.normal(0, _METERING)
    exposures = []
    for scene, step in zip(scenes, np.linspace(-0.5, 0.5, len(scenes)), strict=True):
        ev = middle + step * how.stops + rng.uniform(-0.5, 0.5) * how.flicker
        light = _light(scene.shape, how, rng)
        exposures.append(expose(scene * light, float(ev), response, rng))
    return tuple(_compress(frame, how.jpeg) for frame in exposures)


def _light(shape: tuple[int, ...], how: Take, rng: np.random.Generator) -> Radiance:
    """Return what the lens and the mains leave of the light, (H, W, 1)."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    corners = 2.0 ** (-how.vignetting * (x**2 + y**2) / 2)
    bands = 1 + how.banding * np.sin(np.pi * y / _BAND_ROWS + rng.uniform(0, 2 * np.pi))
    return np.asarray(corners * bands, np.float32)[..., np.newaxis]


def _compress(frame: Frame, quality: int | None) -> Frame:
    if quality is None:
        return frame
    _, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
