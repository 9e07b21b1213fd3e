"""Axes: where a value lies, and which values get a tick."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_LOG_STEPS: tuple[tuple[float, ...], ...] = (
    (1, 1.5, 2, 3, 4, 5, 7),
    (1, 2, 3, 5),
    (1, 2, 5),
    (1, 3),
    (1,),
)


@dataclass(frozen=True)
class Axis:
    """Maps values from low to high onto coordinates from start to end."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the coordinate of a value; one beyond an end is put on that end."""
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Return at most so many round values, two at least."""
        if self.log:
            for mantissas in _LOG_STEPS:
                found = self._powers(mantissas)
                if 3 <= len(found) <= most:
                    return found
            if len(found := self._powers((1,))) > most:
                return found[:: math.ceil(len(found) / most)]
        return self._even(most)

    def _powers(self, mantissas: Sequence[float]) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        values = [m * 10.0**power for power in range(first, last + 1) for m in mantissas]
        return [value for value in values if self.low <= value <= self.high]

    def _even(self, most: int) -> list[float]:
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(s * power for s in _STEPS if s * power >= rough * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [i * step for i in range(first, last + 1)]


def tick_texts(values: Sequence[float]) -> list[str]:
    """Return ticks with as few decimals as they need."""
    return [f"{value:,.9f}".rstrip("0").rstrip(".").replace(",", "\u202f") for value in values]


def axis_around(
    values: Sequence[float], start: float, end: float, *, log: bool, margin: float = 0.05
) -> Axis:
    """Return an axis on which all values have some room."""
    low, high = min(values), max(values)
    if log:
        room = max((high / low) ** margin, 1.05)
        return Axis(low / room, high * room, start, end, log=True)
    spread = max((high - low) * margin, abs(high) * 0.01) or 1.0
    return Axis(low - spread, high + spread, start, end)


def axis_from_zero(values: Sequence[float], start: float, end: float) -> Axis:
    """Return an axis for bars, whose length is what counts."""
    return Axis(0.0, max(max(values), 1e-9) * 1.02, start, end)
