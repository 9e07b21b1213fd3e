"""Which layers suffer, and how many are kept until a gate holds."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.fx import GraphModule

from edge_mef.calibration.quantize import Program, Ranges, layers, observe, trace_network
from edge_mef.calibration.recipe import QuantRecipe
from edge_mef.calibration.scales import scales_of
from edge_mef.calibration.sensitivity import (
    Quality,
    Score,
    layer_sensitivity,
    meet_gate,
    worst_first,
)
from edge_mef.errors import GateError
from edge_mef.metrics import evaluate
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


SCENE = random_bracket(4, height=60, width=80).exposures
EASY = Score(1.0, 1.0)


def fuse(program: nn.Module) -> list[Frame]:
    return [torch_fuse(make_pipeline(SPEC, program))(*SCENE)]


@pytest.fixture(scope="module")
def ranges(traced: GraphModule) -> Ranges:
    def run(program: nn.Module) -> None:
        fuse(program)

    return observe(traced, RECIPE, run)


@pytest.fixture(scope="module")
def quality(network: nn.Module) -> Quality:
    return Quality(fuse, network, [SCENE])


def test_psnr() -> None:
    grey = np.full((4, 4, 3), 100, np.uint8)
    assert psnr(grey, grey) == math.inf
    assert psnr(grey, grey + 1) == pytest.approx(48.1308, abs=1e-4)


def test_a_score_is_the_worst_psnr_and_the_largest_loss(network: nn.Module) -> None:
    dark, bright = SCENE[0], SCENE[-1]
    frames = iter([[dark, bright], [dark, dark]])
    score = Quality(lambda _: next(frames), network, [SCENE, SCENE])(network)
    assert score.psnr == psnr(bright, dark)
    before, after = (evaluate(SCENE, f, ["MEF_SSIM"])["MEF_SSIM"] for f in (bright, dark))
    assert score.drop == pytest.approx(max(0.0, before - after))
    frames = iter([[dark], [bright]])
    back = Quality(lambda _: next(frames), network, [SCENE])(network)
    assert max(score.drop, back.drop) == pytest.approx(abs(before - after))
    assert min(score.drop, back.drop) == 0.0


def test_frames_too_small_for_mef_ssim_count_by_their_psnr(network: nn.Module) -> None:
    tiny = [frame[:5] for frame in SCENE]
    frames = iter([[tiny[0]], [tiny[-1]]])
    assert Quality(lambda _: next(frames), network, [tiny])(network).drop == 0.0


def test_a_goal_is_used_up_by_noise_or_by_loss() -> None:
    goal = Score(40.0, 0.002)
    assert Score(50.0, 0.0001).used(goal) == pytest.approx(0.1)
    assert Score(50.0, 0.0010).used(goal) == pytest.approx(0.5)
    assert Score(math.inf, 0.0).used(goal) == 0.0
    assert Score(40.0, 0.002).reaches(goal)
    assert not Score(39.9, 0.0).reaches(goal)
    assert not Score(60.0, 0.0021).reaches(goal)


def test_the_spoiled_layer_is_among_the_worst(
    traced: GraphModule, ranges: Ranges, quality: Quality
) -> None:
    seen: list[tuple[str, int, int]] = []
    found = layer_sensitivity(traced, RECIPE, ranges, quality, lambda *step: seen.append(step))
    assert list(found) == layers(traced)
    assert [step[1:] for step in seen] == [(index, 11) for index in range(11)]
    goal = Score(45.0, 1.0)
    ordered = worst_first(found, goal)
    used = [score.used(goal) for score in ordered.values()]
    assert used == sorted(used, reverse=True)
    assert SPOILED in list(ordered)[:3]


def test_layers_are_kept_until_the_goal_is_reached(
    traced: GraphModule, ranges: Ranges, quality: Quality
) -> None:
    plain = meet_gate(traced, RECIPE, ranges, quality, EASY)
    assert (plain.kept, plain.sensitivity) == ((), {})
    goal = Score(plain.score.psnr + 1.0, 1.0)
    better = meet_gate(traced, RECIPE, ranges, quality, goal)
    assert better.score.reaches(goal)
    assert 1 <= len(better.kept) <= 5
    assert quality(better.program) == better.score
    assert better.kept == tuple(better.sensitivity)[: len(better.kept)]


@pytest.mark.parametrize("allowed", range(6, 11))
def test_as_few_are_kept_as_mef_ssim_needs(
    traced: GraphModule, ranges: Ranges, allowed: int
) -> None:
    def counted(network: nn.Module) -> Score:
        assert isinstance(network, Program)
        return Score(99.0, 0.001 * len(scales_of(network)))

    mixed = meet_gate(traced, RECIPE, ranges, counted, Score(1.0, 0.001 * allowed + 1e-6))
    assert len(mixed.kept) == 11 - allowed
    assert mixed.score.drop == pytest.approx(0.001 * allowed)


def test_what_is_kept_on_request_stays_kept(
    traced: GraphModule, ranges: Ranges, quality: Quality
) -> None:
    assert meet_gate(traced, RECIPE, ranges, quality, EASY, ["stem"]).kept == ("stem",)


def test_a_goal_out_of_reach_is_told(traced: GraphModule, ranges: Ranges, quality: Quality) -> None:
    with pytest.raises(
        GateError, match=r"reach 200.0 dB, .* found [0-9.]+ dB, MEF-SSIM .* 5 of 11 layers"
    ):
        meet_gate(traced, RECIPE, ranges, quality, Score(200.0, 0.003))


def test_what_half_of_the_layers_reach_may_do(
    traced: GraphModule, ranges: Ranges, quality: Quality
) -> None:
    found = meet_gate(traced, RECIPE, ranges, quality, Score(200.0, 1.0), least=EASY)
    assert len(found.kept) == 5
    assert found.score.reaches(EASY)
    with pytest.raises(GateError, match=r"reach 150.0 dB"):
        meet_gate(traced, RECIPE, ranges, quality, Score(200.0, 1.0), least=Score(150.0, 1.0))
