"""What a stream did: how many brackets came, went and were dropped, how fast and how late."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

_KEPT = 2000  # frames whose times are remembered; a minute or so of a camera


@dataclass(frozen=True)
class StageTimes:
    """Where the time of one bracket went, in milliseconds.

    Attributes:
        copy: copying it into the ring, 0 where it was lent.
        wait: waiting for a worker.
        fuse: the runtime's call.
        held: waiting until it was taken out.
    """

    copy: float
    wait: float
    fuse: float
    held: float = 0.0

    @property
    def latency(self) -> float:
        """From `submit` to the fused frame, before anybody took it."""
        return self.copy + self.wait + self.fuse


@dataclass(frozen=True)
class StreamStatistics:
    """Counts since the beginning, and times of the last frames.

    Attributes:
        submitted: brackets that were taken in.
        fused: frames that were taken out.
        failed: brackets that could not be fused.
        dropped: brackets that were never fused or never taken out, by the reason.
        late: fused frames that came after their deadline.
        fps: frames per second that were taken out lately; nan before the second one.
        p50, p99: of the latency of the last frames, in milliseconds; nan before the first one.
    """

    submitted: int
    fused: int
    failed: int
    dropped: Mapping[str, int]
    late: int
    fps: float
    p50: float
    p99: float


@dataclass
class Tally:
    """The counters behind the statistics; whoever changes them holds the stream's lock."""

    submitted: int = 0
    fused: int = 0
    failed: int = 0
    late: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    _latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _ends: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def drop(self, reason: str) -> None:
        """Count a bracket that is lost on purpose."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def deliver(self, times: StageTimes, now: float, *, late: bool) -> None:
        """Count a fused frame that is taken out at `now`, in seconds of any clock."""
        self.fused += 1
        self.late += late
        self._latencies.append(times.latency)
        self._ends.append(now)

    def read(self) -> StreamStatistics:
        """Return the statistics so far."""
        ordered = sorted(self._latencies)
        return StreamStatistics(
            submitted=self.submitted,
            fused=self.fused,
            failed=self.failed,
            dropped=dict(self.dropped),
            late=self.late,
            fps=self._rate(),
            p50=nearest_rank(ordered, 50),
            p99=nearest_rank(ordered, 99),
        )

    def _rate(self) -> float:
        passed = self._ends[-1] - self._ends[0] if len(self._ends) > 1 else 0.0
        return (len(self._ends) - 1) / passed if passed > 0 else math.nan


def nearest_rank(ordered: list[float], percent: float) -> float:
    """Return a percentile of ordered values as one of them; nan where there are none."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]
