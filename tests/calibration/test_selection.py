"""Farthest-point selection and the coverage that it reports."""

import itertools

import numpy as np
import pytest

from edge_mef.calibration.features import FEATURES
from edge_mef.calibration.selection import choose_diverse, measure_coverage, standardize

COUNT = len(FEATURES)


def test_it_starts_in_the_middle_and_goes_to_the_ends() -> None:
    line = np.zeros((5, COUNT))
    line[:, 2] = [4.0, 0.0, 10.0, 5.0, 6.0]
    assert choose_diverse(line, 3)[0] == 3
    assert set(choose_diverse(line, 3)) == {1, 2, 3}
    # 0 and 10 are equally far from 5: the first row of them comes first.
    assert choose_diverse(line, 3) == [3, 1, 2]


def test_a_longer_selection_begins_with_the_shorter_and_ends_with_all() -> None:
    points = np.random.default_rng(5).normal(size=(20, COUNT))
    longest = choose_diverse(points, 99)
    assert sorted(longest) == list(range(20))
    assert choose_diverse(points, 7) == longest[:7]


def test_equal_rows_are_all_chosen_once() -> None:
    same = np.ones((5, COUNT)) * 0.1
    assert sorted(choose_diverse(same, 5)) == [0, 1, 2, 3, 4]
    coverage = measure_coverage(same, [0])
    assert coverage.farthest == 0.0
    assert coverage.mean_share == 1.0


def test_units_do_not_matter() -> None:
    points = np.random.default_rng(6).normal(size=(30, COUNT))
    other = points * [1000.0, 1.0, 0.001, 7.0, 1.0] + [5.0, -3.0, 0.0, 100.0, 1.0]
    assert choose_diverse(points, 10) == choose_diverse(other, 10)


def test_a_constant_feature_does_not_become_noise() -> None:
    points = np.random.default_rng(7).normal(size=(30, COUNT))
    points[:, 0] = 0.1
    scaled = standardize(points)
    assert (scaled[:, 0] == 0.0).all()
    assert scaled[:, 1:].std(axis=0) == pytest.approx(np.ones(COUNT - 1))


def test_it_is_within_twice_the_best() -> None:
    """Gonzalez 1985, for the scenes chosen after a first one: checked against all selections."""
    for seed in range(5):
        points = np.random.default_rng(seed).normal(size=(11, COUNT))
        ours = measure_coverage(points, choose_diverse(points, 4)).farthest
        every = itertools.combinations(range(11), 4)
        best = min(measure_coverage(points, chosen).farthest for chosen in every)
        assert best <= ours <= 2 * best


def test_coverage_says_what_is_covered() -> None:
    line = np.zeros((5, COUNT))
    line[:, 1] = [0.0, 1.0, 2.0, 3.0, 8.0]
    coverage = measure_coverage(line, [1, 3])
    brightness = coverage.features["brightness"]
    assert (brightness.candidates, brightness.selection) == ((0.0, 8.0), (1.0, 3.0))
    assert brightness.share == pytest.approx(0.25)
    assert coverage.features["gap"].share == 1.0
    assert coverage.farthest == pytest.approx(5.0 / line[:, 1].std())
    assert (coverage.candidates, coverage.selected) == (5, 2)
    assert coverage.mean_share == pytest.approx((0.25 + 4) / 5)
