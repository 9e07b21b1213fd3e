"""Brackets out of a running camera: frames are paired by their exposures, never by count.

A camera that alternates between exposures loses frames and delivers some twice. Pairs that are
counted are wrong from then on; exposures tell where a bracket begins.
"""

import math
from collections import deque
from collections.abc import Mapping

from edge_mef.errors import InputError
from edge_mef.stream.frames import CameraBracket, CameraFrame

STEP = 0.5  # stops
_USUAL = 15  # intervals between frames whose median is the usual one
_LATE = 2.5  # usual intervals that lie at most between two frames of a bracket
_FEWEST, _MOST = 2, 9
_FIRST = 1.0  # seconds between the first two frames at most, when nothing is usual yet
REPEATED, STALE, UNKNOWN = "repeated exposure", "too far apart", "no exposure"
LEFT = "left at the end"


class BracketPairing:
    """Collects the frames of a camera into brackets.

    A bracket holds successive frames whose exposures all differ by `step` stops or more. A frame
    whose exposure repeats one that is waiting takes its place; one that has the number of the frame
    before is that frame again, and is dropped. What waits is dropped where the next
    frame comes much later than usual. What became part of no bracket is counted in `dropped`.
    """

    def __init__(
        self,
        exposures: int = 2,
        *,
        step: float = STEP,
        longest: float | None = None,
        overlap: bool = False,
    ) -> None:
        """Begin with none.

        Args:
            exposures: frames of a bracket, 2 to 9.
            step: stops; frames whose exposures differ by less are of one exposure.
            longest: seconds between two successive frames of a bracket at most; None for 2.5 times
                what is usual in this stream. None of it is older than that for each that follows.
            overlap: let every frame make a bracket with those before it, so that there are as many
                fused frames as frames; otherwise a frame is of one bracket only.

        Raises:
            InputError: values out of range.
        """
        if not (isinstance(exposures, int) and _FEWEST <= exposures <= _MOST):
            raise InputError(
                f"expected brackets of {_FEWEST} to {_MOST} frames, found {exposures!r}"
            )
        for what, value in (("step", step), ("longest", longest)):
            if value is None and what == "longest":
                continue
            if not (isinstance(value, int | float) and 0 < value < math.inf):
                raise InputError(f"expected a {what} of more than 0, found {value!r}")
        self._count, self._step, self._longest, self._overlap = exposures, step, longest, overlap
        self._waiting: list[CameraFrame] = []
        self._used = 0  # of those that wait, the first ones were in a bracket already
        self._intervals: deque[float] = deque(maxlen=_USUAL)
        self._last: CameraFrame | None = None
        self._dropped: dict[str, int] = {}

    @property
    def dropped(self) -> Mapping[str, int]:
        """How many frames became part of no bracket, by the reason."""
        return dict(self._dropped)

    def add(self, frame: CameraFrame) -> CameraBracket | None:
        """Take the next frame, and return the bracket that it completes."""
        if self._last is not None and frame.number == self._last.number:
            self._drop(1, REPEATED)
            return None
        if frame.exposure is None or not math.isfinite(frame.exposure):
            self._drop(1, UNKNOWN)
            return None
        self._leave_behind(frame)
        self._remove([other for other in self._waiting if self._alike(frame, other)], REPEATED)
        self._waiting.append(frame)
        if len(self._waiting) < self._count:
            return None
        bracket = CameraBracket(tuple(sorted(self._waiting, key=_exposure)))
        self._waiting = self._waiting[1:] if self._overlap else []
        self._used = len(self._waiting)
        return bracket

    def finish(self) -> None:
        """Count what waits for a bracket that will not come."""
        self._remove(list(self._waiting), LEFT)

    def _leave_behind(self, frame: CameraFrame) -> None:
        """Drop what waits for too long, or was taken after this frame: time began anew."""
        last, self._last = self._last or frame, frame
        since = frame.time - last.time
        # A number that jumps says how many frames the time is shared by.
        interval = since / max(1, frame.number - last.number)
        longest = self._longest or self._usual_gap(interval)
        if not 0 <= since <= longest:
            self._remove(list(self._waiting), STALE)
        most = (self._count - 1) * longest
        self._remove([other for other in self._waiting if frame.time - other.time > most], STALE)
        if since > 0:
            self._intervals.append(interval)

    def _usual_gap(self, interval: float) -> float:
        """Return the longest gap between frames that is no sign of a lost one."""
        ordered = sorted(self._intervals)
        if not ordered:
            return min(_LATE * interval, _FIRST)
        return _LATE * ordered[(len(ordered) - 1) // 2]

    def _alike(self, one: CameraFrame, other: CameraFrame) -> bool:
        return abs(_exposure(one) - _exposure(other)) < self._step

    def _remove(self, frames: list[CameraFrame], reason: str) -> None:
        """Let go of waiting frames; those of a bracket already, the first ones, are not lost."""
        for frame in frames:
            place = next(i for i, other in enumerate(self._waiting) if other is frame)
            del self._waiting[place]
            if place < self._used:
                self._used -= 1
            else:
                self._drop(1, reason)

    def _drop(self, count: int, reason: str) -> None:
        self._dropped[reason] = self._dropped.get(reason, 0) + count


def _exposure(frame: CameraFrame) -> float:
    assert frame.exposure is not None
    return frame.exposure
