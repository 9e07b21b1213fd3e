"""The pipeline on a view: stages in one piece, precision, and rounding."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edge_mef.application import Coefficients, interpolate
from edge_mef.edge_pipeline import EdgePipeline, apply_whole, predict
from edge_mef.models import create_model, find_network
from edge_mef.pipeline import FusionPipeline, make_pipeline
from edge_mef.view import SceneView
from tests.conftest import noise_stack


class Mean(nn.Module):
    """A network that asks for the plain mean of the exposures, shifted."""

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(shift))
        self.seen: list[Tensor] = []

    def forward(self, views: Tensor) -> Coefficients:
        self.seen.append(views)
        cells = torch.ones(len(views), 1, 4, 4, dtype=views.dtype)
        return Coefficients(cells / len(views), 0 * cells, self.shift.expand(1, 1, 4, 4))


def frames(count: int, size: tuple[int, int] = (9, 13)) -> list[Tensor]:
    return [torch.from_numpy(frame)[None] for frame in noise_stack(count, size)]


def test_networks_on_views_get_this_pipeline() -> None:
    network = create_model("ffmef-edge")
    assert isinstance(make_pipeline(find_network("ffmef-edge"), network), EdgePipeline)
    ffmef = create_model("ffmef")
    assert isinstance(make_pipeline(find_network("ffmef"), ffmef), FusionPipeline)


@pytest.mark.parametrize("count", [2, 3, 9])
def test_any_number_of_exposures(count: int) -> None:
    exposures, network = frames(count), Mean()
    with torch.inference_mode():
        fused = EdgePipeline(network)(*exposures)
    mean = np.mean([frame.numpy().astype(float) for frame in exposures], axis=0)
    assert fused.dtype == torch.uint8
    assert fused.shape == (1, 9, 13, 3)
    assert np.abs(fused.numpy() - mean).max() <= 0.5 + 1e-3
    views = torch.cat([SceneView()(frame) for frame in exposures])
    assert torch.equal(network.seen[0], views), "in the order in which they came"


def test_levels_are_those_before_rounding() -> None:
    exposures = frames(2)
    with torch.inference_mode():
        pipeline = EdgePipeline(Mean(0.5))
        levels, fused = pipeline.fuse_levels(*exposures), pipeline(*exposures)
        dark = EdgePipeline(Mean(-1.0)).fuse_levels(*exposures)
    assert torch.equal((levels + 0.5).floor().clamp(0, 255).to(torch.uint8), fused)
    assert levels.max() == 255
    assert (dark == 0).all()


def test_applying_is_the_formula_at_every_pixel() -> None:
    torch.manual_seed(4)
    planes = [torch.rand(1, 3, 11, 17) * 255 for _ in range(3)]
    predicted = Coefficients(
        torch.rand(3, 1, 6, 6), torch.randn(3, 1, 6, 6), torch.rand(1, 1, 6, 6)
    )
    gains, slopes, offset = (interpolate(part, 11, 17) for part in predicted)
    luma = sum(p[:, :1] * 0.299 + p[:, 1:2] * 0.587 + p[:, 2:] * 0.114 for p in planes) / 3
    weights = gains + slopes * (luma / 255 - 0.5)
    expected = (weights * torch.cat(planes)).sum(0, keepdim=True) + offset * 255 + 0.5
    assert torch.allclose(apply_whole(planes, predicted), expected, atol=1e-2)


def test_only_the_network_runs_in_half_precision() -> None:
    network = Mean(0.1).half()
    predicted = predict(network, torch.rand(2, 3, 8, 8))
    assert network.seen[0].dtype == torch.float16
    assert {part.dtype for part in predicted} == {torch.float32}


@pytest.mark.parametrize("size", [(9, 13), (301, 500)])
def test_planes_give_the_same_levels_as_frames(size: tuple[int, int]) -> None:
    pipeline = make_pipeline(find_network("ffmef-edge"), create_model("ffmef-edge"))
    exposures = frames(3, size)
    with torch.inference_mode():
        fused = pipeline(*exposures).permute(0, 3, 1, 2)
        levels = pipeline.fuse_planes(*(e.permute(0, 3, 1, 2).float() for e in exposures))
    assert levels.dtype == torch.float32
    assert torch.equal(levels, levels.round())
    # Convolutions sum in another order where memory is laid out otherwise: a value that lies
    # between two levels may fall to the other.
    difference = (levels - fused.float()).abs()
    assert float(difference.max()) <= 1.0
    assert float(difference.mean()) < 1e-4
