"""Which precision on which runtime: the decision, from measurements that were made elsewhere.

Of all whose gate holds, the fastest wins, unless a more precise one is as fast within the noise.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge_mef.benchmarks.timing import Timing
from edge_mef.manifest import Precision

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")  # the most precise first
# What is won by less than this is not worth a bit, whatever the noise.
LEAST_GAIN = 0.03


@dataclass(frozen=True)
class Quality:
    """How far the fused scenes are from those of the float pipeline.

    Attributes:
        psnr: the lowest of the scenes in dB, infinite where all are equal.
        difference: the largest of all values in grey levels.
        mef_ssim: MEF-SSIM less that of the float pipeline, in the scene where they differ most.
        gate: what it has to be.
        holds: whether it is.
    """

    psnr: float
    difference: int
    mef_ssim: float
    gate: str
    holds: bool

    @property
    def text(self) -> str:
        """The numbers, for people."""
        psnr = f"{self.psnr:.1f} dB" if math.isfinite(self.psnr) else "equal pictures"
        levels = f"{self.difference} grey level{'' if self.difference == 1 else 's'}"
        return f"{psnr}, within {levels}, MEF-SSIM {self.change}"

    @property
    def change(self) -> str:
        """The change of MEF-SSIM, for people; there is no -0.0000."""
        return f"{round(self.mef_ssim, 4) + 0.0:+.4f}"


@dataclass(frozen=True)
class Candidate:
    """One bundle on one runtime, measured.

    Attributes:
        bundle: its name, None where there is one of each precision.
        artefact: the file that ran, or "stages".
        weight_bytes: of the network's weights in what ran, None where they cannot be counted.
    """

    bundle: str | None
    precision: Precision
    runtime: str
    artefact: str
    timing: Timing
    quality: Quality
    weight_bytes: int | None

    @property
    def name(self) -> str:
        """What sentences call it."""
        own = self.precision if self.bundle is None else f"{self.bundle} ({self.precision})"
        return f"{own} on {self.runtime}"

    @property
    def rank(self) -> int:
        """The place of its precision, 0 is the most precise."""
        return PRECISIONS.index(self.precision)


def noise(timing: Timing) -> float:
    """Return how far off a median may be, in milliseconds.

    Half the notch of a box plot, 1.57 interquartile ranges over the root of the number of samples:
    where the notches of two medians do not overlap, they differ at about the 95% level (McGill,
    Tukey and Larsen, "Variations of Box Plots", The American Statistician 32, 1978).
    """
    spread = timing.percentile(75.0) - timing.percentile(25.0)
    return 1.57 * spread / math.sqrt(len(timing.samples))


def as_fast(one: Timing, other: Timing) -> bool:
    """Say whether two medians differ by no more than the noise, or by less than `LEAST_GAIN`."""
    least = LEAST_GAIN * min(one.median, other.median)
    return abs(one.median - other.median) <= max(least, noise(one) + noise(other))


def choose_candidate(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the winner, or None where no gate holds."""
    holding = [c for c in candidates if c.quality.holds]
    if not holding:
        return None
    fastest = min(holding, key=lambda c: c.timing.median)
    equal = [c for c in holding if as_fast(c.timing, fastest.timing)]
    return min(equal, key=lambda c: (c.rank, c.timing.median))


def explain(winner: Candidate | None, candidates: Sequence[Candidate]) -> str:
    """Say in one or two sentences which to take, and what became of the others."""
    if winner is None:
        return f"Nothing holds its gate here: {'; '.join(_miss(c) for c in candidates)}."
    holding = [c for c in candidates if c.quality.holds]
    quickest = all(winner.timing.median <= c.timing.median for c in holding)
    why = "the fastest" if quickest else "as fast as any within the noise, and the most precise"
    cost = "" if winner.rank == 0 else f", at {winner.quality.text}"
    only = " of what could be measured" if len(candidates) == 1 else " that holds its gate"
    first = f"Take {winner.name}: {winner.timing.median:.1f} ms, {why}{only}{cost}."
    others = "; ".join(_compare(rival, winner) for rival in _rivals(winner, candidates))
    return f"{first} The others: {others}." if others else first


def _rivals(winner: Candidate, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The best of every other precision, and all others of the winner's own."""
    own = [c for c in candidates if c.rank == winner.rank and c is not winner]
    others = [
        min(group, key=lambda c: (not c.quality.holds, c.timing.median))
        for precision in PRECISIONS
        if precision != winner.precision
        and (group := [c for c in candidates if c.precision == precision])
    ]
    return [*others, *sorted(own, key=lambda c: c.timing.median)]


def _compare(rival: Candidate, winner: Candidate) -> str:
    if not rival.quality.holds:
        return _miss(rival)
    less = rival.rank > winner.rank
    if as_fast(rival.timing, winner.timing):
        cost = f" and less precise ({rival.quality.text})" if less else ""
        return f"{rival.name} is as fast within the noise{cost}"
    ratio = rival.timing.median / winner.timing.median
    cost = f" and costs precision ({rival.quality.text})" if less else ""
    return f"{rival.name} takes {ratio:.2f} times as long{cost}"


def _miss(candidate: Candidate) -> str:
    quality = candidate.quality
    return f"{candidate.name} misses its gate ({quality.gate}): {quality.text}"
