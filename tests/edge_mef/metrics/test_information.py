"""Information metrics on pictures whose entropies are known."""

import numpy as np
import pytest

from edge_mef.metrics.information import (
    cross_entropy,
    entropy,
    mutual_information,
    nonlinear_correlation,
    normalized_mutual_information,
)
from edge_mef.metrics.planes import Plane

ALL_LEVELS = np.arange(256.0).reshape(16, 16)
FLAT = np.full((16, 16), 77.0)


def _halves(dark: float, bright: float, share: float = 0.5) -> Plane:
    plane = np.full((16, 16), bright)
    plane[: round(16 * share)] = dark
    return plane


def test_entropy_counts_the_bits_of_the_levels() -> None:
    assert entropy(FLAT) == 0.0
    assert entropy(_halves(10, 200)) == pytest.approx(1.0)
    assert entropy(np.repeat([[0.0, 60.0, 61.0, 255.0]], 5, axis=0)) == pytest.approx(2.0)
    assert entropy(ALL_LEVELS) == pytest.approx(8.0)


def test_cross_entropy_by_hand() -> None:
    source, fused = _halves(0, 255), _halves(0, 255, share=0.25)
    expected = 0.5 * np.log2(0.5 / 0.25) + 0.5 * np.log2(0.5 / 0.75)
    assert cross_entropy([source], fused) == pytest.approx(expected)
    assert cross_entropy([fused], source) != pytest.approx(expected)
    assert cross_entropy([source, fused], fused) == pytest.approx(expected / 2)


def test_cross_entropy_leaves_out_levels_that_one_lacks() -> None:
    assert cross_entropy([_halves(0, 255)], _halves(0, 254)) == pytest.approx(0.0)
    assert cross_entropy([_halves(0, 255)], FLAT) == 0.0
    # Half of the source lies on a level that the whole fused picture has: negative, not a distance.
    assert cross_entropy([_halves(77, 0)], FLAT) == pytest.approx(-0.5)


def test_equal_pictures_share_all() -> None:
    assert mutual_information(ALL_LEVELS, FLAT, ALL_LEVELS) == pytest.approx(8 * np.log(2))
    assert normalized_mutual_information(ALL_LEVELS, ALL_LEVELS, ALL_LEVELS) == pytest.approx(2.0)
    assert nonlinear_correlation(ALL_LEVELS, ALL_LEVELS, ALL_LEVELS) == pytest.approx(1.0)


def test_what_shares_nothing_is_at_the_bottom() -> None:
    rows, columns = _halves(0, 255), _halves(0, 255).T.copy()
    least = 1 - np.log2(3) / 8
    for other in (rows, FLAT):
        assert mutual_information(other, other, columns) == pytest.approx(0.0)
        assert normalized_mutual_information(other, other, columns) == pytest.approx(0.0)
    assert nonlinear_correlation(FLAT, FLAT, FLAT) == pytest.approx(least)
    assert normalized_mutual_information(FLAT, FLAT, FLAT) == 0.0


def test_half_of_the_levels_share_one_bit_less() -> None:
    dark = np.floor(ALL_LEVELS / 2)
    assert mutual_information(dark, dark, ALL_LEVELS) == pytest.approx(2 * 7 * np.log(2))
    assert normalized_mutual_information(dark, dark, ALL_LEVELS) == pytest.approx(4 * 7 / 15)


def test_q_ncie_by_hand() -> None:
    """Two equal sources of one bit and a fused picture that knows nothing of them."""
    rows, columns = _halves(0, 255), _halves(0, 255).T.copy()
    values = np.array([1 + 1 / 8, 1 - 1 / 8, 1]) / 3
    expected = 1 + (values * np.log2(values)).sum() / 8
    assert nonlinear_correlation(rows, rows, columns) == pytest.approx(expected)
