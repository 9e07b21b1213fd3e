"""Frames as a camera delivers them: pixels, and what it says about them."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
_MEASURED = 160  # pixels of the longer side that an exposure is measured on
_DARKEST = 0.25  # grey levels: a black frame has an exposure, too


@dataclass(frozen=True)
class CameraFrame:
    """One frame.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        number: counted by the source; a gap says that frames were lost.
        time: when it was taken, in seconds of the source's clock.
        exposure: in stops, log2 of exposure time times gain and aperture up to a constant; None
            where the source does not know.
    """

    pixels: Frame
    number: int
    time: float
    exposure: float | None = None


@dataclass(frozen=True)
class CameraBracket:
    """Frames of one scene, one right after the other, the least exposed first."""

    frames: tuple[CameraFrame, ...]

    @property
    def exposures(self) -> tuple[Frame, ...]:
        """The pixels, darkest first."""
        return tuple(frame.pixels for frame in self.frames)

    @property
    def time(self) -> float:
        """When the last of them was taken."""
        return max(frame.time for frame in self.frames)

    @property
    def number(self) -> int:
        """The number of the last frame that was taken."""
        return max(self.frames, key=lambda frame: frame.time).number


def measured_exposure(pixels: Frame) -> float:
    """Return an exposure in stops as far as the picture tells it, for sources that know none.

    It is log2 of the mean luma of (H, W, 3) uint8 RGB, linearized by a gamma of 2.2. It follows the
    scene as well as the camera, and clipping brings exposures together.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, _MEASURED / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    linear = np.power(np.maximum(small, _DARKEST) / 255, 2.2)
    red, green, blue = linear.reshape(-1, 3).mean(axis=0)
    return math.log2(0.2126 * red + 0.7152 * green + 0.0722 * blue)
