"""Which of many samples a plot shows, so that a page with many records stays small."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_SHOWN = 500  # samples of one record
_MARKS = 40_000  # of a whole page
_FEWEST = 80


def samples_shown(records: int) -> int:
    """Return how many samples of each of so many records are shown at most."""
    return max(_FEWEST, min(MOST_SHOWN, _MARKS // max(1, records)))


def by_rank(samples: Sequence[float], most: int) -> NDArray[np.intp]:
    """Return the indices of samples that stand for all: a quarter are the most extreme ones.

    All of them where there are no more than `most`; otherwise the tails whole, and of the rest
    every so many by rank, so that their distribution is that of all.
    """
    if len(samples) <= most:
        return np.arange(len(samples))
    order = np.argsort(np.asarray(samples), kind="stable")
    tail = most // 8
    inner = np.linspace(tail, len(order) - tail - 1, most - 2 * tail).round().astype(np.intp)
    return np.unique(np.concatenate((order[:tail], order[inner], order[len(order) - tail :])))


def by_time(samples: Sequence[float], most: int) -> list[tuple[float, float]]:
    """Return (place, ms) of samples in order, from so many stretches the least and the greatest."""
    if len(samples) <= most:
        return [(float(i), value) for i, value in enumerate(samples)]
    values = np.asarray(samples)
    shown: list[tuple[float, float]] = []
    for places in np.array_split(np.arange(len(values)), most // 2):
        part = values[places]
        ends = sorted({int(part.argmin()), int(part.argmax())})
        shown += [(float(places[i]), float(part[i])) for i in ends]
    return shown


def running_medians(samples: Sequence[float], most: int = 60) -> list[tuple[float, float]]:
    """Return (place, ms): the medians of up to so many stretches of 5 samples or more."""
    values = np.asarray(samples)
    stretches = max(1, min(most, len(values) // 5))
    parts = np.array_split(np.arange(len(values)), stretches)
    return [(float(p.mean()), float(np.median(values[p]))) for p in parts]


def tenths(samples: Sequence[float]) -> list[float]:
    """Return the medians of ten stretches in order, fewer where there are fewer samples."""
    parts = np.array_split(np.asarray(samples), min(10, len(samples)))
    return [float(np.median(part)) for part in parts]
