"""Timing calls: warm up, repeat, and report the median and the tails."""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Durations of repeated calls, in milliseconds, in the order they were measured."""

    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        """The 50th percentile in milliseconds."""
        return self.percentile(50.0)

    def percentile(self, percent: float) -> float:
        """Return a percentile in milliseconds, interpolated between the nearest samples."""
        ordered = sorted(self.samples)
        place = (len(ordered) - 1) * percent / 100.0
        low, high = math.floor(place), math.ceil(place)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def time_call(call: Callable[[], object], *, repeats: int = 10, warmup: int = 2) -> Timing:
    """Time a call that returns when its work is done; the warm-up calls are not counted."""
    return time_interleaved([call], repeats=repeats, warmup=warmup)[0]


def time_interleaved(
    calls: Sequence[Callable[[], object]], *, repeats: int = 10, warmup: int = 2
) -> list[Timing]:
    """Time several calls round by round, so that a disturbance meets all of them alike.

    The order within a round is drawn anew, the same on every machine: a fixed one can fall into
    step with the time slices of the system.
    """
    samples: list[list[float]] = [[] for _ in calls]
    order, draw = list(range(len(calls))), random.Random(0)
    for repeat in range(warmup + repeats):
        draw.shuffle(order)
        for index in order:
            elapsed = sample(calls[index])
            if repeat >= warmup:
                samples[index].append(elapsed)
    return [Timing(tuple(row)) for row in samples]


def sample(call: Callable[[], object]) -> float:
    """Return how long a call takes, in milliseconds, > 0."""
    started = time.perf_counter_ns()
    call()
    # A clock that did not move says that it took less than its step.
    return max(time.perf_counter_ns() - started, 1) / 1e6
