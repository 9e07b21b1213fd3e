"""Q_CB against the benchmark's own values, and at its limits."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_mef.metrics.chen_blum import masked_contrast, q_cb

Plane = NDArray[np.float64]


@pytest.mark.shared
def test_equals_the_benchmarks_own_values(shared: Path) -> None:
    with (shared / "oracle/mef_metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "Qcb"]
    assert len(rows) >= 12
    for row in rows:
        folder = shared / "oracle/mef" / row["scene"]
        names = ("under", "over", f"fused_{row['method']}")
        planes = [_planes(folder / f"{name}.png") for name in names]
        found = np.mean([q_cb(*channel) for channel in zip(*planes, strict=True)])
        assert found == pytest.approx(float(row["value"]), rel=1e-8)


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


def test_the_source_itself_keeps_all_its_contrast() -> None:
    assert q_cb(FIRST, FIRST, FIRST) == pytest.approx(1, abs=1e-12)


def test_levels_and_range_do_not_count() -> None:
    """Every picture is stretched first."""
    faint = MEAN / 4 + 40
    assert q_cb(FIRST, SECOND, faint) == pytest.approx(q_cb(FIRST, SECOND, MEAN), abs=1e-3)


def test_the_sources_can_be_swapped() -> None:
    fused = 0.7 * FIRST + 0.3 * SECOND
    found = q_cb(FIRST, SECOND, fused)
    assert found == pytest.approx(q_cb(SECOND, FIRST, fused), rel=1e-12)
    assert 0 < found < 1


def test_a_mixture_keeps_more_than_an_unrelated_picture() -> None:
    assert q_cb(FIRST, SECOND, MEAN) > q_cb(FIRST, SECOND, _scene(9)) + 0.02


@pytest.mark.parametrize("level", [0.0, 128.0, 255.0])
def test_a_constant_picture_has_no_contrast(level: float) -> None:
    flat = np.full_like(FIRST, level)
    assert not masked_contrast(np.zeros_like(flat)).any()
    assert q_cb(flat, flat, flat) == 1
    assert q_cb(FIRST, SECOND, flat) == 0
    assert q_cb(flat, flat, FIRST) == 0
    # What a source lacks cannot be lost: all the weight is the other one's.
    assert q_cb(FIRST, flat, FIRST) == pytest.approx(1, abs=1e-12)
