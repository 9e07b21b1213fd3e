"""The tone loss: brightness of neighbourhoods."""

import pytest
import torch

from edge_mef.losses.tone import tone_loss


def test_follows_the_better_exposed_frame() -> None:
    burnt, good = torch.full((1, 1, 32, 32), 0.95), torch.full((1, 1, 32, 32), 0.45)
    luma = torch.cat([good, burnt], dim=1)
    assert tone_loss(good, luma) < 0.1 * tone_loss(burnt, luma)


def test_ignores_detail_inside_a_neighbourhood() -> None:
    luma = torch.full((1, 2, 32, 32), 0.5)
    checks = (torch.arange(32)[:, None] + torch.arange(32)) % 2 * 0.2 - 0.1
    assert tone_loss(0.5 + checks[None, None], luma).item() == pytest.approx(0.0, abs=1e-6)
