"""The motion guard: a bracket whose scene moved is shown as its best single exposure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge_mef.errors import InputError
from edge_mef.exposures import check_arrays
from edge_mef.stream.disagreement import Exposure, disagreement

Frame = NDArray[np.uint8]

LIMIT = 0.005
HOLD = 5

_RELEASE = 0.5  # of the limit: what has to be reached for a scene to stand still again
_BETTER = 1.1  # times the weight of the exposure shown so far that another needs
_MIDDLE, _SPREAD = np.float32(0.5), np.float32(0.2)  # of Mertens, Kautz and Van Reeth
_SAMPLED = 160  # pixels of the longer side, or a little more
_BLACK, _WHITE = 2, 253  # levels; at or beyond them a pixel shows nothing


@dataclass(frozen=True, eq=False)
class MotionReport:
    """What a guard says of a bracket.

    Attributes:
        moved: whether to show a single exposure; with the guard's memory of brackets before.
        score: share of this bracket's scene that moved, 0 to 1.
        where: (rows, columns) bool, blocks of equal size over the whole picture that moved.
        show: which exposure to show instead of fusing, None where nothing moved.
    """

    moved: bool
    score: float
    where: NDArray[np.bool_]
    show: int | None


class MotionGuard:
    """Says of one bracket after another whether its scene moved. One stream, one guard."""

    def __init__(self, *, limit: float = LIMIT, hold: int = HOLD) -> None:
        """Begin with a scene that stands still.

        Args:
            limit: share of the scene that may move, 0 to 1.
            hold: brackets in a row with at most half of that until a scene that moved stands
                still again, 1 or more. It moves at once.

        Raises:
            InputError: values out of range.
        """
        if not (isinstance(limit, int | float) and 0 <= limit <= 1):
            raise InputError(f"expected a limit of motion from 0 to 1, found {limit!r}")
        if not (isinstance(hold, int) and hold >= 1):
            raise InputError(f"expected motion to be held for 1 bracket or more, found {hold!r}")
        self.limit, self.hold = limit, hold
        self._left = 0  # brackets until the scene stands still
        self._shown: int | None = None

    def check(self, exposures: Sequence[Frame]) -> MotionReport:
        """Look at the next bracket.

        Args:
            exposures: two or more (H, W, 3) uint8 RGB of one size, darkest first. Neighbours are
                compared.

        Raises:
            InputError: not such arrays.
        """
        check_arrays(exposures)
        where = _moved_blocks(exposures)
        score = float(where.mean())
        if score > self.limit:
            self._left = self.hold
        elif score <= self.limit * _RELEASE:
            self._left = max(self._left - 1, 0)
        moved = self._left > 0
        self._shown = best_exposure(exposures, shown=self._shown) if moved else None
        return MotionReport(moved, score, where, self._shown)

    def reset(self) -> None:
        """Forget all brackets, as for another scene or camera."""
        self._left, self._shown = 0, None


def best_exposure(exposures: Sequence[Frame], *, shown: int | None = None) -> int:
    """Return the index of the exposure that shows most of the scene well.

    What decides is the mean of how well pixels are exposed (Mertens, Kautz and Van Reeth, "Exposure
    Fusion", Pacific Graphics, 2007: a Gaussian around middle grey for each channel, multiplied),
    with 0 for pixels of which a channel is black or white, times the share of the others: what is
    clipped is lost, and what is only dark or pale is not.

    Args:
        exposures: (H, W, 3) uint8 RGB of one size.
        shown: the exposure that was shown last; another one has to be a tenth better.

    Raises:
        InputError: not two or more such arrays.
    """
    check_arrays(exposures)
    weights = [_well_exposed(frame) for frame in exposures]
    best = int(np.argmax(weights))
    if shown is not None and shown < len(weights) and weights[best] < _BETTER * weights[shown]:
        return shown
    return best


def _moved_blocks(exposures: Sequence[Frame]) -> NDArray[np.bool_]:
    seen = [Exposure.of(frame) for frame in exposures]
    blocks = [disagreement(dark, bright) > 1 for dark, bright in pairwise(seen)]
    return np.asarray(np.any(blocks, axis=0))


def _well_exposed(frame: Frame) -> float:
    step = max(1, max(frame.shape[:2]) // _SAMPLED)
    pixels = frame[::step, ::step].reshape(-1, 3)
    distance = (pixels / np.float32(255) - _MIDDLE) ** 2
    weight = np.exp(-distance.sum(axis=1) / (2 * _SPREAD**2))
    kept = (pixels.min(axis=1) > _BLACK) & (pixels.max(axis=1) < _WHITE)
    return float((weight * kept).mean() * kept.mean())
