"""A thread that reads something at an interval, and the integral of what it read.

All of a sensor that might hang is called in that thread, so that nobody waits longer than
`PATIENCE` for it.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np

from edge_mef.benchmarks.sensors.sensor import NotMeasuredError, reason_of

PATIENCE = 5.0  # seconds to wait for one reading
Value = TypeVar("Value")


@dataclass(frozen=True)
class Sample(Generic[Value]):
    """What was read, and when (of `time.perf_counter`, in seconds)."""

    seconds: float
    value: Value


class Sampler(Generic[Value]):
    """Reads at once, then every `interval` seconds, and once more at the end.

    An error ends the sampling and becomes `failure`; the samples before it are kept.
    """

    def __init__(
        self,
        read: Callable[[], Value],
        interval: float,
        *,
        before: Callable[[], None] = lambda: None,
        after: Callable[[], None] = lambda: None,
        patience: float = PATIENCE,
    ) -> None:
        self._read, self._before, self._after = read, before, after
        self._interval = interval
        self._patience = patience
        self._samples: list[Sample[Value]] = []
        self._taken = 0
        self._asked = threading.Event()
        self._news = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="sensor", daemon=True)
        self.failure: str | None = None

    def start(self) -> None:
        """Start, and wait for the first sample or a failure."""
        self._thread.start()
        self._wait(0)

    def samples(self) -> Sequence[Sample[Value]]:
        """Take one more sample now, and return all."""
        count = self._taken
        self._asked.set()
        self._wait(count)
        return tuple(self._samples)

    def forget(self) -> None:
        """Take one more sample now, and forget all before it."""
        self.samples()
        with self._news:
            del self._samples[:-1]

    def stop(self) -> None:
        """Take the last sample and end the thread; may be called twice."""
        self._ending = True
        self._asked.set()
        if self._thread.ident is not None:
            self._thread.join(self._patience)
            if self._thread.is_alive():
                self._fail(f"no answer within {self._patience:g} s")

    def _wait(self, count: int) -> None:
        """Wait until there are more samples than that, or there will be none."""
        with self._news:
            enough = self._news.wait_for(
                lambda: self._taken > count or self.failure or not self._thread.is_alive(),
                self._patience,
            )
        if not enough:
            self._fail(f"no answer within {self._patience:g} s")

    def _run(self) -> None:
        try:
            self._before()
            while True:
                # In this order: an end that comes in between is seen at once, or asks anew.
                self._asked.clear()
                last = self._ending
                self._take()
                if last or self.failure:
                    break
                self._asked.wait(self._interval)
        except Exception as error:
            self._fail(reason_of(error))
        finally:
            # An error while stopping changes nothing of what was measured.
            with contextlib.suppress(Exception):
                self._after()

    def _take(self) -> None:
        begin = time.perf_counter()
        value = self._read()
        seconds = (begin + time.perf_counter()) / 2
        with self._news:
            self._samples.append(Sample(seconds, value))
            self._taken += 1
            self._news.notify_all()

    def _fail(self, reason: str) -> None:
        with self._news:
            self.failure = self.failure or reason
            self._news.notify_all()


def integrate(seconds: Sequence[float], watts: Sequence[float], begin: float, end: float) -> float:
    """Return the joules between two times, by the trapezoid rule.

    Between samples power is taken as linear, and as constant before the first and after the last.
    """
    if len(seconds) < 2:
        raise NotMeasuredError("fewer than two samples")
    inside = [t for t in seconds if begin < t < end]
    times = [begin, *inside, end]
    powers = np.interp(times, seconds, watts)
    steps = zip(pairwise(times), pairwise(powers.tolist()), strict=True)
    return float(sum((t1 - t0) * (p0 + p1) / 2 for (t0, t1), (p0, p1) in steps))
