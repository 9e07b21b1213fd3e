"""OpenCV's exposure fusion (Mertens, Kautz and Van Reeth, Pacific Graphics 2007)."""

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]


class MertensFusion:
    """`cv2.createMergeMertens` with its default weights, from uint8 to uint8."""

    name = "OpenCV Mertens"

    def __init__(self) -> None:
        self._merge = cv2.createMergeMertens()

    def __call__(self, *exposures: Frame) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB of one size to (H, W, 3) uint8 RGB."""
        fused = self._merge.process(list(exposures))
        # OpenCV returns floats around 0 to 1 that may leave the range; this rounds and saturates.
        return np.asarray(cv2.convertScaleAbs(np.maximum(fused, 0.0), alpha=255.0), np.uint8)
