"""VIF for fusion and against a reference, at their limits."""

import cv2
import numpy as np
import pytest

from edge_mef.errors import InputError
from edge_mef.metrics.vif import MIN_SIDE, vif_fusion, vif_reference
from tests.edge_mef.metrics.pictures import Plane, soft_noise

FIRST, SECOND = soft_noise(1), soft_noise(2)


def test_the_source_itself_keeps_all_information() -> None:
    assert vif_fusion(FIRST, FIRST, FIRST) == pytest.approx(1, abs=1e-6)
    assert vif_reference(FIRST, FIRST) == pytest.approx(1, abs=1e-6)


def test_more_contrast_is_more_and_less_is_less() -> None:
    reference = FIRST / 2 + 64
    stronger, weaker = FIRST * 0.7 + 38, FIRST * 0.2 + 100
    for index in (vif_reference, lambda x, y: vif_fusion(x, x, y)):
        assert 0 < index(reference, weaker) < 1 < index(reference, stronger)


def test_noise_and_blur_lose_information() -> None:
    noise = np.random.default_rng(3).normal(size=FIRST.shape)
    noisy = [vif_reference(FIRST, FIRST + strength * noise) for strength in (0, 5, 20)]
    assert noisy[0] > noisy[1] > noisy[2] > 0
    blurred = np.asarray(cv2.GaussianBlur(FIRST, (0, 0), 3.0), np.float64)
    assert vif_reference(FIRST, blurred) < 0.5


def test_levels_do_not_count() -> None:
    assert vif_reference(FIRST, FIRST + 17) == pytest.approx(1, abs=1e-6)


def test_an_inverted_picture_says_nothing() -> None:
    assert vif_reference(FIRST, 255 - FIRST) == 0


def test_swapping_sources_changes_ties_only() -> None:
    fused = 0.7 * FIRST + 0.3 * SECOND
    there, back = vif_fusion(FIRST, SECOND, fused), vif_fusion(SECOND, FIRST, fused)
    assert there == pytest.approx(back, rel=0.02)
    positive = 0.6 * FIRST + 0.4 * (FIRST + soft_noise(8) / 20)
    there, back = (vif_fusion(*pair, FIRST) for pair in ((FIRST, positive), (positive, FIRST)))
    assert there == pytest.approx(back, rel=1e-9)


def test_equals_a_window_by_window_reading() -> None:
    planes = [soft_noise(seed, (MIN_SIDE, MIN_SIDE)) for seed in (4, 5, 6)]
    sides, factors = (17, 9, 5, 3), (1 / 2.15, 0.0, 0.15 / 2.15, 1 / 2.15)
    expected = 0.0
    for scale, (side, factor) in enumerate(zip(sides, factors, strict=True)):
        if scale:
            planes = [_means(plane, side)[::2, ::2] for plane in planes]
        expected += factor * _ratio(planes, side)
    found = vif_fusion(*(soft_noise(seed, (MIN_SIDE, MIN_SIDE)) for seed in (4, 5, 6)))
    assert found == pytest.approx(expected, rel=1e-5)


def _window(side: int) -> Plane:
    gauss = np.exp(-((np.arange(side) - side // 2) ** 2) / (2 * (side / 5) ** 2))
    window: Plane = np.outer(gauss, gauss) / gauss.sum() ** 2
    return window


def _means(plane: Plane, side: int) -> Plane:
    views = np.lib.stride_tricks.sliding_window_view(plane, (side, side))
    means: Plane = (views * _window(side)).sum(axis=(2, 3))
    return means


def _ratio(planes: list[Plane], side: int) -> float:
    kept = available = 0.0
    for i in range(planes[0].shape[0] - side + 1):
        for j in range(planes[0].shape[1] - side + 1):
            patches = (plane[i : i + side, j : j + side] for plane in planes)
            a, b, f = (patch - (patch * _window(side)).sum() for patch in patches)
            gains = [max(0.0, _cov(s, f, side) / _cov(s, s, side)) for s in (a, b)]
            source, gain = (a, gains[0]) if gains[0] < gains[1] else (b, gains[1])
            noise = _cov(f, f, side) - gain * _cov(source, f, side)
            signal = gain**2 * _cov(source, source, side)
            kept += np.log2(1 + signal / (noise + 0.005 * 255**2))
            available += np.log2(1 + _cov(source, source, side) / (0.005 * 255**2))
    return kept / available


def _cov(x: Plane, y: Plane, side: int) -> float:
    return float((x * y * _window(side)).sum())


@pytest.mark.parametrize("level", [0.0, 128.0, 255.0])
def test_constant_pictures_give_numbers(level: float) -> None:
    flat = np.full_like(FIRST, level)
    assert vif_fusion(flat, flat, flat) == 1
    assert vif_fusion(flat, flat, FIRST) == 1
    assert vif_fusion(FIRST, SECOND, flat) == pytest.approx(0, abs=1e-5)
    assert vif_reference(flat, FIRST) == 1
    assert vif_reference(FIRST, flat) == 0


def test_a_picture_too_small_for_four_scales_is_refused() -> None:
    small = FIRST[: MIN_SIDE - 1]
    with pytest.raises(InputError, match="at least 41 pixels, found 90x40"):
        vif_fusion(small, small, small)
    with pytest.raises(InputError, match="at least 41 pixels, found 90x40"):
        vif_reference(small, small)
