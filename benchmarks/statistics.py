"""What raw latency samples say: percentiles with intervals, ratios of runs, and when it is warm.

Samples are milliseconds, in the order in which they were measured: neighbours resemble each other,
and all that is said of how sure a number is takes that into account. A percentile is interpolated
between the nearest samples (Hyndman and Fan, "Sample Quantiles in Statistical Packages", The
American Statistician 50, 1996, type 7).
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from edge_mef.errors import InputError

Values = NDArray[np.float64]
Samples = Sequence[float] | Values
Percentile = Literal["median", "p90", "p95", "p99"]
Warmth = Literal["warming", "stable", "unsettled"]

PERCENTS: dict[Percentile, float] = {"median": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0}
LEVEL = 0.95
FEWEST_SAMPLES = 10  # of a ratio: fewer say next to nothing about how they vary
REPLICATES = 1000
WINDOW, TOLERANCE, MOST_WARMUP = 10, 0.03, 200
_MOST_AT_ONCE = 4_000_000  # samples that are drawn together: 32 MB


class _Result(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Summary(_Result):
    """The numbers of one series of samples; durations are milliseconds.

    Attributes:
        std: the standard deviation with n - 1; None for a single sample, as is `jitter`.
        jitter: the mean absolute difference of successive samples (the delay variation of RFC 3393,
            section 1, of all neighbours).
        independent: how many independent samples would be worth as much as these.
        level: of the intervals.
        intervals: of each percentile, lower and upper end; None where there are too few samples
            for one.
    """

    count: int = Field(ge=1)
    mean: float
    median: float
    p90: float
    p95: float
    p99: float
    max: float
    min: float
    std: float | None
    jitter: float | None
    independent: int = Field(ge=1)
    level: float = Field(gt=0, lt=1)
    intervals: dict[Percentile, tuple[float, float] | None]


class Ratio(_Result):
    """How many times as long the second takes as the first, with an interval around it."""

    ratio: float = Field(gt=0)
    low: float = Field(gt=0)
    high: float = Field(gt=0)
    level: float = Field(gt=0, lt=1)


def summarize(samples: Samples, *, level: float = LEVEL) -> Summary:
    """Return the numbers of a series.

    Args:
        samples: milliseconds > 0, in the order they were measured, at least one.
        level: of the intervals, between 0 and 1.

    Raises:
        InputError: no samples, or some that are no durations.
    """
    values = _checked(samples, 1)
    several = len(values) > 1
    percentiles = {name: float(np.percentile(values, p)) for name, p in PERCENTS.items()}
    ordered, independent = np.sort(values), _independent(values)
    intervals = {
        name: _order_interval(ordered, p / 100, level, independent) for name, p in PERCENTS.items()
    }
    return Summary(
        count=len(values),
        mean=float(values.mean()),
        **percentiles,
        max=float(ordered[-1]),
        min=float(ordered[0]),
        std=float(values.std(ddof=1)) if several else None,
        jitter=float(np.abs(np.diff(values)).mean()) if several else None,
        independent=independent,
        level=level,
        intervals=intervals,
    )


def percentile_interval(
    samples: Samples, percent: float, *, level: float = LEVEL
) -> tuple[float, float] | None:
    """Return the interval of a percentile (0 to 100) in milliseconds, None with too few samples.

    Two samples by their rank, which the binomial distribution gives and no distribution of the
    samples is assumed for (Le Boudec, "Performance Evaluation of Computer and Communication
    Systems", EPFL Press 2010, theorem 2.1). Ranks are those of so many samples as these are worth.
    """
    values = _checked(samples, 1)
    return _order_interval(np.sort(values), percent / 100, level, _independent(values))


def bootstrap_ratio(
    before: Samples,
    after: Samples,
    *,
    percent: float = 50.0,
    level: float = LEVEL,
    seed: int = 0,
) -> Ratio:
    """Return the ratio of a percentile, after by before, of two runs that were made apart.

    The interval is that of the moving-block bootstrap (Kuensch, "The Jackknife and the Bootstrap
    for General Stationary Observations", The Annals of Statistics 17, 1989), each run drawn for
    itself, its blocks as long as `block_length` says; it is widened where blocks are few. It knows
    what varies within a run, and nothing of what differs from run to run. The same seed gives the
    same interval.

    Raises:
        InputError: fewer than `FEWEST_SAMPLES`, or some that are no durations.
    """
    one, other = _checked(before, FEWEST_SAMPLES), _checked(after, FEWEST_SAMPLES)
    random = np.random.default_rng(seed)
    drawn = [_replicates(np.log(values), percent, level, random) for values in (one, other)]
    found = np.percentile(np.log(other), percent) - np.percentile(np.log(one), percent)
    return _ratio(float(found), drawn[1] - drawn[0], level)


def paired_ratio(
    before: Samples,
    after: Samples,
    *,
    percent: float = 50.0,
    level: float = LEVEL,
    seed: int = 0,
) -> Ratio:
    """Return the ratio of two that took turns (A B A B), so that sample i of both is a pair.

    It is a percentile of the ratios of all pairs, the median where nothing is said: what slows both
    down cancels out. The interval is that of `bootstrap_ratio`, with blocks of pairs.

    Raises:
        InputError: not as many of one as of the other, or as `bootstrap_ratio` does.
    """
    one, other = _checked(before, FEWEST_SAMPLES), _checked(after, FEWEST_SAMPLES)
    if len(one) != len(other):
        raise InputError(
            f"expected pairs of samples, found {len(one)} and {len(other)}: measure both in turn, "
            "or compare them as runs of their own"
        )
    pairs = np.log(other) - np.log(one)
    random = np.random.default_rng(seed)
    drawn = _replicates(pairs, percent, level, random)
    return _ratio(float(np.percentile(pairs, percent)), drawn, level)


def block_length(samples: Samples) -> int:
    """Return how many successive samples make a block of the bootstrap.

    What is best for the mean of a first-order autoregression, (6 r^2 / (1 - r^2)^2)^(1/3) n^(1/3)
    (Andrews, "Heteroskedasticity and Autocorrelation Consistent Covariance Matrix Estimation",
    Econometrica 59, 1991, equations 6.2 and 6.4 for Bartlett's kernel, which blocks amount to), but
    at least n^(1/3) and at most n / 4. r is the autocorrelation of ranks, which spikes do not hide.
    """
    values: Values = np.asarray(samples, dtype=np.float64)
    count, r = len(values), _rank_autocorrelation(values)
    best = math.pow(6 * r * r / (1 - r * r) ** 2, 1 / 3)
    return max(1, min(count // 4, math.ceil(max(1.0, best) * math.pow(count, 1 / 3))))


def is_stable(samples: Samples, *, window: int = WINDOW, tolerance: float = TOLERANCE) -> bool:
    """Say whether the medians of the last two windows differ by at most `tolerance` of the smaller.

    samples: milliseconds so far, the newest last. window: samples of each of the two.
    """
    if len(samples) < 2 * window:
        return False
    older = float(np.median(samples[-2 * window : -window]))
    newer = float(np.median(samples[-window:]))
    return abs(newer - older) <= tolerance * min(newer, older)


def warm_up(
    samples: Samples,
    *,
    window: int = WINDOW,
    tolerance: float = TOLERANCE,
    most: int = MOST_WARMUP,
) -> Warmth:
    """Say after each sample of a warm-up whether it is over: "warming" asks for another one.

    "stable" is what `is_stable` says; "unsettled" ends a warm-up of `most` samples that never was.
    """
    if is_stable(samples, window=window, tolerance=tolerance):
        return "stable"
    return "warming" if len(samples) < most else "unsettled"


def _checked(samples: Samples, fewest: int) -> Values:
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1 or len(values) < fewest:
        found = len(values) if values.ndim == 1 else f"an array of {values.shape}"
        raise InputError(f"expected at least {fewest} samples, found {found}: measure more calls")
    if not np.isfinite(values).all() or not (values > 0).all():
        raise InputError(
            "expected samples of more than 0 ms, found some that are not: measure a call that a "
            "clock can time"
        )
    return values


def _rank_autocorrelation(values: Values) -> float:
    """Return Spearman's correlation of successive samples, equal ones with their mean rank.

    Short series understate it by (1 + 3 r) / n (Kendall, "Note on Bias in the Estimation of
    Autocorrelation", Biometrika 41, 1954), which is put right.
    """
    unique, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(unique) < 2 or len(values) < 3:
        return 0.0
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse.reshape(-1)]
    centred = ranks - ranks.mean()
    found = float((centred[1:] * centred[:-1]).sum() / (centred * centred).sum())
    count = len(values)
    if count > 4:
        found = (count * found + 1) / (count - 3)
    return min(max(found, 0.0), 0.99)  # 1 would ask for endless blocks


def _independent(values: Values) -> int:
    """Return n (1 - r) / (1 + r): what is left of n samples of a first-order autoregression."""
    r = _rank_autocorrelation(values)
    return max(1, math.floor(len(values) * (1 - r) / (1 + r)))


def _order_interval(
    ordered: Values, share: float, level: float, independent: int
) -> tuple[float, float] | None:
    """Return the samples between which a quantile is, each side missed with (1 - level) / 2."""
    tail = (1 - level) / 2
    below = np.cumsum(_binomial(independent, share))  # below[k]: at most k samples are less
    low = int(np.searchsorted(below, tail, side="right"))  # the rank, from 1
    high = int(np.searchsorted(below, 1 - tail)) + 1
    if low < 1 or high > independent:
        return None
    scale = len(ordered) / independent
    first = math.floor((low - 1) * scale)
    last = min(math.ceil(high * scale), len(ordered)) - 1
    return float(ordered[first]), float(ordered[last])


def _binomial(trials: int, share: float) -> Values:
    """Return the probabilities of 0 to `trials` successes."""
    k = np.arange(trials + 1)
    factorials = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, trials + 1)))))
    ways = factorials[-1] - factorials - factorials[::-1]
    return np.asarray(np.exp(ways + k * math.log(share) + (trials - k) * math.log1p(-share)))


def _replicates(
    values: Values, percent: float, level: float, random: np.random.Generator
) -> Values:
    """Return the percentile of so many series as `REPLICATES`, put together from moving blocks."""
    if not 0 < level < 1:
        raise InputError(f"expected a level between 0 and 1, found {level}: try 0.95")
    count, length = len(values), block_length(values)
    blocks = math.ceil(count / length)
    rows = max(1, min(REPLICATES, _MOST_AT_ONCE // (blocks * length)))
    found: list[Values] = []
    for done in range(0, REPLICATES, rows):
        shape = (min(rows, REPLICATES - done), blocks)
        starts = random.integers(0, count - length + 1, shape)
        places = (starts[..., None] + np.arange(length)).reshape(shape[0], -1)[:, :count]
        found.append(np.percentile(values[places], percent, axis=1))
    own = float(np.percentile(values, percent))
    wider = own + (np.concatenate(found) - own) * _widening(count / length, level)
    return np.clip(wider, values.min(), values.max())  # no percentile is outside of the samples


def _widening(blocks: float, level: float) -> float:
    """Return by how much few blocks understate the spread.

    sqrt(k / (k - 1)) for taking the mean from k blocks, and Student's t with k - 1 degrees of
    freedom by the normal quantile z, from its expansion in 1 / (k - 1) (Abramowitz and Stegun,
    "Handbook of Mathematical Functions", 26.7.5, two terms).
    """
    z, freedom = NormalDist().inv_cdf((1 + level) / 2), blocks - 1
    first = (z**2 + 1) / (4 * freedom)
    second = (5 * z**4 + 16 * z**2 + 3) / (96 * freedom**2)
    return math.sqrt(blocks / freedom) * (1 + first + second)


def _ratio(found: float, drawn: Values, level: float) -> Ratio:
    """Return a ratio from its logarithm and those of its replicates."""
    low, high = np.percentile(drawn, (50 * (1 - level), 50 * (1 + level)))
    return Ratio(
        ratio=math.exp(found),
        low=math.exp(min(float(low), found)),
        high=math.exp(max(float(high), found)),
        level=level,
    )
