"""The planes that metrics look at: colour channels, or the grey of MATLAB's rgb2gray."""

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Plane = NDArray[np.float64]

_GREY = (0.298936021293775, 0.587043074451121, 0.114020904255103)


def colour_planes(frame: Frame) -> tuple[Plane, Plane, Plane]:
    """Return red, green and blue of (H, W, 3) uint8 as three (H, W), 0 to 255."""
    red, green, blue = (
        np.ascontiguousarray(frame[..., index], dtype=np.float64) for index in range(3)
    )
    return red, green, blue


def grey_plane(frame: Frame) -> Plane:
    """Return the rounded luma (H, W), 0 to 255, of (H, W, 3) uint8, as rgb2gray gives it."""
    luma: Plane = np.floor(frame.astype(np.float64) @ np.array(_GREY) + 0.5)
    return luma


def mean_luma(frame: Frame) -> float:
    """Return the mean of the luma of (H, W, 3) uint8, 0 to 255, which says how bright it is."""
    return float(frame.reshape(-1, 3).mean(axis=0, dtype=np.float64) @ np.array(_GREY))
