"""Pixel metrics by hand."""

import math

import numpy as np
import pytest

from edge_mef.metrics.pixels import fusion_psnr, fusion_rmse, psnr, standard_deviation

ZERO, TEN, THIRTY = (np.full((10, 20), level) for level in (0.0, 10.0, 30.0))


def test_the_benchmarks_error_shrinks_with_size() -> None:
    assert fusion_rmse([ZERO, THIRTY], TEN) == pytest.approx((10 + 20) / 2 / math.sqrt(200))
    large = [np.tile(plane, (2, 2)) for plane in (ZERO, THIRTY, TEN)]
    assert fusion_rmse(large[:2], large[2]) == pytest.approx(15 / math.sqrt(800))


def test_the_benchmarks_psnr() -> None:
    error = 15 / math.sqrt(200)
    assert fusion_psnr([ZERO, THIRTY], TEN) == pytest.approx(10 * math.log10(255**2 / error))
    assert fusion_psnr([TEN, TEN], TEN) == math.inf


def test_ordinary_psnr() -> None:
    assert psnr(ZERO, TEN) == pytest.approx(20 * math.log10(25.5))
    assert psnr(TEN, TEN) == math.inf


def test_standard_deviation() -> None:
    assert standard_deviation(np.concatenate([ZERO, TEN])) == pytest.approx(5.0)
    assert standard_deviation(TEN) == 0.0
