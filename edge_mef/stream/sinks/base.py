"""What a sink of fused frames is."""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from edge_mef.closing import Closing
from edge_mef.errors import OutputError

Frame = NDArray[np.uint8]


class SinkClosedError(Exception):
    """Nobody wants any more, as when a window is closed: the stream ends, and nothing is wrong."""


class Sink(Closing):
    """Takes fused frames. Use it as a context manager, or call `close`."""

    @abstractmethod
    def write(self, pixels: Frame) -> None:
        """Take one frame (H, W, 3) uint8 RGB, which is only lent.

        Raises:
            OutputError: it cannot be written; what was written before stays.
            SinkClosedError: nobody wants any more.
        """

    @abstractmethod
    def close(self) -> None:
        """End what was written, so that it can be used; calling it again does nothing."""


class NullSink(Sink):
    """Takes frames and forgets them, to measure."""

    def write(self, pixels: Frame) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def check_size(known: tuple[int, ...] | None, pixels: Frame) -> tuple[int, ...]:
    """Return the shape of a frame; raise `OutputError` where the first had another one."""
    if known is not None and known != pixels.shape:
        raise OutputError(
            f"frames changed from {known[0]}x{known[1]} to {pixels.shape[0]}x{pixels.shape[1]} in "
            "the middle, which this sink cannot hold: use a folder as the sink"
        )
    return pixels.shape
