"""Q_CB at its limits."""

import numpy as np
import pytest

from edge_mef.metrics.chen_blum import masked_contrast, q_cb
from tests.edge_mef.metrics.pictures import soft_noise

FIRST, SECOND = soft_noise(1), soft_noise(2)
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
    assert q_cb(FIRST, SECOND, MEAN) > q_cb(FIRST, SECOND, soft_noise(9)) + 0.02


@pytest.mark.parametrize("level", [0.0, 128.0, 255.0])
def test_a_constant_picture_has_no_contrast(level: float) -> None:
    flat = np.full_like(FIRST, level)
    assert not masked_contrast(np.zeros_like(flat)).any()
    assert q_cb(flat, flat, flat) == 1
    assert q_cb(FIRST, SECOND, flat) == 0
    assert q_cb(flat, flat, FIRST) == 0
    # What a source lacks cannot be lost: all the weight is the other one's.
    assert q_cb(FIRST, flat, FIRST) == pytest.approx(1, abs=1e-12)
