"""A camera: scene radiance in, 8-bit exposures out.

The chain is that of a real sensor: exposure, full well, shot and read noise, white balance,
response curve, 8-bit rounding.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_mef.errors import InputError
from edge_mef.render.vectors import Triple


@dataclass(frozen=True)
class CameraResponse:
    """How one camera turns light into 8-bit values.

    `gamma` (1..3) is the exponent of the power curve, `contrast` (0..0.95) the strength of the
    s-curve after it, `shoulder` (0..4) the roll-off of the highlights before it. `full_well` is in
    electrons, `read_noise` in electrons RMS; 0 turns a noise off. `gains` (1 or more each) are the
    white balance gains that undo the sensor's own colour cast, `tint` is the cast that is left.
    """

    gamma: float = 2.2
    contrast: float = 0.25
    shoulder: float = 0.0
    full_well: float = 20000.0
    read_noise: float = 4.0
    gains: Triple = (1.9, 1.0, 1.6)
    tint: Triple = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        """Refuse settings outside the documented ranges."""
        ranges = {
            "gamma": (self.gamma, 1.0, 3.0),
            "contrast": (self.contrast, 0.0, 0.95),
            "shoulder": (self.shoulder, 0.0, 4.0),
            "full_well": (self.full_well, 0.0, math.inf),
            "read_noise": (self.read_noise, 0.0, math.inf),
            "the smallest gain": (min(self.gains), 1.0, math.inf),
            "the smallest tint": (min(self.tint), 0.0, math.inf),
        }
        for name, (value, low, high) in ranges.items():
            if not low <= value <= high:
                raise InputError(
                    f"a camera response needs {name} within {low:g}..{high:g}, "
                    f"found {value:g}: choose a value in that range"
                )

    def curve(self, linear: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return display values 0..1 for sensor values 0..1 of any shape; strictly rising."""
        rolled = (1 + self.shoulder) * linear / (1 + self.shoulder * linear)
        display = np.power(rolled, np.float32(1 / self.gamma))
        bend = display * (1 - display) * (2 * display - 1)
        result: NDArray[np.float32] = np.clip(
            display + np.float32(self.contrast) * bend, 0, 1
        ).astype(np.float32)
        return result


def metered_ev(radiance: NDArray[np.float32]) -> float:
    """Return the EV at which the geometric mean of the luminance lands on 18 % grey.

    `radiance` is (H, W, 3) linear RGB, 0 or more, in any unit; the EV is the one `expose` takes.
    The darkest and brightest 2 % of the pixels do not count.
    """
    weights = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
    level = (radiance @ weights).reshape(-1)
    low, high = np.percentile(level, (2, 98))
    mean_log = float(np.log2(np.clip(level, max(float(low), 1e-6), max(float(high), 1e-6))).mean())
    return math.log2(0.18) - mean_log


def expose(
    radiance: NDArray[np.float32],
    ev: float,
    response: CameraResponse,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Return the (H, W, 3) uint8 RGB picture that a camera takes of a scene.

    `radiance` is (H, W, 3) linear RGB, 0 or more; radiance times 2 ** `ev` reaches the full well
    at 1. `rng` draws the noise; a response without noise ignores it. Raises `InputError` for
    another shape.
    """
    if radiance.ndim != 3 or radiance.shape[2] != 3:
        raise InputError(
            f"a scene radiance of shape (H, W, 3) was expected, found {radiance.shape}: "
            "pass linear RGB with the channels last"
        )
    gains = np.asarray(response.gains, dtype=np.float32)
    tint = np.asarray(response.tint, dtype=np.float32)
    raw = np.clip(radiance * (np.float32(2.0**ev) * tint / gains), 0, 1).astype(np.float32)
    if response.full_well > 0:
        variance = raw / response.full_well + (response.read_noise / response.full_well) ** 2
        raw += np.sqrt(variance, dtype=np.float32) * rng.standard_normal(raw.shape, np.float32)
    balanced = np.clip(raw * gains, 0, 1)
    return np.rint(response.curve(balanced) * 255).astype(np.uint8)


def random_response(rng: np.random.Generator) -> CameraResponse:
    """Return a plausible camera: any curve from flat to contrasty, from clean to noisy."""
    return CameraResponse(
        gamma=float(rng.uniform(1.8, 2.6)),
        contrast=float(rng.uniform(0.0, 0.7)),
        shoulder=float(rng.choice([0.0, rng.uniform(0.2, 2.0)])),
        full_well=float(np.exp(rng.uniform(np.log(2500), np.log(60000)))),
        read_noise=float(rng.uniform(1.5, 8.0)),
        gains=(float(rng.uniform(1.3, 2.2)), 1.0, float(rng.uniform(1.3, 2.2))),
        tint=(float(rng.uniform(0.9, 1.1)), 1.0, float(rng.uniform(0.88, 1.12))),
    )
