"""Applying coefficients: the formula, pixel by pixel, and rounding."""

import numpy as np
import torch
from torch import Tensor

from edge_mef.application import LUMA, blend, interpolate, lift, to_pixels, to_planes


def test_blending_is_the_formula() -> None:
    rng = np.random.default_rng(1)
    planes = rng.uniform(0, 255, (3, 3, 7, 9))
    gains, slopes = rng.uniform(0, 1, (2, 3, 1, 7, 9))
    luma = np.tensordot(planes, LUMA, (1, 0)).mean(0) / 255
    weights = gains + slopes * (luma - 0.5)
    expected = (weights * planes).sum(0)
    found = blend(*(_each(values) for values in (planes, gains, slopes)))
    np.testing.assert_allclose(found[0].numpy(), expected, rtol=1e-5, atol=1e-3)


def _each(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[Tensor]:
    return list(torch.split(torch.from_numpy(values).float(), 1))


def test_a_gain_of_one_gives_the_exposure_back() -> None:
    exposure = torch.randint(0, 256, (1, 5, 7, 3), dtype=torch.uint8)
    other = torch.randint(0, 256, (1, 5, 7, 3), dtype=torch.uint8)
    one, none = torch.ones(1, 1, 5, 7), torch.zeros(1, 1, 5, 7)
    planes = [to_planes(exposure), to_planes(other)]
    lifted = blend(planes, [one, none], [none, none]) + lift(none)
    assert torch.equal(to_pixels(lifted), exposure)


def test_slopes_turn_around_a_guide_of_one_half() -> None:
    """Where the exposures are mid-grey on average, slopes do nothing."""
    planes = [torch.full((1, 3, 2, 2), level) for level in (55.0, 200.0)]
    half, slope = torch.full((1, 1, 2, 2), 0.5), torch.full((1, 1, 2, 2), 3.0)
    without = blend(planes, [half, half], [0 * slope, 0 * slope])
    assert torch.allclose(blend(planes, [half, half], [slope, -slope]), without, atol=1e-3)
    brighter = [plane + 25.5 for plane in planes]
    changed = blend(brighter, [half, half], [slope, -slope])
    assert torch.allclose(changed - (without + 25.5), torch.tensor(0.1 * 3 * (55.0 - 200.0)))


def test_an_offset_is_in_units_of_white_and_rounding_is_to_nearest() -> None:
    levels = torch.tensor([-3.0, 0.49, 0.51, 99.4, 99.6, 254.6, 300.0]).reshape(1, 1, 1, 7)
    pixels = to_pixels((levels + lift(torch.zeros(1))).expand(1, 3, 1, 7))
    assert pixels.shape == (1, 1, 7, 3)
    assert pixels[0, 0, :, 0].tolist() == [0, 0, 1, 99, 100, 255, 255]
    assert lift(torch.tensor(0.2)).item() == 0.2 * 255 + 0.5


def test_cells_are_spread_linearly_between_their_centres() -> None:
    cells = torch.tensor([[0.0, 8.0]]).reshape(1, 1, 1, 2)
    spread = interpolate(cells, 3, 8)[0, 0]
    assert torch.equal(spread, torch.tensor([0.0, 0.0, 1.0, 3.0, 5.0, 7.0, 8.0, 8.0]).expand(3, 8))
