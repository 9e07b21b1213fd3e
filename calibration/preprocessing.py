"""What is done to the frames of a calibration set, and the digests of what comes out.

The digests are of pixels, never of names: the same pictures in other folders, in another order or
in another lossless format are the same calibration set.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from edge_mef.calibration.features import luma_step, mean_luma
from edge_mef.data.scenes import reduce_frame
from edge_mef.errors import InputError

Frame = NDArray[np.uint8]

VERSION = 1
"""To be raised when the same pictures come out as other frames, or in another order."""
_LEAST_GAP = 0.05  # log2 of luma between darkest and brightest; less is one exposure


class Preprocessing(BaseModel):
    """How brackets become calibration frames.

    Frames larger than `longest_side` pixels are reduced to it by area interpolation, and put
    darkest first by mean luma. Of more than `exposures` the darkest, the brightest, and some
    evenly spread between them are taken.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    exposures: int = Field(default=2, ge=2)
    longest_side: int = Field(default=640, ge=16)
    interpolation: str = "area"
    order: str = "mean luma"
    version: int = VERSION

    def prepare(self, frames: Sequence[Frame]) -> tuple[Frame, ...]:
        """Return `exposures` frames (H, W, 3) uint8 RGB, darkest first, reduced and contiguous.

        Raises:
            InputError: there are fewer, or the darkest is as bright as the brightest.
        """
        if len(frames) < self.exposures:
            raise InputError(
                f"expected {self.exposures} exposures, found {len(frames)}: ask for fewer, or add "
                "the others"
            )
        reduced = [np.ascontiguousarray(reduce_frame(f, self.longest_side)) for f in frames]
        # Frames of one luma come in the order of their pixels, and not of their names.
        keys = [(mean_luma(frame), _frame_digest(frame)) for frame in reduced]
        order = sorted(range(len(reduced)), key=keys.__getitem__)
        if luma_step(keys[order[0]][0], keys[order[-1]][0]) < _LEAST_GAP:
            raise InputError(
                "expected frames of different exposure, found equally bright ones: give brackets"
            )
        last = len(order) - 1
        taken = [round(k * last / (self.exposures - 1)) for k in range(self.exposures)]
        return tuple(reduced[order[position]] for position in taken)


def scene_digest(frames: Iterable[Frame]) -> str:
    """Return the SHA-256 of the sizes and pixels of frames (H, W, 3) uint8, in their order."""
    return hashlib.sha256("".join(map(_frame_digest, frames)).encode()).hexdigest()


def set_digest(settings: Preprocessing, scenes: Iterable[str]) -> str:
    """Return the SHA-256 of the settings and of the scenes' digests, in whatever order they are."""
    content = settings.model_dump(mode="json") | {"scenes": sorted(scenes)}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _frame_digest(frame: Frame) -> str:
    digest = hashlib.sha256(str(frame.shape).encode())
    digest.update(np.ascontiguousarray(frame).data)
    return digest.hexdigest()
