"""Which layers suffer, and how many are kept until a gate holds."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.fx import GraphModule

from edge_mef.calibration.quantize import Ranges, layers, observe, trace_network
from edge_mef.calibration.recipe import QuantRecipe
from edge_mef.calibration.sensitivity import Quality, layer_sensitivity, meet_gate
from edge_mef.errors import GateError
from edge_mef.metrics.pixels import psnr
from edge_mef.models import create_model, find_network
from edge_mef.pipeline import make_pipeline
from edge_mef.render.brackets import random_bracket
from edge_mef.validation import torch_fuse

RECIPE = QuantRecipe()
SPEC = find_network("ffmef-edge")
SPOILED = "down2"
Frame = NDArray[np.uint8]


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """A network with one layer that int8 spoils: one of its inputs is a hundred times the rest."""
    torch.manual_seed(2)
    network = create_model("ffmef-edge", 2)
    with torch.no_grad():
        network.get_parameter("head.weight").mul_(30.0)
        network.get_parameter("down1.weight")[0].mul_(100.0)
        network.get_parameter(f"{SPOILED}.weight")[:, 0].mul_(0.01)
        network.get_parameter("up1.weight")[:, 0].mul_(0.01)
    return network.eval()


@pytest.fixture(scope="module")
def traced(network: nn.Module) -> GraphModule:
    return trace_network(SPEC, network)


def fuse(program: nn.Module) -> list[Frame]:
    frames = random_bracket(4, height=60, width=80).exposures
    return [torch_fuse(make_pipeline(SPEC, program))(*frames)]


@pytest.fixture(scope="module")
def ranges(traced: GraphModule) -> Ranges:
    def run(program: nn.Module) -> None:
        fuse(program)

    return observe(traced, RECIPE, run)


@pytest.fixture(scope="module")
def quality(network: nn.Module) -> Quality:
    return Quality(fuse, network)


def test_psnr() -> None:
    grey = np.full((4, 4, 3), 100, np.uint8)
    assert psnr(grey, grey) == math.inf
    assert psnr(grey, grey + 1) == pytest.approx(48.1308, abs=1e-4)


def test_the_spoiled_layer_is_among_the_worst(
    traced: GraphModule, ranges: Ranges, quality: Quality
) -> None:
    found = layer_sensitivity(traced, RECIPE, ranges, quality)
    assert sorted(found) == sorted(layers(traced))
    assert list(found.values()) == sorted(found.values())
    assert SPOILED in list(found)[:3]


def test_layers_are_kept_until_the_gate_holds(
    traced: GraphModule, ranges: Ranges, quality: Quality
) -> None:
    plain = meet_gate(traced, RECIPE, ranges, quality, gate=1.0)
    assert (plain.kept, plain.sensitivity) == ((), {})
    better = meet_gate(traced, RECIPE, ranges, quality, gate=plain.psnr + 1.0)
    assert better.psnr >= plain.psnr + 1.0
    assert 1 <= len(better.kept) <= 5
    assert quality(better.program) == better.psnr


def test_what_is_kept_on_request_stays_kept(
    traced: GraphModule, ranges: Ranges, quality: Quality
) -> None:
    assert meet_gate(traced, RECIPE, ranges, quality, 1.0, ["stem"]).kept == ("stem",)


def test_a_gate_out_of_reach_is_told(traced: GraphModule, ranges: Ranges, quality: Quality) -> None:
    with pytest.raises(GateError, match=r"reach 200 dB, found [0-9.]+ dB with 5 of 11 layers"):
        meet_gate(traced, RECIPE, ranges, quality, gate=200.0)
