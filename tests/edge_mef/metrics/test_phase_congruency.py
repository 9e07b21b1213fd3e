"""Q_P at its limits, and phase congruency on pictures with a known answer."""

import numpy as np
import pytest

from edge_mef.metrics import phase_congruency as module
from edge_mef.metrics.phase_congruency import FEATURE, phase_congruency, q_p
from tests.edge_mef.metrics.pictures import Plane, soft_noise

FIRST, SECOND = soft_noise(1), soft_noise(2)
MEAN = np.round((FIRST + SECOND) / 2)


def test_the_source_itself_is_best() -> None:
    own, mixed = q_p(FIRST, FIRST, FIRST), q_p(FIRST, FIRST, MEAN)
    unrelated = q_p(FIRST, FIRST, soft_noise(9))
    # Not 1, because only the sources are reduced to their features.
    assert 0.8 < own <= 1
    assert unrelated < mixed < own


def test_the_sources_can_be_swapped() -> None:
    fused = 0.7 * FIRST + 0.3 * SECOND
    assert q_p(FIRST, SECOND, fused) == pytest.approx(q_p(SECOND, FIRST, fused), rel=1e-6)


def _square(contrast: float) -> Plane:
    plane = np.full((96, 96), 100.0)
    plane[32:64, 32:64] += contrast
    return plane


def test_a_step_is_a_feature_and_its_inside_is_not() -> None:
    found = phase_congruency(_square(80))
    assert found.congruency[48, 31:33].min() > 3 * FEATURE
    assert found.congruency[48, 48] < FEATURE
    assert found.edges[48, 31:33].min() > 3 * found.corners[48, 31:33].max()
    assert found.corners[32:34, 32:34].max() > 3 * found.corners[48, 31:33].max()


def test_contrast_does_not_count() -> None:
    strong, faint = phase_congruency(_square(150)), phase_congruency(_square(15))
    np.testing.assert_allclose(strong.congruency, faint.congruency, atol=0.01)


def test_turning_the_picture_turns_its_features() -> None:
    plane = soft_noise(7, (96, 96))
    for map_, turned in zip(phase_congruency(plane), phase_congruency(plane.T), strict=True):
        np.testing.assert_allclose(map_.T, turned, atol=1e-3)


def test_a_slow_side_is_continued_with_little_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    planes = [soft_noise(seed, (131, 149)) for seed in (4, 5)]
    planes.append((planes[0] + planes[1]) / 2)
    found, inner = q_p(*planes), phase_congruency(planes[0]).congruency[44:-44, 44:-44]
    monkeypatch.setattr(module, "_quick_side", lambda side: side)
    exact = phase_congruency(planes[0]).congruency[44:-44, 44:-44]
    assert not np.array_equal(inner, exact), "131 and 149 are prime: this must have been continued"
    np.testing.assert_allclose(inner, exact, atol=0.02)
    assert found == pytest.approx(q_p(*planes), rel=2e-3)


@pytest.mark.parametrize("level", [0.0, 100.3, 255.0])
def test_a_constant_picture_has_no_feature(level: float) -> None:
    flat = np.full((53, 60), level)
    scenes = soft_noise(1, (53, 60)), soft_noise(2, (53, 60))
    assert not phase_congruency(flat).congruency.any()
    assert q_p(flat, flat, flat) == 1
    assert q_p(flat, flat, scenes[0]) == 1
    assert q_p(*scenes, flat) == 0
    assert 0.7 < q_p(scenes[0], flat, scenes[0]) <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 3)])
def test_tiny_pictures_give_numbers(shape: tuple[int, int]) -> None:
    plane = np.arange(float(np.prod(shape))).reshape(shape)
    assert np.isfinite(q_p(plane, plane, plane))
