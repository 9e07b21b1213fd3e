"""What a sink of fused frames is."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_mef.closing import Closing
from edge_mef.errors import OutputError

Frame = NDArray[np.uint8]


class SinkClosedError(Exception):
    """Nobody wants any more, as when a window is closed: the stream ends, and nothing is wrong."""


class Sink(Closing):
    """Takes fused frames. Use it as a context manager, or call `close`.

    Attributes:
        waits: whether closing it may take long, and should be interrupted then.
        note: a sentence on where it is, if not where it was asked to be.
    """

    waits: bool = False
    note: str | None = None

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

    def abandon(self) -> None:
        """End it after the stream failed: as `close` does, but it replaces nothing."""
        self.close()


class NullSink(Sink):
    """Takes frames and forgets them, to measure."""

    def write(self, pixels: Frame) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def check_apart(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Raise `OutputError` where something would be written over what is read."""
    for output in outputs:
        if any(p.exists() and output.exists() and p.samefile(output) for p in inputs):
            kind = "folder" if output.is_dir() else "file"
            raise OutputError(f"the sink '{output}' is the source: choose another {kind}")


def check_size(known: tuple[int, ...] | None, pixels: Frame) -> tuple[int, ...]:
    """Return the shape of a frame; raise `OutputError` where the first had another one."""
    if known is not None and known != pixels.shape:
        raise OutputError(
            f"frames changed from {known[0]}x{known[1]} to {pixels.shape[0]}x{pixels.shape[1]} in "
            "the middle, which this sink cannot hold: use a folder as the sink"
        )
    return pixels.shape
