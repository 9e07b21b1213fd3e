"""The metric in numpy and the loss in torch are the same index."""

import numpy as np
import pytest
import torch

from edge_mef.exposures import Frame
from edge_mef.losses.mef_ssim import mef_ssim as torch_mef_ssim
from edge_mef.metrics import evaluate
from edge_mef.metrics.planes import grey_plane
from edge_mef.render.brackets import random_bracket
from edge_mef.validation import score


def _scene(seed: int, count: int) -> tuple[tuple[Frame, ...], Frame]:
    exposures = random_bracket(seed, height=73, width=98, frames=count).exposures
    fused = np.mean(exposures, axis=0).astype(np.uint8)
    return exposures, fused


def _loss(exposures: tuple[Frame, ...], fused: Frame, kind: torch.dtype) -> float:
    stack = torch.from_numpy(np.stack([grey_plane(frame) for frame in exposures]))[None]
    picture = torch.from_numpy(grey_plane(fused))[None, None]
    return torch_mef_ssim(picture.to(kind), stack.to(kind)).item()


@pytest.mark.parametrize(("seed", "count"), [(1, 2), (2, 2), (4, 3), (5, 5)])
def test_metric_and_loss_agree(seed: int, count: int) -> None:
    exposures, fused = _scene(seed, count)
    found = evaluate(exposures, fused, ["MEF_SSIM"])["MEF_SSIM"]
    assert 0.1 < found < 1
    assert found == pytest.approx(_loss(exposures, fused, torch.float64), abs=1e-10)
    assert found == pytest.approx(_loss(exposures, fused, torch.float32), abs=1e-4)


def test_validation_measures_the_same() -> None:
    (under, over), fused = _scene(3, 2)
    found = evaluate([under, over], fused, ["MEF_SSIM"])["MEF_SSIM"]
    assert found == pytest.approx(score(under, over, fused), abs=1e-10)
