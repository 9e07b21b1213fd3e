"""The pipeline: colour, chroma, rounding."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edge_mef.colour import BT601_FULL, BT601_LIMITED, ColourSpace
from edge_mef.models import create_model
from edge_mef.models.weights import shipped_weights
from edge_mef.pipeline import FusionPipeline, Rounding, fuse_chroma


class Darkest(nn.Module):
    """A network that returns the first exposure's luma, shifted."""

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(shift))

    def forward(self, luma: Tensor) -> Tensor:
        return luma[:, :1] + self.shift


def _frame(seed: int, size: tuple[int, int] = (9, 13)) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (1, *size, 3), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("colour", [BT601_LIMITED, BT601_FULL])
def test_equal_exposures_come_back(colour: ColourSpace) -> None:
    frame = _frame(1)
    with torch.inference_mode():
        fused = FusionPipeline(Darkest(), colour)(frame, frame)
    assert fused.dtype == torch.uint8
    assert (fused.int() - frame.int()).abs().max() <= 1


def test_limited_luma_reaches_the_network() -> None:
    seen: list[Tensor] = []
    network = Darkest()
    network.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0]))
    black, white = (torch.full((1, 2, 2, 3), v, dtype=torch.uint8) for v in (0, 255))
    with torch.inference_mode():
        FusionPipeline(network)(black, white)
    assert seen[0].shape == (1, 2, 2, 2)
    assert seen[0][0, 0].mean().item() == pytest.approx(16 / 255, abs=1e-4)
    assert seen[0][0, 1].mean().item() == pytest.approx(235 / 255, abs=1e-4)


def test_chroma_follows_equation_1_around_128() -> None:
    rng = np.random.default_rng(0)
    c = rng.uniform(20, 230, (2, 2, 5, 5))
    expected = (c * np.abs(c - 128)).sum(0) / np.abs(c - 128).sum(0)
    fused = fuse_chroma(torch.from_numpy(c - 128))[0] + 128
    np.testing.assert_allclose(fused.numpy(), expected, rtol=1e-9)


def test_chroma_is_neutral_where_both_are() -> None:
    assert (fuse_chroma(torch.zeros(2, 2, 3, 3)) == 0).all()
    grey = torch.full((1, 4, 4, 3), 77, dtype=torch.uint8)
    with torch.inference_mode():
        fused = FusionPipeline(Darkest())(grey, grey + 60)
    assert (fused == 77).all()


def test_luma_outside_of_the_range_is_clamped() -> None:
    grey = torch.full((1, 4, 4, 3), 100, dtype=torch.uint8)
    with torch.inference_mode():
        assert (FusionPipeline(Darkest(3.0))(grey, grey) == 255).all()
        assert (FusionPipeline(Darkest(-3.0))(grey, grey) == 0).all()


def test_rounding_is_nearest_or_truncates() -> None:
    frames = _frame(4), _frame(5)
    network = create_model("ffmef", weights=shipped_weights("ffmef-4.safetensors"))
    with torch.inference_mode():
        exact = FusionPipeline(network).fuse_levels(*frames)
        nearest = FusionPipeline(network)(*frames)
        truncated = FusionPipeline(network, rounding="truncate")(*frames)
    assert (nearest == exact.round().to(torch.uint8)).all()
    assert (truncated == exact.floor().to(torch.uint8)).all()
    assert (nearest != truncated).any()


@pytest.mark.parametrize("rounding", ["nearest", "truncate"])
def test_planes_give_the_same_levels_as_frames(rounding: Rounding) -> None:
    pipeline = FusionPipeline(Darkest(0.013), rounding=rounding)
    exposures = [_frame(1), _frame(2)]
    with torch.inference_mode():
        fused = pipeline(*exposures).permute(0, 3, 1, 2)
        levels = pipeline.fuse_planes(*(e.permute(0, 3, 1, 2).float() for e in exposures))
    assert torch.equal(levels, fused.float())
