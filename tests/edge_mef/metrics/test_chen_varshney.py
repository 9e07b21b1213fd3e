"""Q_CV at its limits."""

import numpy as np
import pytest

from edge_mef.metrics.chen_varshney import REGION, q_cv, stretch
from tests.edge_mef.metrics.pictures import Plane, soft_noise

FIRST, SECOND = soft_noise(1), soft_noise(2)
MEAN = np.round((FIRST + SECOND) / 2)
GREY = np.full_like(FIRST, 128.0)


def test_nothing_lost_is_no_error() -> None:
    assert q_cv(FIRST, FIRST, FIRST) == 0


def test_grows_with_the_damage() -> None:
    noise = np.random.default_rng(3).normal(size=MEAN.shape)
    errors = [q_cv(FIRST, FIRST, FIRST + strength * noise) for strength in (0, 5, 20)]
    assert errors[0] == 0
    assert errors[1] > 1
    assert errors[2] > 4 * errors[1]


def test_the_sources_can_be_swapped() -> None:
    fused = 0.7 * FIRST + 0.3 * SECOND
    assert q_cv(FIRST, SECOND, fused) == pytest.approx(q_cv(SECOND, FIRST, fused), rel=1e-12)


def test_the_source_with_edges_decides() -> None:
    assert q_cv(FIRST, GREY, FIRST) < 0.05 * q_cv(FIRST, GREY, GREY)


def test_a_part_of_a_region_is_padded_with_zeros() -> None:
    """A picture of 16 x 16 and one column is two regions; the second is nearly all padding."""
    one = np.zeros((REGION, REGION + 1))
    one[:, -1] = 255.0
    assert q_cv(one, one, np.zeros_like(one)) == pytest.approx(_by_definition(one), rel=1e-9)


def _by_definition(source: Plane) -> float:
    """Region sums, one region at a time, for equal sources and a black fused picture."""
    height, width = source.shape
    framed = np.pad(source, 1)
    gradients = np.zeros_like(source)
    kernel = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    for i in range(height):
        for j in range(width):
            patch = framed[i : i + 3, j : j + 3]
            gradients[i, j] = np.hypot((kernel * patch).sum(), (kernel.T * patch).sum())
    down = np.fft.fftfreq(height)[:, np.newaxis] * height / 4
    across = np.fft.fftfreq(width) * width / 4
    radius = np.hypot(down, across)
    curve = 2.6 * (0.0192 + 0.144 * radius) * np.exp(-((0.144 * radius) ** 1.1))
    seen = np.fft.ifft2(np.fft.fft2(source) * curve).real
    above = below = 0.0
    for left in range(0, width, REGION):
        region = slice(left, left + REGION)
        saliency = (gradients[:, region] ** 5).sum()
        above += saliency * (seen[:, region] ** 2).sum() / REGION**2
        below += saliency
    return float(above / below)


@pytest.mark.parametrize("level", [0.0, 128.0, 255.0])
def test_constant_pictures_are_equal(level: float) -> None:
    flat = np.full_like(FIRST, level)
    assert q_cv(flat, flat, flat) == 0
    assert 0 < q_cv(flat, flat, FIRST) < 255**2
    assert 0 < q_cv(FIRST, SECOND, flat) < 255**2


def test_stretching_rounds_halves_up() -> None:
    plane = np.array([[10.0, 10.5, 11.0, 265.0]])
    np.testing.assert_array_equal(stretch(plane), [[0, 1, 1, 255]])
    np.testing.assert_array_equal(stretch(plane * 0 + 7), np.zeros((1, 4)))
