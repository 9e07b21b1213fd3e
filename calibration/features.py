"""Five numbers that say what kind of scene a bracket shows, to choose different ones by."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Frame = NDArray[np.uint8]

_BLACK, _WHITE = 5, 250  # luma at which a pixel holds next to no detail
_RED, _GREEN, _BLUE = 77, 150, 29  # BT.601 in 1/256, so that luma is exact on every machine

FEATURES = {
    "gap": "log2 of the mean luma of the brightest frame over that of the darkest",
    "brightness": "mean luma of the middle exposure, 0 to 1",
    "texture": "mean step to the next pixel of the middle exposure, grey levels",
    "contrast": "standard deviation of the luma of the middle exposure, 0 to 1",
    "clipped": "share of pixels of all frames that are nearly black or white, 0 to 1",
}
"""The features, by name, in the order of their columns."""


class SceneFeatures(BaseModel):
    """What `FEATURES` describes, of one bracket.

    Of two exposures in the middle it is the mean of the two; of a bracket of two both are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gap: float
    brightness: float
    texture: float
    contrast: float
    clipped: float

    @property
    def values(self) -> tuple[float, ...]:
        """The numbers in the order of `FEATURES`."""
        return tuple(float(getattr(self, name)) for name in FEATURES)


def frame_luma(frame: Frame) -> Frame:
    """Return the BT.601 luma, (H, W) uint8, of a frame (H, W, 3) uint8 RGB, in whole numbers."""
    wide = frame.astype(np.uint16)
    weighted = _RED * wide[..., 0] + _GREEN * wide[..., 1] + _BLUE * wide[..., 2]
    return ((weighted + 128) >> 8).astype(np.uint8)


def mean_luma(frame: Frame) -> float:
    """Return the mean luma of a frame (H, W, 3) uint8 RGB, 0 to 255."""
    luma = frame_luma(frame)
    return int(luma.sum(dtype=np.int64)) / luma.size


def luma_step(dark: float, bright: float) -> float:
    """Return log2 of the ratio of two mean lumas, 0 to 255; a black frame counts as half a level.

    The lumas are coded ones: a stop of exposure is about half a step in the middle of the range.
    """
    return float(np.log2(max(bright, 0.5) / max(dark, 0.5)))


def measure_features(frames: Sequence[Frame]) -> SceneFeatures:
    """Return the features of a bracket of two or more frames (H, W, 3) uint8 RGB, darkest first."""
    lumas = [frame_luma(frame) for frame in frames]
    means = [int(luma.sum(dtype=np.int64)) / luma.size for luma in lumas]
    last = len(frames) - 1
    middle = sorted({last // 2, last - last // 2})
    clipped = [np.count_nonzero((luma <= _BLACK) | (luma >= _WHITE)) / luma.size for luma in lumas]
    return SceneFeatures(
        gap=luma_step(means[0], means[-1]),
        brightness=_mean([means[index] / 255 for index in middle]),
        texture=_mean([_mean_gradient(lumas[index]) for index in middle]),
        contrast=_mean([_deviation(lumas[index]) / 255 for index in middle]),
        clipped=_mean(clipped),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _deviation(luma: Frame) -> float:
    """Return the standard deviation, from whole numbers: exactly the same for a mirrored frame."""
    wide = luma.astype(np.int64)
    total, squares, size = int(wide.sum()), int(np.square(wide).sum()), luma.size
    return float(np.sqrt(size * squares - total**2)) / size


def _mean_gradient(luma: Frame) -> float:
    """Return the mean absolute difference of neighbours to the right and below, grey levels."""
    wide = luma.astype(np.int16)
    differences = [np.abs(np.diff(wide, axis=axis)) for axis in (0, 1)]
    total = sum(int(difference.sum(dtype=np.int64)) for difference in differences)
    return total / max(1, sum(difference.size for difference in differences))
