"""Several streams at a time: each calls back to back on a thread of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edge_mef.benchmarks.latency.turns import Call, steady
from edge_mef.benchmarks.timing import sample

_LOOK = 0.05  # seconds between two looks at the time


@dataclass
class Burst:
    """Calls back to back: the samples in milliseconds, in the order they ended, and the time."""

    samples: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def frames_per_second(self) -> float:
        """Calls by the time from the first one's begin to the last one's end."""
        return len(self.samples) / self.seconds


class _Stream(threading.Thread):
    """Calls until it is told to stop; every call that has begun is finished."""

    def __init__(self, call: Call, stop: threading.Event) -> None:
        super().__init__(name="stream", daemon=True)
        self._call, self._stop_asked = call, stop
        self.found: list[tuple[float, float]] = []  # (end, milliseconds)
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._stop_asked.is_set():
                took = sample(self._call)
                self.found.append((time.perf_counter(), took))
        except BaseException as error:
            self.error = error
            self._stop_asked.set()


def run_streams(
    calls: Sequence[Call],
    *,
    seconds: float,
    fewest: int = 2,
    enough: Callable[[Sequence[float]], bool] | None = None,
    into: Burst | None = None,
) -> Burst:
    """Run each call back to back for so many seconds, and each at least `fewest` times.

    One call runs on this thread, several on one each. `enough` may end it earlier, by the samples
    so far. What a call raises ends all, and is raised here; what was measured is in `into` then.
    """
    burst = Burst() if into is None else into
    with steady():
        if len(calls) == 1:
            _run_one(calls[0], seconds, fewest, enough, burst)
        else:
            _run_several(calls, seconds, fewest, enough, burst)
    return burst


def _run_one(
    call: Call,
    seconds: float,
    fewest: int,
    enough: Callable[[Sequence[float]], bool] | None,
    burst: Burst,
) -> None:
    started = time.perf_counter()
    while len(burst.samples) < fewest or burst.seconds < seconds:
        burst.samples.append(sample(call))
        burst.seconds = time.perf_counter() - started
        if enough is not None and len(burst.samples) >= fewest and enough(burst.samples):
            break


def _run_several(
    calls: Sequence[Call],
    seconds: float,
    fewest: int,
    enough: Callable[[Sequence[float]], bool] | None,
    burst: Burst,
) -> None:
    stop = threading.Event()
    streams = [_Stream(call, stop) for call in calls]
    started = time.perf_counter()
    try:
        for stream in streams:
            stream.start()
        while not stop.wait(_LOOK):
            over = time.perf_counter() - started >= seconds
            if enough is not None and not over:
                over = enough([took for stream in streams for _, took in stream.found])
            if over and min(len(stream.found) for stream in streams) >= fewest:
                break
    finally:
        stop.set()
        for stream in streams:
            if stream.ident is not None:
                stream.join()
        found = sorted(one for stream in streams for one in tuple(stream.found))
        burst.samples += [took for _, took in found]
        burst.seconds = found[-1][0] - started if found else 0.0
    for stream in streams:
        if stream.error is not None:
            raise stream.error
