"""The GIF loss against a plain numpy reading of equations 5 to 11."""

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edge_mef.losses.gif import GifLoss, GifSettings, saturation_weights

Plane = NDArray[np.float64]


def _gradient(plane: Plane) -> Plane:
    grey = plane * 255.0
    sides = [
        np.minimum(np.abs(cv2.Scharr(grey, cv2.CV_64F, *d, borderType=cv2.BORDER_REPLICATE)), 255)
        for d in ((1, 0), (0, 1))
    ]
    return (sides[0] + sides[1]) / 2 / 255.0


def _reference(fused: Plane, luma: list[Plane], chroma: list[Plane]) -> tuple[float, float, float]:
    gradients = [_gradient(y) for y in luma]
    dilated = [cv2.dilate(g, np.ones((3, 3)), borderValue=0.0) for g in gradients]
    masks = [(d >= 0.5).astype(float) for d in dilated]
    steep = sum(float((m * np.abs(fused - y)).mean()) for m, y in zip(masks, luma, strict=True))
    saturation = np.stack([np.abs(c).sum(0) for c in chroma])
    once = np.exp(saturation - saturation.max(0)) / np.exp(saturation - saturation.max(0)).sum(0)
    weights = np.exp(once) / np.exp(once).sum(0)
    target = weights[0] * luma[0] + weights[1] * luma[1]
    flat = 1.0 - np.maximum(masks[0], masks[1])
    smooth = float((flat * np.abs(fused - target)).mean())
    overall = float(np.abs(_gradient(fused) - np.maximum(*gradients)).mean())
    return steep, smooth, overall


def _example() -> tuple[Plane, list[Plane], list[Plane]]:
    rng = np.random.default_rng(5)
    base = cv2.GaussianBlur(rng.random((40, 56)), (0, 0), 2.0)
    base = (base - base.min()) / (base.max() - base.min())
    luma = [np.clip(base * 0.5, 0, 1), np.clip(base * 1.6, 0, 1)]
    chroma = [rng.normal(0, 12, (2, 40, 56)), rng.normal(0, 12, (2, 40, 56))]
    return np.clip(base + rng.normal(0, 0.02, base.shape), -0.1, 1.1), luma, chroma


def test_terms_equal_the_equations() -> None:
    fused, luma, chroma = _example()
    terms = GifLoss().double()(
        torch.from_numpy(fused)[None, None],
        torch.from_numpy(np.stack(luma))[None],
        torch.from_numpy(np.stack(chroma))[None],
    )
    steep, smooth, overall = _reference(fused, luma, chroma)
    assert min(steep, smooth, overall) > 1e-3, "the example must exercise every term"
    assert terms.steep.item() == pytest.approx(steep, rel=1e-6)
    assert terms.smooth.item() == pytest.approx(smooth, rel=1e-6)
    assert terms.overall.item() == pytest.approx(overall, rel=1e-6)
    expected = 1.25 * steep + smooth + 2 * overall
    assert terms.total.item() == pytest.approx(expected, rel=1e-6)


def test_saturation_weights_are_the_papers_and_not_the_published_codes() -> None:
    equal = saturation_weights(torch.full((1, 2, 2, 1, 1), 30.0))
    assert torch.allclose(equal, torch.full_like(equal, 0.5)), "the code's weights are .531/.462"
    chroma = torch.zeros(1, 2, 2, 1, 1)
    chroma[:, 1] = 40.0
    weights = saturation_weights(chroma).flatten()
    assert weights.sum().item() == pytest.approx(1.0)
    assert weights[1].item() == pytest.approx(np.e / (1 + np.e), rel=1e-5)


def test_pixels_outside_of_the_range_have_a_gradient() -> None:
    luma = torch.full((1, 2, 16, 16), 0.5)
    fused = torch.full((1, 1, 16, 16), 1.2, requires_grad=True)
    GifLoss()(fused, luma, torch.zeros(1, 2, 2, 16, 16)).total.backward()
    assert fused.grad is not None
    assert (fused.grad > 0).all(), "too bright everywhere: every pixel is pulled down"


def test_settings_weigh_the_terms() -> None:
    fused, luma, chroma = (torch.rand(1, n, 24, 24) for n in (1, 2, 4))
    both = chroma.reshape(1, 2, 2, 24, 24) * 20
    terms = GifLoss(GifSettings(steep=3.0, smooth=5.0, overall=7.0))(fused, luma, both)
    expected = 3 * terms.steep + 5 * terms.smooth + 7 * terms.overall
    assert torch.allclose(terms.total, expected)
