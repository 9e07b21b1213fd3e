"""Q_W against a window-by-window reading."""

import numpy as np
import pytest

from edge_mef.errors import InputError
from edge_mef.metrics.piella import WINDOW, edges, q_w
from tests.edge_mef.metrics.pictures import Plane, soft_noise

FIRST, SECOND = soft_noise(1), soft_noise(2)
MEAN = np.round((FIRST + SECOND) / 2)


def test_the_source_itself_is_perfect() -> None:
    assert q_w(FIRST, FIRST, FIRST) == pytest.approx(1, abs=1e-12)


def test_the_sources_can_be_swapped() -> None:
    fused = 0.7 * FIRST + 0.3 * SECOND
    assert q_w(FIRST, SECOND, fused) == pytest.approx(q_w(SECOND, FIRST, fused), rel=1e-12)


def test_a_mixture_is_better_than_an_unrelated_picture() -> None:
    mixed, unrelated = q_w(FIRST, SECOND, MEAN), q_w(FIRST, SECOND, soft_noise(9))
    assert -1 <= unrelated < mixed - 0.2 <= 1


def test_equals_a_window_by_window_reading() -> None:
    planes = [edges(soft_noise(seed, (14, 17))) for seed in (4, 5, 6)]
    offsets = np.arange(WINDOW) - WINDOW // 2
    gauss = np.exp(-(offsets**2) / (2 * 1.5**2))
    weights = np.outer(gauss, gauss) / gauss.sum() ** 2
    above = below = 0.0
    for i in range(14 - WINDOW + 1):
        for j in range(17 - WINDOW + 1):
            a, b, f = (plane[i : i + WINDOW, j : j + WINDOW] for plane in planes)
            variances = [_moments(x, x, weights)[2] for x in (a, b)]
            share = variances[0] / sum(variances)
            quality = share * _ssim(a, f, weights) + (1 - share) * _ssim(b, f, weights)
            above += max(variances) * quality
            below += max(variances)
    found = q_w(*(soft_noise(seed, (14, 17)) for seed in (4, 5, 6)))
    assert found == pytest.approx(above / below, rel=1e-9)


def _moments(x: Plane, y: Plane, weights: Plane) -> tuple[float, float, float]:
    mean_x, mean_y = float((weights * x).sum()), float((weights * y).sum())
    return mean_x, mean_y, float((weights * (x - mean_x) * (y - mean_y)).sum())


def _ssim(x: Plane, y: Plane, weights: Plane) -> float:
    mean_x, mean_y, covariance = _moments(x, y, weights)
    spread = _moments(x, x, weights)[2] + _moments(y, y, weights)[2]
    luminance = (2 * mean_x * mean_y + 2.55**2) / (mean_x**2 + mean_y**2 + 2.55**2)
    return luminance * (2 * covariance + 7.65**2) / (spread + 7.65**2)


@pytest.mark.parametrize("level", [0.0, 128.0, 255.0])
def test_constant_pictures_give_numbers(level: float) -> None:
    flat = np.full_like(FIRST, level)
    assert q_w(flat, flat, flat) == pytest.approx(1, abs=1e-9)
    assert -1 <= q_w(flat, flat, FIRST) < 0.9
    assert -1 <= q_w(FIRST, SECOND, flat) < 0.5


def test_a_picture_smaller_than_the_window_is_refused() -> None:
    small = FIRST[: WINDOW - 1]
    with pytest.raises(InputError, match="at least 11 pixels, found 90x10"):
        q_w(small, small, small)
