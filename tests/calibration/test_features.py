"""The features of a bracket, on frames whose values can be worked out."""

import numpy as np
import pytest

from edge_mef.calibration.features import (
    FEATURES,
    frame_luma,
    luma_step,
    mean_luma,
    measure_features,
)
from edge_mef.exposures import Frame


def grey(level: int, size: tuple[int, int] = (8, 10)) -> Frame:
    return np.full((*size, 3), level, np.uint8)


def test_luma_is_that_of_bt601_to_half_a_level() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    exact = frame @ np.array([0.299, 0.587, 0.114])
    assert np.abs(frame_luma(frame) - exact).max() < 1.0
    assert [int(frame_luma(grey(v))[0, 0]) for v in (0, 1, 128, 255)] == [0, 1, 128, 255]
    assert mean_luma(frame) == pytest.approx(exact.mean(), abs=0.2)


def test_the_gap_is_in_doublings_of_mean_luma() -> None:
    assert measure_features([grey(20), grey(160)]).gap == pytest.approx(3.0)
    assert luma_step(160, 20) == pytest.approx(-3.0)
    assert luma_step(0, 0) == 0.0
    assert luma_step(0, 64) == pytest.approx(7.0)


def test_the_middle_is_the_mean_of_two_or_the_frame_between() -> None:
    two = measure_features([grey(51), grey(153)])
    three = measure_features([grey(51), grey(68), grey(153)])
    four = measure_features([grey(10), grey(51), grey(153), grey(200)])
    assert two.brightness == pytest.approx(102 / 255)
    assert three.brightness == pytest.approx(68 / 255)
    assert four.brightness == pytest.approx(102 / 255)
    assert (two.texture, two.contrast) == (0.0, 0.0)


def test_texture_contrast_and_clipping() -> None:
    stripes = grey(0)
    stripes[:, ::2] = 100
    one = measure_features([stripes, stripes, grey(255)])
    across, down = 8 * 9, 7 * 10  # numbers of neighbours
    assert one.texture == pytest.approx(100 * across / (across + down))
    assert one.contrast == pytest.approx(50 / 255)
    assert one.clipped == pytest.approx((0.5 + 0.5 + 1.0) / 3)
    edges = [measure_features([grey(v), grey(v)]).clipped for v in (5, 6, 249, 250)]
    assert edges == [1.0, 0.0, 0.0, 1.0]


def test_a_frame_of_one_pixel_has_no_texture() -> None:
    assert measure_features([grey(9, (1, 1)), grey(90, (1, 1))]).texture == 0.0


def test_values_come_in_the_order_of_the_table() -> None:
    features = measure_features([grey(20), grey(160)])
    assert dict(zip(FEATURES, features.values, strict=True)) == features.model_dump()
