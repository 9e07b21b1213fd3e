"""The phases of one fusion: how long it copied in, computed, and copied out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from typing_extensions import Self

Phase = Literal["copy_in", "compute", "copy_out"]


@dataclass(frozen=True)
class PhaseTimes:
    """Wall time of the phases of one call in milliseconds; together they are the call."""

    copy_in: float
    compute: float
    copy_out: float


class PhaseClock:
    """A watch that starts when it is made; each of its laps goes to a phase."""

    running = True

    def __init__(self) -> None:
        self._spent: dict[Phase, float] = {"copy_in": 0.0, "compute": 0.0, "copy_out": 0.0}
        self._since = time.perf_counter_ns()

    def lap(self, phase: Phase) -> None:
        """Count the time since the last lap for a phase."""
        now = time.perf_counter_ns()
        self._spent[phase] += now - self._since
        self._since = now

    def for_thread(self) -> Self:
        """Return a clock for work of another thread, to be given to `share` afterwards."""
        return type(self)()

    def share(self, others: Sequence["PhaseClock"]) -> None:
        """Divide the time since the last lap in the proportion of what other clocks counted.

        Threads work side by side, so that their times add up to more than has passed.
        """
        now = time.perf_counter_ns()
        passed, self._since = now - self._since, now
        worked = {phase: sum(other._spent[phase] for other in others) for phase in self._spent}
        total = sum(worked.values()) or 1.0
        for phase, spent in worked.items():
            self._spent[phase] += passed * spent / total

    def times(self) -> PhaseTimes:
        """Return what the laps add up to, in milliseconds."""
        return PhaseTimes(**{phase: spent / 1e6 for phase, spent in self._spent.items()})


class NoClock(PhaseClock):
    """A clock for calls that nobody times: it does nothing, so that they cost no more."""

    running = False

    def lap(self, phase: Phase) -> None:
        """Do nothing."""

    def for_thread(self) -> Self:
        """Return itself."""
        return self

    def share(self, others: Sequence[PhaseClock]) -> None:
        """Do nothing."""


NO_CLOCK = NoClock()
