"""FFMEF-edge: what its coefficients always satisfy, its size, and what order means to it."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edge_mef.application import Coefficients
from edge_mef.errors import InputError
from edge_mef.models import create_model
from edge_mef.models.ffmef_edge import CELL, FFMEFEdge
from edge_mef.models.weights import shipped_weights, write_weights

LARGEST = 20_000  # parameters


def _size(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture
def network(edge_weights: Path) -> nn.Module:
    return create_model("ffmef-edge", weights=edge_weights)


def _predict(network: nn.Module, views: Tensor) -> Coefficients:
    with torch.inference_mode():
        return Coefficients(*network(views))


def _views(count: int, side: int = 32) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.rand(count, 3, side, side, generator=generator)


def test_it_is_small() -> None:
    sizes = {channels: _size(create_model("ffmef-edge", channels)) for channels in (2, 4, 8)}
    assert sizes[8] == 18_516
    assert sizes[2] < sizes[4] < sizes[8] <= LARGEST
    assert _size(create_model("ffmef-edge")) == sizes[8]


@pytest.mark.parametrize("count", range(2, 10))
def test_one_set_of_weights_for_any_number_of_exposures(network: nn.Module, count: int) -> None:
    gains, slopes, offset = _predict(network, _views(count))
    cells = 32 // CELL
    assert gains.shape == slopes.shape == (count, 1, cells, cells)
    assert offset.shape == (1, 1, cells, cells)
    assert all(torch.isfinite(part).all() for part in (gains, slopes, offset))


@pytest.mark.parametrize("count", [2, 3, 7])
def test_gains_share_one_gain_and_slopes_only_trade(network: nn.Module, count: int) -> None:
    gains, slopes, _ = _predict(network, _views(count))
    assert (gains > 0).all()
    common = gains.sum(0)
    assert common.min() >= torch.exp(torch.tensor(-1.0)) - 1e-5
    assert common.max() <= torch.exp(torch.tensor(1.0)) + 1e-5
    assert slopes.abs().max() > 0.1, "there is something to add up"
    assert slopes.sum(0).abs().max() < 1e-5


def test_untrained_it_takes_the_mean_of_the_exposures() -> None:
    torch.manual_seed(0)
    gains, slopes, offset = _predict(create_model("ffmef-edge"), _views(4))
    assert (gains - 0.25).abs().max() < 0.1
    assert slopes.abs().max() < 0.2
    assert offset.abs().max() < 0.2


def test_identical_exposures_are_treated_alike(network: nn.Module) -> None:
    view = _views(1)
    gains, slopes, _ = _predict(network, view.expand(5, 3, 32, 32))
    assert torch.allclose(gains, gains[:1].expand_as(gains), rtol=1e-4)
    assert slopes.abs().max() < 1e-4


def test_order_counts_through_the_neighbours_alone(network: nn.Module) -> None:
    """Turned around, darker and brighter neighbours change places, and so does the outcome."""
    views = _views(3)
    before, after = _predict(network, views), _predict(network, views.flip(0))
    assert not torch.allclose(before.gains, after.gains.flip(0), atol=1e-3)
    assert isinstance(network, FFMEFEdge)
    with torch.no_grad():
        network.stem.weight[:, 1:3] = 0.0  # the two neighbours
    before, after = _predict(network, views), _predict(network, views.flip(0))
    assert torch.allclose(before.gains, after.gains.flip(0), atol=1e-5)
    assert torch.allclose(before.slopes, after.slopes.flip(0), atol=1e-5)
    assert torch.allclose(before.offset, after.offset, atol=1e-5)


def test_what_the_network_sees(network: nn.Module) -> None:
    """Luma, that of the darker and of the brighter neighbour, the mean, and saturation."""
    assert isinstance(network, FFMEFEdge)
    views = _views(4)
    inputs = network._inputs(views) + 0.5
    luma, darker, brighter, mean, saturation = (inputs[:, index] for index in range(5))
    rgb = views[:, 0] * 0.299 + views[:, 1] * 0.587 + views[:, 2] * 0.114
    assert torch.allclose(luma, rgb, atol=1e-6)
    assert torch.allclose(darker, luma[[0, 0, 1, 2]])
    assert torch.allclose(brighter, luma[[1, 2, 3, 3]])
    assert torch.allclose(mean, luma.mean(0).expand(4, -1, -1))
    assert torch.allclose(saturation, views.max(1).values - views.min(1).values, atol=1e-6)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_flat_views_give_finite_coefficients(network: nn.Module, level: float) -> None:
    for part in _predict(network, torch.full((2, 3, 192, 192), level)):
        assert torch.isfinite(part).all()


@pytest.mark.parametrize("channels", [2, 4, 8])
def test_the_width_is_read_from_the_weights(tmp_path: Path, channels: int) -> None:
    made = create_model("ffmef-edge", channels)
    path = tmp_path / "w.safetensors"
    write_weights(path, {k: v.numpy() for k, v in made.state_dict().items()}, {})
    again = create_model("ffmef-edge", weights=path)
    assert torch.equal(_predict(again, _views(2)).gains, _predict(made, _views(2)).gains)
    with pytest.raises(InputError, match="other settings"):
        create_model("ffmef-edge", channels + 2, path)


@pytest.mark.parametrize(
    ("channels", "kernels", "words"),
    [(3, None, "even number of channels"), (0, None, "even"), (8, (1, 3, 5), "needs 0 odd kernel")],
)
def test_impossible_settings_are_refused(
    channels: int, kernels: tuple[int, ...] | None, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        create_model("ffmef-edge", channels, kernel_sizes=kernels)


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(InputError, match="does not hold this network's weights"):
        create_model("ffmef-edge", weights=shipped_weights("ffmef-4.safetensors"))
