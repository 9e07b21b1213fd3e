"""FFMEF against the authors' outputs, and against their formulation."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from edge_mef.benchmarks.peers.published_ffmef import UnfoldedFFMEF
from edge_mef.errors import InputError
from edge_mef.models import create_model
from edge_mef.models.ffmef import FFMEF
from edge_mef.models.weights import read_weights, shipped_weights, weights_digest
from edge_mef.pictures import read_picture
from edge_mef.pipeline import FusionPipeline
from edge_mef.validation import torch_fuse


@pytest.mark.shared
@pytest.mark.parametrize("task", ["mef", "mff", "vif"])
def test_published_weights_give_the_authors_output(shared: Path, task: str) -> None:
    network = create_model(
        "ffmef", channels=4, weights=shared / f"reference/ffmef_{task}.safetensors"
    )
    golden = np.load(shared / f"reference/ffmef_{task}_golden.npz")
    luma = torch.from_numpy(np.concatenate([golden["y_a"], golden["y_b"]], axis=1))
    with torch.inference_mode():
        fused = network(luma).numpy()
    assert fused.shape == golden["fused_y_raw"].shape
    assert np.abs(fused - golden["fused_y_raw"]).max() <= 1e-4


@pytest.mark.shared
@pytest.mark.parametrize("scene", ["507", "AirBellowsGap"])
def test_pipeline_reproduces_the_published_pictures(shared: Path, scene: str) -> None:
    folder = shared / "reference/ffmef_published" / scene
    network = create_model("ffmef", weights=shared / "reference/ffmef_mef.safetensors")
    pipeline = FusionPipeline(network, rounding="truncate").eval()
    under, over, published = (
        read_picture(folder / f"{name}.png").pixels for name in ("under", "over", "published_ffmef")
    )
    fused = torch_fuse(pipeline)(under, over)
    difference = np.abs(fused.astype(int) - published.astype(int))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3, "truncation is the authors' rounding: nearly all equal"


@pytest.mark.parametrize("channels", [2, 4, 8])
@pytest.mark.parametrize("kernels", [(1, 3, 5), (3, 5, 7)])
def test_equals_the_unfolded_formulation(channels: int, kernels: tuple[int, int, int]) -> None:
    torch.manual_seed(1)
    network = create_model("ffmef", channels=channels, kernel_sizes=kernels)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    assert isinstance(network, FFMEF)
    luma = torch.rand(1, 2, 37, 53)
    with torch.inference_mode():
        ours, theirs = network(luma), UnfoldedFFMEF(network)(luma)
    scale = theirs.abs().max().item()
    assert (ours - theirs).abs().max().item() <= 1e-5 * max(scale, 1.0)


def test_scenes_of_a_batch_do_not_mix() -> None:
    torch.manual_seed(2)
    network = create_model("ffmef", weights=shipped_weights("ffmef-4.safetensors"))
    luma = torch.rand(3, 2, 24, 20)
    with torch.inference_mode():
        together = network(luma)
        alone = torch.cat([network(scene.unsqueeze(0)) for scene in luma])
    assert together.shape == (3, 1, 24, 20)
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 50), (5, 5)])
def test_small_and_thin_frames_are_finite(size: tuple[int, int]) -> None:
    network = create_model("ffmef", weights=shipped_weights("ffmef-4.safetensors"))
    with torch.inference_mode():
        fused = network(torch.rand(1, 2, *size))
    assert fused.shape == (1, 1, *size)
    assert torch.isfinite(fused).all()


def test_parameter_count_is_the_published_one() -> None:
    assert sum(p.numel() for p in create_model("ffmef").parameters()) == 7662


def test_settings_are_read_from_the_weights(tmp_path: Path) -> None:
    wide = create_model("ffmef", channels=6, kernel_sizes=(1, 3, 7))
    path = tmp_path / "wide.safetensors"
    save_file({k: v.numpy() for k, v in wide.state_dict().items()}, path)
    again = create_model("ffmef", weights=path)
    assert isinstance(again, FFMEF)
    assert (again.channels, again.kernel_sizes) == (6, (1, 3, 7))


@pytest.mark.parametrize(
    ("channels", "kernels", "words"),
    [
        (3, None, "even number of channels"),
        (0, None, "even"),
        (4, (1, 2, 5), "odd kernel"),
        (4, (1, 3), "3 odd kernel sizes"),
        (4, (1, 3, 99), "up to 15"),
    ],
)
def test_impossible_settings_are_refused(
    channels: int, kernels: tuple[int, ...] | None, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        create_model("ffmef", channels=channels, kernel_sizes=kernels)


def test_unknown_network_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="ffmef"):
        create_model("mertens")


def test_weights_for_other_settings_are_refused() -> None:
    with pytest.raises(InputError, match="other settings"):
        create_model("ffmef", channels=8, weights=shipped_weights("ffmef-4.safetensors"))


def test_foreign_and_broken_weights_are_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.safetensors"
    save_file({"layer.weight": np.zeros(3, np.float32)}, foreign)
    with pytest.raises(InputError, match="does not hold this network's weights"):
        create_model("ffmef", weights=foreign)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(shipped_weights("ffmef-4.safetensors").read_bytes()[:1000])
    with pytest.raises(InputError, match="safetensors weight file"):
        create_model("ffmef", weights=broken)
    with pytest.raises(InputError, match="there is no weight file"):
        create_model("ffmef", weights=tmp_path / "absent.safetensors")


def test_weights_with_nan_are_refused(tmp_path: Path) -> None:
    tensors = read_weights(shipped_weights("ffmef-4.safetensors"))
    tensors["stem.bias"] = np.full_like(tensors["stem.bias"], np.nan)
    save_file(tensors, tmp_path / "nan.safetensors")
    with pytest.raises(InputError, match="not finite"):
        create_model("ffmef", weights=tmp_path / "nan.safetensors")


def test_digest_is_of_values_not_of_the_file(tmp_path: Path) -> None:
    tensors = read_weights(shipped_weights("ffmef-4.safetensors"))
    save_file(tensors, tmp_path / "copy.safetensors", metadata={"note": "other bytes"})
    assert weights_digest(read_weights(tmp_path / "copy.safetensors")) == weights_digest(tensors)
    tensors["stem.bias"] = tensors["stem.bias"] + 1e-6
    assert weights_digest(read_weights(tmp_path / "copy.safetensors")) != weights_digest(tensors)
