"""Gradient metrics on ramps, steps and checkerboards."""

import math

import numpy as np
import pytest

from edge_mef.metrics.gradients import (
    average_gradient,
    edge_intensity,
    edge_preservation,
    spatial_frequency,
)
from edge_mef.metrics.planes import Plane

FLAT = np.full((12, 15), 40.0)
# Strength kept wholly, by the sigmoids' heights; orientation 0.2 above the sigmoid's centre.
BEST = 0.9994 * 0.9879 / (1 + math.exp(-22 * 0.2))


def _ramp(across: float, down: float) -> Plane:
    rows, columns = np.arange(12.0)[:, None], np.arange(15.0)
    ramp: Plane = across * columns + down * rows
    return ramp


def _step(dark: float, bright: float) -> Plane:
    plane = np.full((12, 16), dark)
    plane[:, 8:] = bright
    return plane


def test_average_gradient_of_a_ramp() -> None:
    expected = math.sqrt((3**2 + 4**2) / 2) * 12 * 15 / (11 * 14)
    assert average_gradient(_ramp(3, 4)) == pytest.approx(expected)
    assert average_gradient(FLAT) == 0.0


def test_edge_intensity_of_a_ramp() -> None:
    """Sobel gives 8 per level; the repeated border halves the outermost columns."""
    assert edge_intensity(_ramp(3, 0)) == pytest.approx(8 * 3 * (15 - 1) / 15)
    assert edge_intensity(_ramp(0, 5)) == pytest.approx(8 * 5 * (12 - 1) / 12)
    assert edge_intensity(FLAT) == 0.0


def test_spatial_frequency_of_a_checkerboard() -> None:
    rows, columns = np.mgrid[:12, :15]
    board = 10.0 * ((rows + columns) % 2)
    steps = 12 * 14 + 11 * 15
    assert spatial_frequency(board) == pytest.approx(10 * math.sqrt(steps / (12 * 15)))
    assert spatial_frequency(FLAT) == 0.0


def test_a_copy_preserves_the_edges() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (12, 15)).astype(float)
    assert edge_preservation(picture, picture, picture) == pytest.approx(BEST)
    assert edge_preservation(picture, FLAT, picture) > 0.9 * BEST


def test_weaker_edges_are_kept_by_the_sigmoid() -> None:
    """All edges of a step between 0 and its levels at a third of the strength, border included."""
    source = _step(60.0, 240.0)
    third = 0.9994 / (1 + math.exp(-15 * (1 / 3 - 0.5)))
    expected = third * BEST / 0.9994
    assert edge_preservation(source, source, source / 3) == pytest.approx(expected)
    # Stronger than the source is as wrong as weaker.
    assert edge_preservation(source / 3, source / 3, source) == pytest.approx(expected)


def test_turned_edges_are_not_kept() -> None:
    source = np.zeros((15, 15))
    source[:, 6:9] = 200.0
    assert edge_preservation(source, source, source.T.copy()) < 0.1


def test_no_edges_anywhere() -> None:
    black = np.zeros((12, 15))
    assert edge_preservation(black, black, _ramp(3, 4)) == 0.0
    assert edge_preservation(black, black, black) == 0.0
    # The border counts as an edge to black.
    assert edge_preservation(FLAT, FLAT, FLAT) == pytest.approx(BEST)


def test_sources_count_by_their_strength() -> None:
    rng = np.random.default_rng(2)
    first, second = (rng.integers(0, 256, (12, 15)).astype(float) for _ in range(2))
    kept = edge_preservation(first, second, first)
    assert kept == pytest.approx(edge_preservation(second, first, first))
    assert edge_preservation(first, second / 10, first) > kept
