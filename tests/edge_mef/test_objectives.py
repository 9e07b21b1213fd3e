"""What each kind of network is trained on."""

import pytest
import torch

from edge_mef.application import Coefficients
from edge_mef.data.pairs import PairDataset
from edge_mef.data.stacks import StackDataset
from edge_mef.edge_pipeline import EdgePipeline
from edge_mef.losses.fusion import FusionWeights, fusion_terms
from edge_mef.models import create_model, find_network
from edge_mef.objectives import EdgeObjective, LumaObjective, make_objective
from edge_mef.train_settings import CropSettings, train_settings
from tests.conftest import noise_stack

CROPS = CropSettings(size=64)

WEIGHTS = FusionWeights(12.0, 10.0, 1.0, 2.0, 2.0)


def test_each_network_has_its_own() -> None:
    luma = make_objective(find_network("ffmef"), train_settings("ffmef"))
    assert isinstance(luma, LumaObjective)
    edge = make_objective(find_network("ffmef-edge"), train_settings("ffmef-edge"))
    assert isinstance(edge, EdgeObjective)
    assert isinstance(luma.dataset([], CROPS, 1), PairDataset)
    assert isinstance(edge.dataset([], CROPS, 1), StackDataset)


def test_settings_are_the_weights_of_the_terms() -> None:
    settings = train_settings(
        "ffmef-edge", mef_ssim_weight=1.0, fidelity_weight=2.0, tone_weight=3.0, colour_weight=4.0
    )
    edge = make_objective(find_network("ffmef-edge"), settings)
    assert isinstance(edge, EdgeObjective)
    assert edge.weights == FusionWeights(1.0, 2.0, 3.0, 4.0, settings.range_weight)
    assert settings.range_weight > 0


def test_the_loss_is_that_of_the_finished_picture() -> None:
    """What is compared with the exposures is what the pipeline gives, before it is rounded."""
    torch.manual_seed(2)
    network = create_model("ffmef-edge", 2)
    exposures = [torch.from_numpy(90 + frame // 3)[None] for frame in noise_stack(3, (192, 192))]
    sample = torch.cat(exposures).permute(0, 3, 1, 2).float()
    weights = WEIGHTS
    with torch.no_grad():
        loss = EdgeObjective(weights).loss(network, [sample])
        levels = EdgePipeline(network).fuse_levels(*exposures)
    fused = levels.permute(0, 3, 1, 2) / 255.0
    assert levels.min() > 0
    assert levels.max() < 255, "nothing is clipped here"
    expected = fusion_terms(fused, sample / 255.0).total(weights)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)


def test_samples_of_a_batch_count_alike() -> None:
    torch.manual_seed(3)
    network = create_model("ffmef-edge", 2)
    samples = [torch.rand(count, 3, 64, 64) * 255 for count in (2, 4)]
    objective = EdgeObjective(WEIGHTS)
    with torch.no_grad():
        alone = [objective.loss(network, [sample]).item() for sample in samples]
        together = objective.loss(network, samples).item()
    assert alone[0] != pytest.approx(alone[1], rel=1e-3)
    assert together == pytest.approx(sum(alone) / 2, rel=1e-5)


def test_every_weight_of_the_network_is_trained() -> None:
    torch.manual_seed(4)
    network = create_model("ffmef-edge", 4)
    sample = torch.from_numpy(noise_stack(3, (64, 64))[0]).permute(2, 0, 1).float()
    stack = torch.stack([sample * gain for gain in (0.5, 1.0, 1.9)]).clamp(0, 255)
    EdgeObjective(WEIGHTS).loss(network, [stack]).backward()  # type: ignore[no-untyped-call]
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("level", [0.0, 255.0])
def test_flat_samples_give_finite_gradients(level: float) -> None:
    torch.manual_seed(5)
    network = create_model("ffmef-edge", 2)
    loss = EdgeObjective(WEIGHTS).loss(network, [torch.full((2, 3, 64, 64), level)])
    loss.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_coefficients_are_named_outputs() -> None:
    assert Coefficients._fields == ("gains", "slopes", "offset")
