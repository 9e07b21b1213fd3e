"""Training for int8: it computes what the converted program does, and its weights suffer less."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_mef import training
from edge_mef.calibration import qat
from edge_mef.calibration.qat import (
    FakeQuantized,
    Imitation,
    round_activation,
    round_weight,
    scales_of_range,
)
from edge_mef.calibration.quantize import convert, observe, trace_network
from edge_mef.calibration.quiet import quiet
from edge_mef.calibration.recipe import ACTIVATION_LEVELS, WEIGHT_LEVELS, QuantRecipe
from edge_mef.calibration.scales import scales_of
from edge_mef.checkpoints import read_checkpoint, write_checkpoint
from edge_mef.data.scenes import load_scenes
from edge_mef.errors import InputError
from edge_mef.metrics.pixels import psnr
from edge_mef.models import create_model, find_network
from edge_mef.models.weights import read_metadata, read_weights, weights_digest, write_weights
from edge_mef.objectives import make_objective
from edge_mef.pipeline import make_pipeline
from edge_mef.render.brackets import random_bracket
from edge_mef.train_settings import RECIPES, TrainSettings, train_settings
from edge_mef.training import train
from edge_mef.validation import read_pairs, torch_fuse
from tests.calibration.conftest import write_brackets
from tests.conftest import RunCli, contents

RECIPE = QuantRecipe()


def outputs(found: Any) -> list[Tensor]:
    return [found] if isinstance(found, Tensor) else list(found)


def largest(difference: Tensor) -> float:
    return float(difference.detach().abs().max())


def network_and_input(name: str) -> tuple[nn.Module, Tensor]:
    """A random network of two channels, and what it takes."""
    torch.manual_seed(5)
    network = create_model(name, 2)
    if name == "ffmef":
        return network, torch.rand(1, 2, 24, 31)
    with torch.no_grad():
        network.get_parameter("head.weight").mul_(20.0)
    return network, torch.rand(3, 3, 192, 192)


@pytest.mark.parametrize("scale", [1e-9, 0.03, 1.0, 700.0])
def test_scales_are_those_of_the_observers(scale: float) -> None:
    with quiet():
        from edge_mef.calibration.observer import ChannelObserver, RangeObserver
        from edge_mef.calibration.quantizer import SMALLEST_SCALE
    torch.manual_seed(1)
    x, weight = scale * torch.randn(2, 3, 9, 9), scale * torch.randn(4, 3, 3, 3)
    low, high = ACTIVATION_LEVELS
    activation = RangeObserver(
        RECIPE, dtype=torch.int8, quant_min=low, quant_max=high,
        qscheme=torch.per_tensor_symmetric, eps=SMALLEST_SCALE,
    )  # fmt: skip
    activation(x)
    expected, zero = activation.calculate_qparams()
    assert not zero.any()
    assert torch.equal(scales_of_range(x.abs().amax(), ACTIVATION_LEVELS), expected[0])
    low, high = WEIGHT_LEVELS
    channels = ChannelObserver(
        dtype=torch.int8, quant_min=low, quant_max=high,
        qscheme=torch.per_channel_symmetric, eps=SMALLEST_SCALE, ch_axis=0,
    )  # fmt: skip
    channels(weight)
    expected, zero = channels.calculate_qparams()
    assert not zero.any()
    assert torch.equal(scales_of_range(weight.abs().amax((1, 2, 3)), WEIGHT_LEVELS), expected)


def test_rounding_lets_gradients_through_inside_of_the_range() -> None:
    x = torch.tensor([-3.0, -0.401, 0.0, 0.7, 3.0], requires_grad=True)
    rounded = round_activation(x, torch.tensor(1.0))
    step = float(torch.tensor(2.0 / 255.0).half())
    torch.testing.assert_close(rounded[[0, 4]].detach(), torch.tensor([-128.0, 127.0]) * step)
    assert largest((rounded - x)[1:4]) <= step / 2 + 1e-7
    rounded.sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]
    weight = torch.randn(3, 2, 3, 3, requires_grad=True)
    scales = scales_of_range(weight.detach().abs().amax((1, 2, 3)), WEIGHT_LEVELS)
    levels = round_weight(weight, 0) / scales[:, None, None, None]
    torch.testing.assert_close(levels, levels.round(), atol=1e-3, rtol=0)
    levels.sum().backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    assert bool((weight.grad != 0).all())


@pytest.mark.parametrize("name", ["ffmef", "ffmef-edge"])
def test_it_computes_what_the_converted_program_computes(name: str) -> None:
    spec = find_network(name)
    network, x = network_and_input(name)
    before = [one.detach() for one in outputs(network(x))]
    rounded = FakeQuantized(spec, network)
    assert rounded.network is network
    assert {k.removeprefix("network.") for k, _ in rounded.named_parameters()} == {
        k for k, _ in network.named_parameters()
    }
    with rounded.observing():
        for one, expected in zip(outputs(rounded(x)), before, strict=True):
            assert torch.equal(one, expected), "it observes the float network"
    traced = trace_network(spec, network)
    if name == "ffmef-edge":  # the other takes seconds more
        assert rounded.ranges == observe(traced, RECIPE, lambda program: program(x))
    program = convert(traced, RECIPE, rounded.ranges)
    assert set(rounded.layers) == set(scales_of(program))
    found = outputs(rounded(x))
    with torch.no_grad():
        converted = outputs(program(x))
    for one, other, floating in zip(found, converted, before, strict=True):
        gap, cost = largest(one - other), largest(one - floating)
        print(f"{name}: {gap:.1e} from the program, {cost:.1e} from the float network")
        assert cost > 1e-4
        assert gap <= 1e-5 + 0.01 * cost
    sum(one.square().sum() for one in found).backward()  # type: ignore[union-attr]
    missing = [
        k
        for k, parameter in network.named_parameters()
        if parameter.grad is None or not bool(parameter.grad.isfinite().all())
    ]
    assert missing == []
    for one, expected in zip(outputs(network(x)), before, strict=True):
        assert torch.equal(one, expected), "the float network is as it was"


@pytest.mark.parametrize("name", ["ffmef", "ffmef-edge"])
def test_the_loss_is_the_psnr_against_the_given_network(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qat, "_FLAT_WEIGHT", 0.0)
    objective = make_objective(find_network(name), train_settings(name))
    given, other = network_and_input(name)[0], create_model(name, 2)
    count = 2 if name == "ffmef" else 3
    samples = [255.0 * torch.rand(count, 3, 64, 64) for _ in range(2)]
    third, found = create_model(name, 2), []
    for sample in samples:
        (x,) = objective.inputs([sample])
        gaps = [objective.fused(one, x) - objective.fused(given, x) for one in (other, third)]
        both = sum(float(gap.detach().double().square().mean()) for gap in gaps)
        found.append(10.0 * math.log10(both / 255.0**2))
    imitation = Imitation(objective, given, third)
    loss = imitation.loss(other, samples)
    assert float(loss.detach()) == pytest.approx(sum(found) / 2, abs=0.02)
    same = Imitation(objective, given, given).loss(given, samples)
    assert -69 < float(same.detach()) < -68, "equal, and still finite"
    loss.backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is None for p in given.parameters())
    for learning in (other, third):
        assert all(p.grad is not None for p in learning.parameters())


def test_ranges_that_lack_a_layer() -> None:
    rounded = FakeQuantized(find_network("ffmef-edge"), create_model("ffmef-edge", 2))
    ranges = {name: float(i) for i, name in enumerate(rounded.layers)}
    rounded.set_ranges(ranges)
    assert rounded.ranges == ranges
    with pytest.raises(KeyError, match="share3"):
        rounded.set_ranges({k: v for k, v in ranges.items() if k != "share3"})


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_the_recipe_is_short_and_gentle(name: str) -> None:
    plain, ours = RECIPES[name], train_settings(name, qat=True)
    assert ours.qat
    assert not plain.qat
    assert ours.epochs < plain.epochs
    assert ours.learning_rate < plain.learning_rate
    assert ours.final_rate < 1
    changed = ("qat", "epochs", "learning_rate", "final_rate", "weight_decay")
    assert replace(ours, **{key: getattr(plain, key) for key in changed}) == plain
    assert train_settings(name, qat=True, epochs=9).epochs == 9


def settings(**given: Any) -> TrainSettings:
    quick = {"channels": 4, "epochs": 2, "size": 64, "smallest": 0.7, "validation_side": 96}
    return train_settings("ffmef-edge", qat=True, seed=7, **{**quick, **given})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four small rendered scenes as files."""
    brackets = [random_bracket(seed, height=72, width=96, frames=3).exposures for seed in range(4)]
    return write_brackets(tmp_path_factory.mktemp("scenes"), brackets)


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of ffmef-edge with one channel a hundred times too large, so that int8 is coarse.

    What it computes in float is the same, since the next layers make up for it.
    """
    torch.manual_seed(3)
    network = create_model("ffmef-edge", 4)
    with torch.no_grad():
        network.get_parameter("head.weight").mul_(20.0)
        for layer in ("stem", "up1"):
            network.get_parameter(f"{layer}.weight")[0].mul_(100.0)
            network.get_parameter(f"{layer}.bias")[0].mul_(100.0)
        for layer in ("down1", "up0"):
            network.get_parameter(f"{layer}.weight")[:, 0].div_(100.0)
    path = tmp_path_factory.mktemp("hard") / "hard.safetensors"
    write_weights(path, {k: v.numpy() for k, v in network.state_dict().items()}, {})
    return path


def int8_psnr(weights: Path, data: Path) -> float:
    """The smallest PSNR of int8 against float over all scenes, ranges from the same scenes."""
    spec = find_network("ffmef-edge")
    network = create_model("ffmef-edge", weights=weights)
    traced, pairs = trace_network(spec, network), read_pairs(load_scenes(data))

    def fuse(one: nn.Module) -> list[Any]:
        return [torch_fuse(make_pipeline(spec, one))(pair.under, pair.over) for pair in pairs]

    def run(one: nn.Module) -> None:
        fuse(one)

    program = convert(traced, RECIPE, observe(traced, RECIPE, run))
    return min(map(psnr, fuse(network), fuse(program)))


def test_it_makes_weights_fit_for_int8(hard: Path, data: Path, tmp_path: Path) -> None:
    chosen = settings(epochs=8, learning_rate=5e-3)
    result = train(data, tmp_path / "run", settings=chosen, init=hard, device="cpu")
    assert result is not None
    given, found = int8_psnr(hard, data), int8_psnr(result.weights, data)
    print(f"{given:.1f} dB, trained {found:.1f} dB; in training {result.best_score:.1f} dB")
    assert found > given + 6
    assert result.measure == "int8 PSNR"


def digest(folder: Path) -> str:
    state = read_checkpoint(folder / "checkpoint.pt")
    return weights_digest({k: v.numpy() for k, v in state["network"].items()})


@pytest.fixture(scope="module")
def finished(hard: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training") / "run"
    train(data, folder, settings=settings(), init=hard, device="cpu")
    return folder


def test_the_metadata_say_that_weights_are_for_int8(finished: Path) -> None:
    about = read_metadata(finished / "best.safetensors")
    assert about["qat"] == "int8"
    assert 5 < float(about["val_int8_psnr"]) < 99
    assert 0 < float(about["val_mef_ssim"]) <= 1
    assert read_checkpoint(finished / "checkpoint.pt")["ranges"]["stem"] > 0


@pytest.mark.parametrize("last", [0, 1])
def test_an_interrupted_training_ends_with_the_same_weights(
    last: int, finished: Path, hard: Path, data: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    finish = training._Training._finish_epoch

    def stop(self: training._Training, epoch: int, *rest: object) -> None:
        finish(self, epoch, *rest)  # type: ignore[arg-type]
        if epoch == last:
            raise KeyboardInterrupt

    monkeypatch.setattr(training._Training, "_finish_epoch", stop)
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(data, folder, settings=settings(), init=hard, device="cpu")
    monkeypatch.undo()
    assert read_checkpoint(folder / "checkpoint.pt")["epoch"] == last
    assert digest(folder) != digest(finished)
    train(data, folder, settings=settings(), resume=True, device="cpu")
    assert digest(folder) == digest(finished)
    ours, theirs = (read_checkpoint(one / "checkpoint.pt") for one in (folder, finished))
    assert ours["ranges"] == theirs["ranges"]
    assert ours["best_score"] == theirs["best_score"]
    best = [weights_digest(read_weights(one / "best.safetensors")) for one in (folder, finished)]
    assert best[0] == best[1]


def test_a_checkpoint_without_ranges_is_damaged(finished: Path, data: Path, tmp_path: Path) -> None:
    state = read_checkpoint(finished / "checkpoint.pt")
    write_checkpoint(tmp_path, state | {"ranges": {"stem": 1.0}})
    with pytest.raises(InputError, match=r"checkpoint\.pt is damaged"):
        train(data, tmp_path, settings=settings(), resume=True, device="cpu")


def test_a_training_of_another_kind_is_not_resumed(finished: Path, data: Path) -> None:
    with pytest.raises(InputError, match="made with other settings"):
        train(data, finished, settings=replace(settings(), qat=False), resume=True, device="cpu")


def test_where_nothing_gets_better_the_given_weights_stay(
    hard: Path, data: Path, tmp_path: Path
) -> None:
    chosen = settings(epochs=1, learning_rate=0.0)
    result = train(data, tmp_path / "run", settings=chosen, init=hard, device="cpu")
    assert result is not None
    assert result.best_epoch == 0
    assert result.best_score < 40
    assert result.digest == weights_digest(read_weights(hard))


def test_without_weights_there_is_nothing_to_train_for_int8(
    data: Path, tmp_path: Path, run_cli: RunCli
) -> None:
    for resume in ((), ("--resume",)):
        result = run_cli("train", "--data", data, "-o", tmp_path / "run", "--qat", *resume)
        assert result.code == 2
        assert "trained weights to train for int8, found none: give them with --init" in (
            result.sentence
        )
    assert contents(tmp_path) == {}


def test_noise_counts_fully_where_the_picture_is_flat() -> None:
    torch.manual_seed(3)
    noise = torch.randn(1, 1, 40, 60)
    flat = torch.full((1, 1, 40, 60), 90.0)
    centred = noise - functional.conv2d(
        functional.pad(noise, (4, 4, 4, 4)), torch.full((1, 1, 9, 9), 1.0 / 81.0)
    )
    inside = (slice(None), slice(None), slice(4, -4), slice(4, -4))
    torch.testing.assert_close(qat.flat_noise(noise, flat)[inside], centred.square()[inside])
    assert float(qat.flat_noise(torch.full_like(flat, 5.0), flat).max()) < 1e-6
    busy = flat + 30.0 * torch.randn_like(flat)
    weight = float(qat.flat_noise(noise, busy).mean() / qat.flat_noise(noise, flat).mean())
    contrast = (0.03 * 255.0) ** 2
    assert weight == pytest.approx(contrast / (2 * 30.0**2 + contrast), rel=0.1)
