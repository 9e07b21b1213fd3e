"""FMI against a reading of its definition window by window."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_mef.metrics.features import feature_mutual_information, sobel_edges
from edge_mef.metrics.planes import Plane


def _shares(window: NDArray[np.bool_]) -> Plane:
    values = window.T.ravel().astype(float)  # column by column
    if values.min() == values.max():
        values = np.ones(9)
    shares: Plane = values / values.sum()
    return shares


def _bits(shares: Plane) -> float:
    return -float(sum(p * np.log2(abs(p)) for p in shares.ravel() if p != 0))


def _window(source: NDArray[np.bool_], fused: NDArray[np.bool_]) -> float:
    if np.array_equal(source, fused):
        return 1.0
    a, f = _shares(source), _shares(fused)
    total = _bits(a) + _bits(f)
    if total == 0:
        return 0.0
    even = np.ptp(a) == 0 or np.ptp(f) == 0
    c = 0.0 if even else np.corrcoef(a, f)[0, 1]
    places = np.arange(1, 10)
    spread = np.prod([np.sqrt((places**2 * p).sum() - (places * p).sum() ** 2) for p in (a, f)])
    bound = np.zeros((10, 10))
    independent = np.zeros((10, 10))
    for i in range(1, 10):
        for j in range(1, 10):
            x, y = a[:i].sum(), f[:j].sum()
            bound[i, j] = min(x, y) if c >= 0 else max(x + y - 1, 0)
            independent[i, j] = x * y
    weight = 0.0
    if spread > 1e-12 and c != 0:
        weight = c / ((bound - independent).sum() / spread)
    joint = np.diff(np.diff(weight * bound + (1 - weight) * independent, axis=0), axis=1)
    joint[np.abs(joint) < 1e-12] = 0
    return 2 * (total - _bits(joint)) / total


def _slow(first: Plane, second: Plane, fused: Plane) -> float:
    ours = sobel_edges(fused)
    found = []
    for theirs in (sobel_edges(first), sobel_edges(second)):
        for i in range(fused.shape[0] - 2):
            for j in range(fused.shape[1] - 2):
                here = slice(i, i + 3), slice(j, j + 3)
                found.append(_window(theirs[here], ours[here]))
    return float(np.mean(found))


def _random(seed: int) -> Plane:
    """Squares of random levels, whose borders are edges with corners; noise makes them thin."""
    rng = np.random.default_rng(seed)
    plane = np.zeros((33, 38))
    for top, left, size in rng.integers((0, 0, 3), (28, 33, 12), (7, 3)):
        plane[top : top + size, left : left + size] = rng.integers(20, 236)
    return plane + rng.integers(0, 20, plane.shape)


def test_equals_the_definition_window_by_window() -> None:
    first, second = _random(1), _random(2)
    fused = (first + second) / 2
    edges = [sobel_edges(plane) for plane in (first, second, fused)]
    assert all(found.sum() > 50 for found in edges)
    found = feature_mutual_information(first, second, fused)
    assert found == pytest.approx(_slow(first, second, fused), abs=1e-9)
    assert 0.5 < found < 0.9


def test_equal_edges_are_full_information() -> None:
    plane, flat = _random(4), np.full((33, 38), 9.0)
    assert feature_mutual_information(plane, plane, plane) == pytest.approx(1.0)
    assert feature_mutual_information(flat, flat, flat) == pytest.approx(1.0)
    # The threshold follows the picture, so that a paler copy has the same edges.
    assert feature_mutual_information(plane, plane, plane * 0.5) == pytest.approx(1.0)


def test_sources_count_alike() -> None:
    first, second, fused = _random(5), _random(6), _random(7)
    assert feature_mutual_information(first, second, fused) == pytest.approx(
        feature_mutual_information(second, first, fused)
    )


def test_edges_are_thin() -> None:
    """A step blurred over three columns has its edge in the middle one."""
    plane = np.zeros((9, 11))
    plane[:, 4], plane[:, 5], plane[:, 6], plane[:, 7:] = 20, 100, 180, 200
    expected = np.zeros((9, 11), bool)
    expected[:, 5] = True
    np.testing.assert_array_equal(sobel_edges(plane), expected)
    np.testing.assert_array_equal(sobel_edges(plane.T.copy()), expected.T)
    assert not sobel_edges(np.full((9, 11), 200.0)).any()


@pytest.mark.parametrize(("step", "found"), [(40, 0), (50, 12)])
def test_the_threshold_is_four_times_the_mean(step: float, found: int) -> None:
    """Beside a strong edge, one of 3.1 times the mean squared strength is none, one of 4.6 is."""
    plane = np.zeros((12, 40))
    plane[:, 10], plane[:, 11], plane[:, 12:] = 30, 90, 120
    plane[:, 30], plane[:, 31:] = 120 + step / 2, 120 + step
    assert sobel_edges(plane)[:, 25:].sum() == found


def test_of_two_equal_neighbours_none_is_an_edge() -> None:
    """A step that is not blurred is as strong on both sides of it."""
    plane = np.zeros((12, 14))
    plane[:, 6:] = 100.0
    assert not sobel_edges(plane).any()
    assert not sobel_edges(plane.T.copy()).any()
