"""Brackets from a video of a camera that alternates between a short and a long exposure."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.calibration.features import luma_step, mean_luma
from edge_mef.calibration.preprocessing import Preprocessing
from edge_mef.calibration.sources import Candidate, Progress, printable
from edge_mef.data.scenes import reduce_frame
from edge_mef.errors import InputError

Frame = NDArray[np.uint8]

_LEAST_STEP = 0.2  # log2 of mean luma; a stop is about twice as much in the middle of the range
_LEAST_SHARE = 0.5  # of the frames that must alternate; cuts and lost frames take some away


@dataclass
class VideoSource:
    """Pairs of consecutive frames, one dark and one bright.

    A frame as bright as the one before it, as after a lost frame, begins a new pair.
    """

    path: Path
    notes: list[str] = field(default_factory=list)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The video."""
        return (self.path,)

    def scan(self, settings: Preprocessing, progress: Progress) -> Iterator[Candidate]:
        """Yield every pair; `InputError` at the end where the frames do not alternate."""
        if settings.exposures != 2:
            raise InputError(
                f"a video gives brackets of 2 exposures, found {settings.exposures}: ask for 2"
            )
        lumas: list[float] = []
        waiting: Frame | None = None
        for index, total, frame in _read_frames(self.path, settings.longest_side):
            progress(printable(self.path.name), index, total)
            lumas.append(mean_luma(frame))
            if waiting is not None and abs(luma_step(*lumas[-2:])) >= _LEAST_STEP:
                name = f"frames {index - 1} and {index}"
                yield Candidate(index - 1, name, settings.prepare((waiting, frame)))
                waiting = None
            else:
                waiting = frame
        _check_alternation(self.path, lumas)

    def read(self, settings: Preprocessing, keys: Sequence[int]) -> dict[int, tuple[Frame, ...]]:
        """Return the pairs that begin at these frames."""
        wanted = {index for key in keys for index in (key, key + 1)}
        frames = {
            index: frame
            for index, _, frame in _read_frames(self.path, settings.longest_side, wanted)
        }
        if frames.keys() < wanted:
            raise InputError(f"'{self.path}' became shorter while it was read: copy it first")
        return {key: settings.prepare((frames[key], frames[key + 1])) for key in keys}


def alternating_share(lumas: Sequence[float]) -> float:
    """Return the share of frames that differ from the one before and equal the one before that.

    Steps of mean luma must be of opposite sign and of `_LEAST_STEP` or more, and the third frame
    nearer to the first than half the smaller of them: so a cycle of three exposures, a flash and
    a slow change of light do not count.
    """
    triples = list(zip(lumas, lumas[1:], lumas[2:], strict=False))
    return sum(_alternates(*triple) for triple in triples) / max(1, len(triples))


def _alternates(first: float, second: float, third: float) -> bool:
    there, back = luma_step(first, second), luma_step(second, third)
    smaller = min(abs(there), abs(back))
    return smaller >= _LEAST_STEP and there * back < 0 and abs(there + back) < smaller / 2


def _check_alternation(path: Path, lumas: Sequence[float]) -> None:
    share = alternating_share(lumas)
    if share < _LEAST_SHARE:
        raise InputError(
            f"expected a video whose frames alternate between a short and a long exposure, but in "
            f"'{path}' {share:.0%} of {len(lumas)} frames do: record one in such a mode, or give "
            "a folder of brackets"
        )


def _read_frames(
    path: Path, longest_side: int, wanted: set[int] | None = None
) -> Iterator[tuple[int, int, Frame]]:
    """Yield (index, how many the header promises, frame RGB), of all frames or those wanted."""
    with _opened(path) as capture:
        total = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        for index in count():
            if not capture.grab():
                return
            if wanted is not None and index not in wanted:
                continue
            decoded, frame = capture.retrieve()
            if not decoded:
                return
            rgb = np.ascontiguousarray(frame[..., ::-1])
            yield index, max(total, index + 1), reduce_frame(rgb, longest_side)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise InputError(
                f"'{path}' cannot be decoded as a video: copy it again, or convert it to another "
                "format"
            )
        yield capture
    finally:
        capture.release()
