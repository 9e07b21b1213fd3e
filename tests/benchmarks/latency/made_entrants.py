"""Entrants that fuse as long as they are told to, without a bundle."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.footprint import FootprintRequest
from edge_mef.benchmarks.latency.entrants import Entrant, Opened, Size
from edge_mef.benchmarks.latency.request import Listener, Request
from edge_mef.benchmarks.latency.turns import Effort
from edge_mef.benchmarks.records import Load, Record, Subject
from edge_mef.errors import InputError

Frame = NDArray[np.uint8]
QUICK = Effort(fewest=20, percentile="median", seconds=0.5)
NO_PROCESS = frozenset({"memory", "quality"})


class Sleeper(Opened):
    def __init__(self, seconds: float, on_call: Callable[[int], None]) -> None:
        self.load = Load(open_ms=1.0, first_ms=2.0)
        self.calls, self.closed = 0, False
        self._seconds, self._on_call = seconds, on_call

    def fuse(self, *exposures: Frame) -> Frame:
        self.calls += 1
        self._on_call(self.calls)
        time.sleep(self._seconds)
        return exposures[0]

    def describe(self) -> dict[str, str]:
        return {"runtime": "sleep", "device": "CPU"}

    def close(self) -> None:
        self.closed = True


@dataclass
class SleepyEntrant(Entrant):
    title: str = "sleepy"
    seconds: float = 0.001
    refused: Sequence[Size] = ()
    on_call: Callable[[int], None] = lambda calls: None
    runtime: str = "sleep"
    phases_missing: str | None = "sleep has no phases"
    layers_missing: str | None = "sleep has no layers"
    opened: list[Sleeper] = field(default_factory=list)
    closed_before_footprint: bool | None = None

    def refusals(self, exposures: int, sizes: Sequence[Size]) -> dict[Size, InputError]:
        return {size: InputError(f"no {size}") for size in sizes if size in self.refused}

    def open(self, frames: Sequence[Frame]) -> Sleeper:
        self.opened.append(Sleeper(self.seconds, self.on_call))
        return self.opened[-1]

    def subject(self, opened: Opened) -> Subject:
        return Subject(kind="peer", title=self.title, runtime=self.runtime)

    def footprint(self, exposures: int, size: Size) -> FootprintRequest:
        self.closed_before_footprint = all(one.closed for one in self.opened)
        return FootprintRequest(*size, bundle="there is no such bundle", exposures=exposures)


@dataclass
class Kept:
    """Records as they are kept, and what was shown."""

    records: list[Record] = field(default_factory=list)
    shown: list[tuple[str, int, int]] = field(default_factory=list)

    def listener(
        self, held_off: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> Listener:
        return Listener(self.records.append, lambda *told: self.shown.append(told), held_off)


def request(*entrants: Entrant, sizes: Sequence[Size] = ((32, 48),), **changes: object) -> Request:
    values: dict[str, object] = {"effort": QUICK, "skipped": NO_PROCESS} | changes
    return Request(entrants=entrants, sizes=tuple(sizes), **values)  # type: ignore[arg-type]
