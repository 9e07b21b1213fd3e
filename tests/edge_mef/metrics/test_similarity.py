"""SSIM and MS-SSIM: one window by hand, and what holds for all pictures."""

import cv2
import numpy as np
import pytest

from edge_mef.metrics.planes import Plane
from edge_mef.metrics.similarity import MULTI_SCALE_SIDE, fusion_ssim, multi_scale_ssim, ssim

C1, C2 = 2.55**2, 7.65**2


def _random(seed: int, side: int = 11) -> Plane:
    return np.random.default_rng(seed).integers(0, 256, (side, side)).astype(float)


def test_one_window_by_hand() -> None:
    one, other = _random(1), _random(2)
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    means = [(window * p).sum() for p in (one, other)]
    own, theirs = ((window * (p - m) ** 2).sum() for p, m in zip((one, other), means, strict=True))
    shared = (window * (one - means[0]) * (other - means[1])).sum()
    luminance = (2 * means[0] * means[1] + C1) / (means[0] ** 2 + means[1] ** 2 + C1)
    expected = luminance * (2 * shared + C2) / (own + theirs + C2)
    assert ssim(one, other) == pytest.approx(expected)
    assert ssim(other, one) == pytest.approx(expected)
    assert fusion_ssim(one, other, other) == pytest.approx(expected + 1)


def test_equal_planes_are_at_one() -> None:
    plane = _random(3, MULTI_SCALE_SIDE)
    assert ssim(plane, plane) == pytest.approx(1.0)
    assert multi_scale_ssim(plane, plane) == pytest.approx(1.0)


def test_constant_planes_differ_in_luminance() -> None:
    dark, bright = (np.full((MULTI_SCALE_SIDE, MULTI_SCALE_SIDE), v) for v in (20.0, 180.0))
    luminance = (2 * 20 * 180 + C1) / (20**2 + 180**2 + C1)
    assert ssim(dark, bright) == pytest.approx(luminance)
    assert multi_scale_ssim(dark, bright) == pytest.approx(luminance**0.1333)


def test_fine_noise_counts_at_the_fine_scales_only() -> None:
    """A checkerboard is gone after one halving: what is left is the finest scale's exponent."""
    rows, columns = np.mgrid[:176, :176]
    board = 40.0 * ((rows + columns) % 2) + 80.0
    smooth = np.full((176, 176), 100.0)
    contrast = C2 / (20.0**2 + C2)  # the window's variance is nearly that of the board
    assert multi_scale_ssim(smooth, board) == pytest.approx(contrast**0.0448, rel=1e-3)
    assert ssim(smooth, board) == pytest.approx(contrast, rel=1e-2)


def test_a_negative_is_at_zero_in_several_scales() -> None:
    plane = _random(5, MULTI_SCALE_SIDE)
    assert ssim(plane, 255 - plane) < 0
    assert multi_scale_ssim(plane, 255 - plane) == 0.0


def test_odd_sides_are_halved_too() -> None:
    plane = _random(6, MULTI_SCALE_SIDE + 13)
    noisy = np.clip(plane + np.random.default_rng(7).normal(0, 20, plane.shape), 0, 255)
    assert 0.5 < multi_scale_ssim(plane, noisy) < 1


def test_several_scales_are_multiplied() -> None:
    """The published five exponents, with OpenCV's own blur and reduction."""
    rows, columns = np.mgrid[:352, :368] / 9.0
    one = np.round(120 + 60 * np.sin(rows / 5) * np.cos(columns) + _random(8, 368)[:352] / 5)
    other = np.round(one * 0.6 + 20 * np.sin(rows * columns / 60) + 30)
    expected = 1.0
    for scale, exponent in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        a, b = (cv2.resize(p, None, fx=0.5**scale, fy=0.5**scale, interpolation=cv2.INTER_AREA)
                for p in (one, other))  # fmt: skip
        mean_a, mean_b, aa, bb, ab = (
            cv2.GaussianBlur(p, (11, 11), 1.5)[5:-5, 5:-5] for p in (a, b, a * a, b * b, a * b)
        )
        spreads = aa - mean_a**2 + bb - mean_b**2
        index = (2 * (ab - mean_a * mean_b) + C2) / (spreads + C2)
        if scale == 4:
            index *= (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
        expected *= index.mean() ** exponent
    assert 0.3 < expected < 0.95
    assert multi_scale_ssim(one, other) == pytest.approx(expected, rel=1e-9)
