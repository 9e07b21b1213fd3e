"""MEF-SSIM against the benchmark's own values, and against a patch-by-patch reading."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edge_mef.losses.mef_ssim import (
    MIN_SIDE,
    _covariances,
    _filter,
    _quadratic,
    mef_ssim,
    similarity_map,
)
from edge_mef.pictures import read_picture
from edge_mef.validation import score

Plane = NDArray[np.float64]


@pytest.mark.shared
def test_equals_the_benchmarks_own_values(shared: Path) -> None:
    with (shared / "oracle/mef_metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "MEF_SSIM"]
    assert len(rows) >= 12
    for row in rows:
        folder = shared / "oracle/mef" / row["scene"]
        under, over, fused = (
            read_picture(folder / f"{name}.png").pixels
            for name in ("under", "over", f"fused_{row['method']}")
        )
        assert score(under, over, fused) == pytest.approx(float(row["value"]), rel=1e-6)


def _patchwise(fused: Plane, exposures: Plane) -> Plane:
    """The single-scale index at every position, one patch at a time."""
    offsets = np.arange(11) - 5
    gauss = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(gauss, gauss) / np.outer(gauss, gauss).sum()
    rows, columns = fused.shape[0] - 10, fused.shape[1] - 10
    out = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            patches = exposures[:, i : i + 11, j : j + 11]
            centred = patches - patches.mean(axis=(1, 2), keepdims=True)
            lengths = np.sqrt((centred**2).sum(axis=(1, 2)))
            strength = lengths + 1e-3
            consistency = np.linalg.norm(centred.sum(0)) / lengths.sum()
            power = min(math.tan(math.pi / 2 * min(consistency, 1 - 1e-9)), 10.0)
            weights = (strength / 11) ** power
            weights = weights / weights.sum()
            wanted = np.tensordot(weights / strength, centred, 1)
            wanted = wanted / np.linalg.norm(wanted) * strength.max()
            found = fused[i : i + 11, j : j + 11]
            w, f = (p - (window * p).sum() for p in (wanted, found))
            own, theirs = (window * w * w).sum(), (window * f * f).sum()
            c = (0.03 * 255) ** 2
            out[i, j] = (2 * (window * w * f).sum() + c) / (own + theirs + c)
    return out


@pytest.mark.parametrize("count", [2, 3])
def test_map_equals_the_patchwise_definition(count: int) -> None:
    rng = np.random.default_rng(count)
    exposures = rng.uniform(0, 255, (count, 18, 21))
    fused = exposures.mean(0) + rng.normal(0, 20, (18, 21))
    ours = similarity_map(torch.from_numpy(fused)[None, None], torch.from_numpy(exposures)[None])
    np.testing.assert_allclose(ours[0, 0].numpy(), _patchwise(fused, exposures), atol=1e-6)


def test_single_precision_serves_as_a_loss() -> None:
    torch.manual_seed(3)
    exposures = torch.rand(2, 2, 64, 72, dtype=torch.float64) * 255
    fused = exposures.mean(1, keepdim=True).requires_grad_()
    exact = mef_ssim(fused, exposures)
    assert torch.allclose(mef_ssim(fused.float(), exposures.float()).double(), exact, atol=1e-4)
    exact.sum().backward()  # type: ignore[no-untyped-call]
    assert fused.grad is not None
    assert torch.isfinite(fused.grad).all()
    assert fused.grad.abs().sum() > 0


def test_flat_frames_give_no_nan() -> None:
    flat = torch.full((1, 2, 50, 50), 128.0, requires_grad=True)
    value = mef_ssim(flat[:, :1] * 1.0, flat)
    assert value.item() == pytest.approx(1.0)
    value.backward()  # type: ignore[no-untyped-call]
    assert flat.grad is not None
    assert torch.isfinite(flat.grad).all()


def test_too_small_frames_are_refused() -> None:
    small = torch.zeros(1, 2, MIN_SIDE - 1, 100)
    with pytest.raises(ValueError, match="at least 44"):
        mef_ssim(small[:, :1], small)


def _half_flat(level: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A scene whose left half is flat in all exposures, and a fused picture, in float64."""
    torch.manual_seed(5)
    texture = torch.rand(1, 1, 64, 96, dtype=torch.float64) * 60
    texture[..., :48] = 0
    exposures = torch.cat([level / 4 + texture / 4, level / 2 + texture / 2, level + texture], 1)
    return level * 0.6 + 0.7 * texture, exposures


@pytest.mark.parametrize("level", [0.0, 100.0, 190.0])
def test_single_precision_is_right_in_flat_areas(level: float) -> None:
    """There variances cancel to nothing, and single precision would be left with its noise."""
    fused, exposures = _half_flat(level)
    exact = similarity_map(fused, exposures)
    single = similarity_map(fused.float(), exposures.float())
    assert (exact[..., :30] > 0.999).all()
    difference = (single.double() - exact).abs().max().item()
    print(f"level {level}: {difference:.1e}")
    assert difference <= 2e-3


def test_covariances_are_symmetric_and_those_of_numpy() -> None:
    torch.manual_seed(6)
    exposures = torch.rand(1, 4, 11, 13, dtype=torch.float64) * 255
    box = torch.full((1, 11), 1.0 / 11, dtype=torch.float64)
    found = _covariances(exposures, _filter(exposures, box), box)
    assert found.shape == (1, 4, 4, 1, 3)
    assert torch.equal(found, found.transpose(1, 2))
    for place in range(3):
        patches = exposures[0, :, :, place : place + 11].reshape(4, -1).numpy()
        np.testing.assert_allclose(found[0, :, :, 0, place], np.cov(patches, bias=True), rtol=1e-9)


def test_a_quadratic_form_is_one() -> None:
    torch.manual_seed(7)
    parts, matrix = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 3, 4, 5)
    expected = torch.einsum("bihw,bijhw,bjhw->bhw", parts, matrix, parts).unsqueeze(1)
    assert torch.allclose(_quadratic(parts, matrix), expected, atol=1e-5)
