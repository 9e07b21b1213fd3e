"""Further exposures of a scene, computed from those that were taken.

A camera's response is close to a power of 2.2, so that a change of exposure by some stops is a gain
before that power. What is clipped stays clipped, as it would in a camera.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
GAMMA = 2.2


def re_expose(frame: Frame, stops: float) -> Frame:
    """Return (H, W, 3) uint8 as if exposed `stops` longer (negative: shorter)."""
    levels = (np.arange(256) / 255.0) ** GAMMA * 2.0**stops
    table = np.round(np.clip(levels, 0.0, 1.0) ** (1.0 / GAMMA) * 255.0).astype(np.uint8)
    return np.asarray(cv2.LUT(frame, table), np.uint8)
