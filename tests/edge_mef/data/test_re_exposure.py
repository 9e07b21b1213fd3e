"""Re-exposing: stops are gains before a power of 2.2, and what is clipped stays clipped."""

import numpy as np
import pytest

from edge_mef.data.re_exposure import re_expose
from edge_mef.exposures import Frame

# All levels, each in another place of every channel.
LEVELS: Frame = np.stack(
    [np.roll(np.arange(256, dtype=np.uint8), shift).reshape(16, 16) for shift in (0, 5, 90)], 2
)


def test_no_stops_change_nothing() -> None:
    np.testing.assert_array_equal(re_expose(LEVELS, 0.0), LEVELS)


@pytest.mark.parametrize("stops", [-3.0, -1.0, -0.5, 0.5, 1.0, 3.0])
def test_it_is_monotone_and_keeps_black(stops: float) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(3, 2)
    found = re_expose(levels, stops).astype(int)
    assert found.shape == levels.shape
    assert (np.diff(found[0, :, 0]) >= 0).all()
    assert (found[..., 0] == found[..., 2]).all()
    assert found[0, 0, 0] == 0
    inner = found[0, 20:200, 0] - np.arange(20, 200)
    assert (inner > 0).all() if stops > 0 else (inner < 0).all()


def test_a_stop_doubles_the_light() -> None:
    brighter = re_expose(LEVELS, 1.0)
    light = (LEVELS / 255.0) ** 2.2
    expected = 255 * np.minimum(2 * light, 1) ** (1 / 2.2)
    assert np.abs(brighter - expected).max() <= 0.5 + 1e-6


def test_clipped_light_stays_clipped() -> None:
    brighter = re_expose(LEVELS, 2.0)
    assert (brighter[LEVELS > 140] == 255).all()
    darker = re_expose(brighter, -2.0)
    assert darker.max() == re_expose(np.full((1, 1, 3), 255, np.uint8), -2.0)[0, 0, 0] < 140
    shadows = LEVELS < 120
    assert np.abs(darker.astype(int) - LEVELS)[shadows].max() <= 2


def test_the_frame_is_not_changed() -> None:
    before = LEVELS.copy()
    re_expose(LEVELS, 1.0)
    np.testing.assert_array_equal(LEVELS, before)
