"""Latency against size: the exact laws come back, and noise widens the interval of the exponent."""

import math

import numpy as np
import pytest

from edge_mef.benchmarks.scaling import fit_scaling, student_quantile
from edge_mef.errors import InputError

SIZES = [0.13, 0.52, 0.92, 2.07, 3.69, 8.29]


def test_a_fixed_part_and_one_for_each_pixel() -> None:
    found = fit_scaling(SIZES, [4 + 9 * size for size in SIZES])
    assert found.fixed == pytest.approx(4)
    assert found.per_megapixel == pytest.approx(9)
    assert found.largest_residual < 1e-9
    assert found.sizes == tuple(SIZES)
    assert found.milliseconds(1.0) == pytest.approx(13)


def test_a_power_law() -> None:
    found = fit_scaling(SIZES, [5 * size**1.3 for size in SIZES])
    assert found.factor == pytest.approx(5)
    assert found.exponent == pytest.approx(1.3)
    assert found.exponent_high - found.exponent_low < 1e-9


def test_neither_part_is_negative() -> None:
    steep = fit_scaling([1, 2, 4], [1, 4, 16])
    assert steep.fixed == 0
    # Weighted by relative error: b minimizes the sum of (b x / t - 1)^2.
    shares = np.array([1, 2, 4]) / np.array([1, 4, 16])
    assert steep.per_megapixel == pytest.approx(shares.sum() / (shares**2).sum())
    assert steep.linear_residual > 0.5
    assert not steep.is_linear
    assert steep.largest_residual < 1e-9
    assert steep.milliseconds(3.0) == pytest.approx(9.0)
    falling = fit_scaling([1, 2, 4], [4, 2, 1])
    assert falling.per_megapixel == 0
    assert falling.fixed > 0


def test_errors_count_relative_to_the_time() -> None:
    """10 ms off at 1 s hardly matters; 10 ms off at 10 ms would bend the line."""
    times = [10 + 100 * size for size in SIZES]
    times[-1] *= 1.01
    found = fit_scaling(SIZES, times)
    assert found.fixed == pytest.approx(10, rel=0.05)
    assert found.largest_residual < 0.01


def test_the_interval_of_the_exponent_covers_it() -> None:
    random = np.random.default_rng(3)
    inside = 0
    for _ in range(300):
        times = 5 * np.array(SIZES) * np.exp(random.normal(0, 0.05, len(SIZES)))
        found = fit_scaling(SIZES, times.tolist())
        inside += found.exponent_low <= 1 <= found.exponent_high
    assert 0.91 < inside / 300 < 0.99


@pytest.mark.parametrize(
    ("share", "freedom", "expected"),
    [(0.975, 1, 12.7062), (0.975, 2, 4.30265), (0.975, 4, 2.77645), (0.95, 7, 1.89458),
     (0.995, 30, 2.74999)],
)  # fmt: skip
def test_student(share: float, freedom: int, expected: float) -> None:
    assert student_quantile(share, freedom) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("sizes", "times", "what"),
    [
        ([1, 1, 2], [1, 1, 2], "found 2"),
        ([1, 2, 3], [1, 2], "as many"),
        ([1, 2, 0], [1, 2, 3], "more than 0"),
        ([1, 2, 3], [1, 2, math.nan], "more than 0"),
    ],
)
def test_what_cannot_be_fitted(sizes: list[float], times: list[float], what: str) -> None:
    with pytest.raises(InputError, match=what):
        fit_scaling(sizes, times)
