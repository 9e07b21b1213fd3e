"""A fuser that does what a test tells it: it waits at a gate, fails, or takes its time."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_mef.errors import InputError

Frame = NDArray[np.uint8]
SHAPE = (4, 6, 3)
BAD = 80  # the value of first frames that cannot be fused


@dataclass
class MadeFuser:
    """Its fused frame is the sum of the exposures."""

    seconds: float = 0.0
    lanes: int = 1
    error: type[Exception] = ValueError
    made: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __post_init__(self) -> None:
        self.gate.set()

    def check(self, count: int, height: int, width: int) -> None:
        if width > 1000:
            raise InputError(f"expected frames of up to 1000, found {width}")

    def host_buffer(self, shape: tuple[int, ...]) -> Frame:
        self.made += 1
        return np.empty(shape, np.uint8)

    def fuse_into(self, out: Frame, exposures: Sequence[Frame]) -> None:
        self.begun.release()
        assert self.gate.wait(20)
        time.sleep(self.seconds)
        if (exposures[0] == BAD).all():
            raise self.error("this bracket is bad")
        np.sum(exposures, axis=0, dtype=np.uint8, out=out)


def made_bracket(value: int, shape: tuple[int, int, int] = SHAPE) -> tuple[Frame, Frame]:
    """Two flat frames; their sum is 3 times the value."""
    return np.full(shape, value, np.uint8), np.full(shape, 2 * value, np.uint8)


def value_of(pixels: Frame) -> int:
    """The value of the bracket that a fused frame came from."""
    (found,) = np.unique(pixels)
    return int(found) // 3
