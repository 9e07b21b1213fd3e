"""MEF-SSIM in numpy: what holds without torch; tests/edge_mef/metrics/test_mef_ssim_torch.py."""

import numpy as np
import pytest

from edge_mef.metrics.mef_ssim import MIN_SIDE, mef_ssim, similarity_map
from edge_mef.metrics.planes import Plane


def _random(seed: int, height: int = 50, width: int = 61) -> Plane:
    return np.random.default_rng(seed).integers(0, 256, (height, width)).astype(float)


@pytest.mark.parametrize("count", [2, 3])
def test_what_equals_all_exposures_is_at_one(count: int) -> None:
    plane = _random(1)
    assert mef_ssim([plane] * count, plane) == pytest.approx(1.0, abs=1e-6)


def test_flat_pictures_are_at_one() -> None:
    flat = np.full((MIN_SIDE, MIN_SIDE), 128.0)
    assert mef_ssim([flat, flat * 0], flat * 1.5) == pytest.approx(1.0)


def test_a_flat_exposure_asks_for_nothing() -> None:
    plane, flat = _random(2), np.full((50, 61), 250.0)
    assert mef_ssim([plane, flat], plane) == pytest.approx(1.0, abs=1e-3)
    assert mef_ssim([flat, plane], plane) == pytest.approx(mef_ssim([plane, flat], plane))
    assert mef_ssim([plane, flat], flat) < 0.2


def test_luminance_does_not_count() -> None:
    plane = _random(3) / 2
    assert mef_ssim([plane, plane], plane + 100) == pytest.approx(1.0, abs=1e-6)


def test_the_map_has_full_windows_only() -> None:
    planes = [_random(seed) for seed in (4, 5, 6)]
    found = similarity_map(planes[:2], planes[2])
    assert found.shape == (40, 51)
    moved = [np.roll(plane, (3, 4), axis=(0, 1)) for plane in planes]
    there = similarity_map(moved[:2], moved[2])
    np.testing.assert_allclose(there[3:, 4:], found[:-3, :-4], rtol=1e-9)
