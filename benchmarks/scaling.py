"""How latency grows with the size of frames: a fixed part and one for each pixel, and a power law.

Errors count relative to what was measured, as noise grows with the time.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.statistics import LEVEL
from edge_mef.errors import InputError

FEWEST_SIZES = 3  # two points are always on a line
_Values = NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """What sizes and times say, t = fixed + per_megapixel * MP and t = factor * MP^exponent.

    Attributes:
        sizes: the megapixels that were measured, each once, rising; nothing is claimed beyond.
        fixed: milliseconds that a frame of any size takes, >= 0.
        per_megapixel: milliseconds more for a million pixels, >= 0.
        linear_residual, power_residual: the largest of each model, relative to what was measured.
        factor: milliseconds of a megapixel, by the power law.
        exponent: 1 where twice the pixels take twice the time.
        exponent_low, exponent_high: its interval.
        level: of the interval.
    """

    sizes: tuple[float, ...]
    fixed: float
    per_megapixel: float
    linear_residual: float
    power_residual: float
    factor: float
    exponent: float
    exponent_low: float
    exponent_high: float
    level: float

    @property
    def is_linear(self) -> bool:
        """Whether the first model is the better one: its largest residual is not larger."""
        return self.linear_residual <= self.power_residual

    @property
    def largest_residual(self) -> float:
        """The residual of the better model."""
        return min(self.linear_residual, self.power_residual)

    def milliseconds(self, megapixels: float) -> float:
        """Return what the better model gives for a size."""
        if self.is_linear:
            return self.fixed + self.per_megapixel * megapixels
        return float(self.factor * megapixels**self.exponent)


def fit_scaling(
    megapixels: Sequence[float], milliseconds: Sequence[float], *, level: float = LEVEL
) -> Scaling:
    """Fit both models to times of several sizes.

    Args:
        megapixels: > 0, of at least `FEWEST_SIZES` different sizes.
        milliseconds: > 0, one for each.
        level: of the interval of the exponent, which is that of a line through the logarithms
            (Student's t; Draper and Smith, "Applied Regression Analysis", 1998, section 1.4).

    Raises:
        InputError: not such numbers, or too few sizes.
    """
    pixels, times = _checked(megapixels, milliseconds)
    sizes = tuple(np.unique(pixels).tolist())
    if len(sizes) < FEWEST_SIZES:
        raise InputError(
            f"expected at least {FEWEST_SIZES} sizes, found {len(sizes)}: measure more sizes"
        )
    fixed, slope = _non_negative_line(pixels, times)
    factor, exponent, margin = _power_law(pixels, times, level)
    return Scaling(
        sizes=sizes,
        fixed=fixed,
        per_megapixel=slope,
        linear_residual=_largest(fixed + slope * pixels, times),
        power_residual=_largest(factor * pixels**exponent, times),
        factor=factor,
        exponent=exponent,
        exponent_low=exponent - margin,
        exponent_high=exponent + margin,
        level=level,
    )


def _checked(megapixels: Sequence[float], milliseconds: Sequence[float]) -> tuple[_Values, _Values]:
    pixels, times = (np.asarray(v, dtype=np.float64) for v in (megapixels, milliseconds))
    if pixels.shape != times.shape or pixels.ndim != 1:
        raise InputError(
            f"expected as many sizes as times, found {pixels.shape} and {times.shape}: give a time "
            "for each size"
        )
    both = np.concatenate((pixels, times))
    if not np.isfinite(both).all() or not (both > 0).all():
        raise InputError(
            "expected sizes and times of more than 0, found some that are not: give what was "
            "measured"
        )
    return pixels, times


def _non_negative_line(pixels: _Values, times: _Values) -> tuple[float, float]:
    """Minimize the squares of relative errors; the problem is convex, so an edge is next best."""
    design = np.stack((1 / times, pixels / times), axis=1)
    ones = np.ones_like(times)
    fixed, slope = (float(v) for v in np.linalg.lstsq(design, ones, rcond=None)[0])
    if fixed >= 0 and slope >= 0:
        return fixed, slope
    best = (design.sum(axis=0) / (design * design).sum(axis=0)).tolist()
    edges = ((0.0, float(best[1])), (float(best[0]), 0.0))
    return min(edges, key=lambda edge: float(np.square(design @ np.array(edge) - ones).sum()))


def _power_law(pixels: _Values, times: _Values, level: float) -> tuple[float, float, float]:
    """Return the factor, the exponent, and by how much the exponent may be off."""
    x, y = np.log(pixels), np.log(times)
    centred = x - x.mean()
    squares = float((centred * centred).sum())
    exponent = float((centred * y).sum()) / squares
    errors = y - y.mean() - exponent * centred
    freedom = len(x) - 2
    deviation = math.sqrt(float((errors * errors).sum()) / freedom / squares)
    factor = math.exp(float(y.mean()) - exponent * float(x.mean()))
    return factor, exponent, student_quantile((1 + level) / 2, freedom) * deviation


def student_quantile(share: float, freedom: int) -> float:
    """Return the quantile of Student's t for a share between 0.5 and 1, by bisection."""
    if not 0.5 <= share < 1:
        raise InputError(f"expected a share from 0.5 to below 1, found {share}: try 0.975")
    low, high = 0.0, 1.0
    while _student_inside(high, freedom) < 2 * share - 1:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        inside = _student_inside(middle, freedom) < 2 * share - 1
        low, high = (middle, high) if inside else (low, middle)
    return high


def _student_inside(t: float, freedom: int) -> float:
    """Return the probability of -t to t (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for k in range(freedom // 2):
        total += term
        term *= cosine * ((2 * k + 2) / (2 * k + 3) if odd else (2 * k + 1) / (2 * k + 2))
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total


def _largest(found: _Values, times: _Values) -> float:
    return float((np.abs(found - times) / times).max())
