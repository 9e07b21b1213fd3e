"""Q_P against the benchmark's own values, and phase congruency on pictures with a known answer."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_mef.metrics import phase_congruency as module
from edge_mef.metrics.phase_congruency import FEATURE, phase_congruency, q_p

Plane = NDArray[np.float64]


@pytest.mark.shared
def test_equals_the_benchmarks_own_values(shared: Path) -> None:
    with (shared / "oracle/mef_metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "Qp"]
    assert len(rows) >= 12
    for row in rows:
        folder = shared / "oracle/mef" / row["scene"]
        names = ("under", "over", f"fused_{row['method']}")
        planes = [_planes(folder / f"{name}.png") for name in names]
        found = np.mean([q_p(*channel) for channel in zip(*planes, strict=True)])
        assert found == pytest.approx(float(row["value"]), rel=1e-4)


def _planes(path: Path) -> list[Plane]:
    picture = cv2.imread(str(path))
    assert picture is not None
    return [np.ascontiguousarray(picture[..., channel], np.float64) for channel in range(3)]


def _scene(seed: int, shape: tuple[int, int] = (72, 90)) -> Plane:
    """A soft random picture that uses the whole range."""
    noise = np.random.default_rng(seed).normal(size=shape)
    soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2.0), np.float64)
    scene: Plane = np.round((soft - soft.min()) / np.ptp(soft) * 255)
    return scene


FIRST, SECOND = _scene(1), _scene(2)
MEAN = np.round((FIRST + SECOND) / 2)


def test_the_source_itself_is_best() -> None:
    own, mixed = q_p(FIRST, FIRST, FIRST), q_p(FIRST, FIRST, MEAN)
    unrelated = q_p(FIRST, FIRST, _scene(9))
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
    plane = _scene(7, (96, 96))
    for map_, turned in zip(phase_congruency(plane), phase_congruency(plane.T), strict=True):
        np.testing.assert_allclose(map_.T, turned, atol=1e-3)


def test_a_slow_side_is_continued_with_little_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    planes = [_scene(seed, (131, 149)) for seed in (4, 5)]
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
    scenes = _scene(1, (53, 60)), _scene(2, (53, 60))
    assert not phase_congruency(flat).congruency.any()
    assert q_p(flat, flat, flat) == 1
    assert q_p(flat, flat, scenes[0]) == 1
    assert q_p(*scenes, flat) == 0
    assert 0.7 < q_p(scenes[0], flat, scenes[0]) <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 3)])
def test_tiny_pictures_give_numbers(shape: tuple[int, int]) -> None:
    plane = np.arange(float(np.prod(shape))).reshape(shape)
    assert np.isfinite(q_p(plane, plane, plane))
