"""The quantizer: what becomes int8, with which scales, and what stays."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.fx import GraphModule

from edge_mef.calibration.quantize import Ranges, convert, layers, observe, trace_network
from edge_mef.calibration.recipe import QuantRecipe
from edge_mef.calibration.scales import scales_of
from edge_mef.errors import GateError, InputError
from edge_mef.models import create_model, find_network

RECIPE = QuantRecipe()


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(5)
    network = create_model("ffmef-edge", 4)
    with torch.no_grad():
        network.get_parameter("head.weight").mul_(20.0)
    return network.eval()


@pytest.fixture(scope="module")
def traced(network: nn.Module) -> GraphModule:
    return trace_network(find_network("ffmef-edge"), network)


def views(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, 192, 192, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def ranges(traced: GraphModule) -> Ranges:
    return observe(traced, RECIPE, lambda program: program(views(2)))


def test_every_learned_convolution_is_a_layer(network: nn.Module, traced: GraphModule) -> None:
    learned = [n for n, m in network.named_modules() if isinstance(m, nn.Conv2d)]
    assert sorted(layers(traced)) == sorted(learned)


def test_transposed_convolutions_are_layers_too() -> None:
    network = create_model("ffmef", 2)
    names = layers(trace_network(find_network("ffmef"), network))
    assert {"encoder.up1.conv", "encoder.up2.conv", "stem"} <= set(names)
    assert len(names) == len(set(names))


def test_ranges_are_the_largest_magnitudes(
    network: nn.Module, traced: GraphModule, ranges: Ranges
) -> None:
    seen: dict[str, float] = {}
    hooks = [
        module.register_forward_pre_hook(
            lambda _, x, name=name: seen.update({name: float(x[0].detach().abs().max())})
        )
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    network(views(2))
    for hook in hooks:
        hook.remove()
    assert ranges == pytest.approx(seen, rel=1e-5)


def test_the_largest_of_all_scenes_counts(traced: GraphModule, ranges: Ranges) -> None:
    def run(program: nn.Module) -> None:
        for scale in (0.1, 1.0, 0.3):
            program(scale * views(2))

    found = observe(traced, RECIPE, run)
    assert all(found[name] >= 0.999 * value for name, value in ranges.items())


def test_a_percentile_cuts_what_is_rare(traced: GraphModule, ranges: Ranges) -> None:
    cut = observe(traced, QuantRecipe("percentile", 90.0), lambda program: program(views(2)))
    assert all(cut[name] <= ranges[name] for name in ranges)
    assert cut["head"] < 0.9 * ranges["head"]


def test_scales_are_ranges_over_127(
    network: nn.Module, traced: GraphModule, ranges: Ranges
) -> None:
    scales = scales_of(convert(traced, RECIPE, ranges))
    assert scales.keys() == ranges.keys()
    for name, one in scales.items():
        # 255 steps from -128 to 127, in the nearest number of half precision
        assert one["activation"] == float(np.float16(ranges[name] / 127.5))
        weight = network.get_submodule(name).get_parameter("weight").detach()
        largest = weight.abs().amax((1, 2, 3)).numpy()
        np.testing.assert_allclose(one["weights"], largest / 127.0, rtol=5e-4)
        np.testing.assert_array_equal(one["weights"], np.float16(one["weights"]))


def test_the_program_is_near_the_network_for_any_number_of_exposures(
    network: nn.Module, traced: GraphModule, ranges: Ranges
) -> None:
    program = convert(traced, RECIPE, ranges)
    for count in (2, 5, 9):
        with torch.no_grad():
            exact, found = network(views(count, seed=count)), program(views(count, seed=count))
        error = max(float((a - b).abs().max()) for a, b in zip(exact, found, strict=True))
        assert 0 < error < 0.2


def test_what_is_traced_stays_as_it_is(traced: GraphModule, ranges: Ranges) -> None:
    before = copy.deepcopy(traced.state_dict())
    convert(traced, RECIPE, ranges, ["stem"])
    assert all(torch.equal(before[name], value) for name, value in traced.state_dict().items())


def test_kept_layers_compute_in_half_precision(
    network: nn.Module, traced: GraphModule, ranges: Ranges
) -> None:
    names = layers(traced)
    program = convert(traced, RECIPE, ranges, ["stem", "head"])
    assert scales_of(program).keys() == set(names) - {"stem", "head"}
    halves = {n for n, p in program.named_parameters() if p.dtype == torch.float16}
    assert {name.partition(".")[2] for name in halves} == {
        f"{layer}_bias_half" for layer in ("stem", "head")
    }, "weights stay in int8, and are cast"
    only_one = convert(traced, RECIPE, ranges, [n for n in names if n != "down3"])
    programs = (only_one, convert(traced, RECIPE, ranges))
    with torch.no_grad():
        exact = network(views(3)).gains
        errors = [float((exact - program(views(3))[0]).square().mean()) for program in programs]
    assert errors[0] < 0.5 * errors[1]


def test_a_layer_without_a_range_is_named(traced: GraphModule, ranges: Ranges) -> None:
    lacking = {name: value for name, value in ranges.items() if name != "up1"}
    with pytest.raises(GateError, match="'up1' was not seen"):
        convert(traced, RECIPE, lacking)


def test_something_must_be_left_to_quantize(traced: GraphModule, ranges: Ranges) -> None:
    with pytest.raises(GateError, match="found none"):
        convert(traced, RECIPE, ranges, layers(traced))


@pytest.mark.parametrize("percentile", [0.0, 50.0, 100.1, float("nan")])
def test_impossible_percentiles(percentile: float) -> None:
    with pytest.raises(InputError, match="percentile above 50"):
        QuantRecipe("percentile", percentile)


def test_an_unknown_observer() -> None:
    with pytest.raises(InputError, match="found 'entropy'"):
        QuantRecipe("entropy")  # type: ignore[arg-type]
