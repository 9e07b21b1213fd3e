"""Timing calls until their percentiles are known: each alone until it is warm, then all in turn.

In every round each call comes once, in an order drawn anew (a randomized block design: Box, Hunter
and Hunter, "Statistics for Experimenters", 2nd edition, 2005, chapter 4). What slows the machine
for a while then meets all of them alike, and no order falls into step with it.
"""

import gc
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from edge_mef.benchmarks.statistics import (
    FEWEST_SAMPLES,
    PERCENTS,
    Percentile,
    Warmth,
    percentile_interval,
    warm_up,
)
from edge_mef.benchmarks.timing import sample

Call = Callable[[], object]
Tick = Callable[[], None]

_SHARE_OF_WARMUP = 0.25  # of the seconds
_FEWEST_WARMUP = 2  # calls; where one takes longer than all the seconds, still these
_LEAST_SHARE = 1 / 3  # of the seconds: a machine's speed moves within seconds
_CHECK_EVERY = 10  # rounds: an interval takes longer to compute than a small call


@dataclass(frozen=True)
class Effort:
    """How much is measured of each call.

    Attributes:
        fewest: samples, if there is time for them.
        percentile: there are samples enough for its interval, if there is time for them.
        seconds: the time of each call's samples; `FEWEST_SAMPLES` are taken in any case. All
            together take a third of it at least.
        most: samples, whatever else is asked.
    """

    fewest: int = 100
    percentile: Percentile = "p90"
    seconds: float = 15.0
    most: int = 5000


@dataclass
class Turn:
    """One call and its samples so far, in milliseconds, in the order they were measured."""

    call: Call
    warmup: list[float] = field(default_factory=list)
    samples: list[float] = field(default_factory=list)
    warmth: Warmth = "warming"
    spent: float = 0.0  # seconds of all samples

    def take(self) -> None:
        """Call once, and add the sample."""
        took = sample(self.call)
        self.samples.append(took)
        self.spent += took / 1e3


def warm(turn: Turn, effort: Effort, tick: Tick) -> None:
    """Call until the medians of the last windows agree, or a quarter of the time is over."""
    limit = effort.seconds * _SHARE_OF_WARMUP
    with steady():
        while turn.warmth == "warming":
            turn.warmup.append(sample(turn.call))
            turn.warmth = warm_up(turn.warmup)
            over = sum(turn.warmup) / 1e3 > limit and len(turn.warmup) >= _FEWEST_WARMUP
            if over and turn.warmth == "warming":
                turn.warmth = "unsettled"
            tick()


def take_turns(
    turns: Sequence[Turn],
    effort: Effort,
    tick: Tick,
    *,
    beside: Sequence[Turn] = (),
    seed: int = 0,
) -> None:
    """Add samples to all until each has enough; `tick` is called after every round.

    Those `beside` come along in every round, and nobody waits for them.

    A call that has spent its time leaves after `FEWEST_SAMPLES` rounds, so that a slow one need not
    be called as often as a quick one: sample i of all is of round i. What was measured is in the
    turns even if this is interrupted.
    """
    drawn = random.Random(seed)
    active = list(turns)
    begun = time.monotonic()
    with steady():
        while active:
            drawn.shuffle(order := [*active, *beside])
            for turn in order:
                turn.take()
            tick()
            active = [turn for turn in active if not _is_out_of_time(turn, effort)]
            if time.monotonic() - begun < effort.seconds * _LEAST_SHARE:
                continue
            if all(_has_enough(turn, effort) for turn in active):
                break


@contextmanager
def steady() -> Iterator[None]:
    """Keep Python's garbage collector out of the samples, as `timeit` does."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def expected_rounds(turn: Turn, effort: Effort) -> int:
    """Return about how many samples a call will have, from how long it took so far."""
    known = turn.samples or turn.warmup
    if not known:
        return effort.fewest
    in_time = effort.seconds * 1e3 * len(known) / sum(known)
    asked = max(effort.fewest, int(in_time * _LEAST_SHARE))
    return max(FEWEST_SAMPLES, min(asked, int(in_time), effort.most), len(turn.samples))


def _is_out_of_time(turn: Turn, effort: Effort) -> bool:
    count = len(turn.samples)
    if count >= effort.most:
        return True
    return count >= FEWEST_SAMPLES and turn.spent >= effort.seconds


def _has_enough(turn: Turn, effort: Effort) -> bool:
    count = len(turn.samples)
    if count < max(effort.fewest, FEWEST_SAMPLES) or (count - effort.fewest) % _CHECK_EVERY:
        return False
    return percentile_interval(turn.samples, PERCENTS[effort.percentile]) is not None
