"""Statistics of latencies: numbers by hand, intervals that cover, ratios that are right."""

import math

import numpy as np
import pytest

from edge_mef.benchmarks.statistics import (
    FEWEST_SAMPLES,
    block_length,
    bootstrap_ratio,
    is_stable,
    paired_ratio,
    percentile_interval,
    summarize,
    warm_up,
)
from edge_mef.errors import InputError
from tests.benchmarks.made_records import latencies


def test_the_numbers_of_a_small_series() -> None:
    found = summarize([4.0, 1.0, 3.0, 2.0])
    assert (found.count, found.min, found.max) == (4, 1.0, 4.0)
    assert (found.mean, found.median) == (2.5, 2.5)
    assert found.p90 == pytest.approx(3.7)
    assert found.std == pytest.approx(math.sqrt(5 / 3))
    assert found.jitter == pytest.approx((3 + 2 + 1) / 3)
    assert found.intervals == {"median": None, "p90": None, "p95": None, "p99": None}


def test_one_sample_has_no_spread() -> None:
    found = summarize([5.0])
    assert (found.median, found.p99, found.std, found.jitter) == (5.0, 5.0, None, None)


@pytest.mark.parametrize("samples", [[], [1.0, math.nan], [1.0, math.inf], [1.0, 0.0], [-1.0]])
def test_what_is_no_duration_is_refused(samples: list[float]) -> None:
    with pytest.raises(InputError, match="expected"):
        summarize(samples)


# The fewest independent samples that bound a percentile on both sides at 95 %:
# 0.5^n <= 0.025 for the median, and p^n <= 0.025 above.
@pytest.mark.parametrize(("percent", "fewest"), [(50, 6), (90, 36), (95, 72), (99, 368)])
def test_too_few_samples_have_no_interval(percent: float, fewest: int) -> None:
    # Alternating: neighbours that differ as much as they can are not counted as fewer.
    values = [
        float(v) for pair in zip(range(1, 500), range(1000, 501, -1), strict=False) for v in pair
    ]
    assert percentile_interval(values[:fewest], percent) is not None
    assert percentile_interval(values[: fewest - 1], percent) is None


def test_the_ranks_are_those_of_the_tables() -> None:
    """Le Boudec's table for the median and 95 %: n = 100 gives the samples 40 and 61."""
    values = [float(v) for pair in zip(range(1, 51), range(100, 50, -1), strict=True) for v in pair]
    assert percentile_interval(values, 50) == (40.0, 61.0)


@pytest.mark.parametrize("memory", [0.0, 0.6])
def test_intervals_of_the_median_cover_it(memory: float) -> None:
    covered = 0
    for seed in range(100):
        found = percentile_interval(latencies(seed, drift=0.0, memory=memory), 50)
        assert found is not None
        # The spikes of 2 % of the samples move the median by less than a hundredth of the spread.
        covered += found[0] <= 20.02 <= found[1]
    assert covered >= 88


def test_alike_neighbours_are_worth_fewer_samples() -> None:
    alone, alike = latencies(1, 500, memory=0.0), latencies(1, 500, memory=0.8)
    assert 300 < summarize(alone).independent <= 500
    assert summarize(alike).independent < 120
    assert block_length(alone) < block_length(alike) <= 125


def test_short_runs_are_as_alike_as_long_ones() -> None:
    """Uncorrected, the correlation of 30 samples would come out as 0.46 on average, not 0.54."""

    def correlation(count: int) -> float:
        shares = [summarize(latencies(seed, count)).independent / count for seed in range(100)]
        return float(np.mean([(1 - share) / (1 + share) for share in shares]))

    assert correlation(30) == pytest.approx(correlation(1000), abs=0.05)


def test_blocks_of_constant_samples() -> None:
    assert block_length([3.0] * 27) == 3
    assert bootstrap_ratio([3.0] * 27, [6.0] * 27).model_dump() == pytest.approx(
        {"ratio": 2.0, "low": 2.0, "high": 2.0, "level": 0.95}
    )


def test_a_ratio_is_after_by_before() -> None:
    before = latencies(1)
    found = bootstrap_ratio(before, before * 1.5)
    assert found.ratio == pytest.approx(1.5)
    assert found.low < 1.5 < found.high
    back = bootstrap_ratio(before * 1.5, before)
    assert back.ratio == pytest.approx(1 / 1.5)


def test_the_seed_decides() -> None:
    one, other = latencies(1), latencies(2)
    assert bootstrap_ratio(one, other, seed=4) == bootstrap_ratio(one, other, seed=4)
    assert bootstrap_ratio(one, other, seed=4) != bootstrap_ratio(one, other, seed=5)
    assert paired_ratio(one, other, seed=4) == paired_ratio(one, other, seed=4)


def test_a_higher_level_is_wider() -> None:
    one, other = latencies(1), latencies(2)
    narrow, wide = (bootstrap_ratio(one, other, level=level) for level in (0.8, 0.99))
    assert wide.low < narrow.low <= narrow.high < wide.high


def test_ratio_intervals_cover_although_neighbours_are_alike() -> None:
    covered = sum(
        found.low <= 1 <= found.high
        for seed in range(60)
        for found in [bootstrap_ratio(*(latencies(s, 100, drift=0) for s in (seed, seed + 999)))]
    )
    assert covered >= 50


def test_short_runs_are_covered_too() -> None:
    """Four blocks: what they understate is put right, or else 85 of 100 would be covered."""
    covered = sum(
        found.low <= 1 <= found.high
        for seed in range(100)
        for found in [
            bootstrap_ratio(*(latencies(s, 14, drift=0, memory=0.4) for s in (seed, seed + 999)))
        ]
    )
    assert covered >= 92


def test_no_end_is_outside_of_the_samples() -> None:
    """Two levels, half of the time each: the median may be either, and nothing beyond."""
    before = np.repeat([10.0, 20.0, 10.0, 20.0], 20)
    found = bootstrap_ratio(before, before + np.linspace(0, 0.1, 80))
    assert 0.5 <= found.low < found.high <= 2.01


def test_pairs_cancel_what_both_meet() -> None:
    """A machine that slows down to a half on the way hides 2 % from runs, but not from pairs."""
    slowing = np.linspace(1, 2, 200)
    before = latencies(1, spread=0.01, memory=0.0) * slowing
    after = before * 1.02 * np.exp(np.random.default_rng(3).normal(0, 0.01, 200))
    paired, apart = paired_ratio(before, after), bootstrap_ratio(before, after)
    assert 1.01 < paired.low < paired.high < 1.03
    assert apart.low < 1 < apart.high


def test_pairs_need_as_many_of_both() -> None:
    with pytest.raises(InputError, match="found 20 and 21"):
        paired_ratio([1.0] * 20, [1.0] * 21)


def test_too_few_samples_have_no_ratio() -> None:
    few = [1.0] * (FEWEST_SAMPLES - 1)
    with pytest.raises(InputError, match=f"at least {FEWEST_SAMPLES} samples, found"):
        bootstrap_ratio(few, [1.0] * 20)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_an_impossible_level(level: float) -> None:
    with pytest.raises(InputError, match="level"):
        bootstrap_ratio(latencies(1), latencies(2), level=level)


def test_warm_until_stable() -> None:
    cooling = [10.0 + 50 * 0.8**call for call in range(200)]
    ends = next(n for n in range(201) if warm_up(cooling[:n]) != "warming")
    assert warm_up(cooling[:ends]) == "stable"
    assert 20 < ends < 60
    assert cooling[ends] < 10.3
    assert not is_stable(cooling[: ends - 1])
    assert not is_stable([1.0] * 19)
    assert is_stable([1.0] * 20)


def test_a_warm_up_gives_up() -> None:
    rising = [1.1**call for call in range(40)]
    assert warm_up(rising, most=41) == "warming"
    assert warm_up(rising, most=40) == "unsettled"
