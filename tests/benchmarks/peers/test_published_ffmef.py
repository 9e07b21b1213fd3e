"""The published formulation against the authors' own outputs, and against our pipeline."""

from pathlib import Path

import numpy as np
import pytest
import torch

from edge_mef.benchmarks.peers.published_ffmef import (
    PublishedFFMEF,
    UnfoldedFFMEF,
    convert_to_rgb,
    convert_to_ycc,
    fuse_chroma,
)
from edge_mef.errors import InputError
from edge_mef.exposures import Frame
from edge_mef.models import create_model
from edge_mef.models.ffmef import FFMEF
from edge_mef.models.weights import shipped_weights
from edge_mef.pictures import read_picture
from edge_mef.pipeline import FusionPipeline
from edge_mef.validation import torch_fuse


@pytest.mark.shared
@pytest.mark.parametrize("task", ["mef", "mff", "vif"])
def test_it_gives_the_authors_output(shared: Path, task: str) -> None:
    peer = PublishedFFMEF(shared / f"reference/ffmef_{task}.safetensors")
    golden = np.load(shared / f"reference/ffmef_{task}_golden.npz")
    for end in ("a", "b"):
        ours = convert_to_ycc(golden[end])[0].numpy() / 255
        np.testing.assert_allclose(ours, golden[f"y_{end}"][0, 0], atol=2e-7)
    luma = torch.from_numpy(np.concatenate([golden["y_a"], golden["y_b"]], axis=1))
    with torch.inference_mode():
        fused = peer.network(luma).numpy()
    assert fused.shape == golden["fused_y_raw"].shape
    assert np.abs(fused - golden["fused_y_raw"]).max() <= 1e-4


@pytest.mark.shared
def test_it_gives_the_published_picture(shared: Path) -> None:
    folder = shared / "reference/ffmef_published/AirBellowsGap"
    under, over, published = (
        read_picture(folder / f"{name}.png").pixels for name in ("under", "over", "published_ffmef")
    )
    fused = PublishedFFMEF(shared / "reference/ffmef_mef.safetensors")(under, over)
    difference = np.abs(fused.astype(int) - published.astype(int))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3, "truncation is the authors' rounding: nearly all equal"


def test_it_agrees_with_our_pipeline(pair: tuple[Frame, Frame]) -> None:
    """Same weights, another program: only truncation may fall on the other side."""
    network = create_model("ffmef", weights=shipped_weights("ffmef-4.safetensors"))
    ours = torch_fuse(FusionPipeline(network, rounding="truncate").eval())(*pair)
    theirs = PublishedFFMEF()(*pair)
    difference = np.abs(ours.astype(int) - theirs.astype(int))
    assert theirs.dtype == np.uint8
    assert difference.max() <= 1
    assert (difference > 0).mean() < 5e-3


def test_the_formulation_leaves_the_network_as_it_was() -> None:
    network = create_model("ffmef", weights=shipped_weights("ffmef-4.safetensors"))
    assert isinstance(network, FFMEF)
    classes = [type(module) for module in network.modules()]
    unfolded = UnfoldedFFMEF(network)
    assert [type(module) for module in network.modules()] == classes
    transposed = [m for m in unfolded.modules() if type(m) is torch.nn.ConvTranspose2d]
    assert len(transposed) == 2
    assert sum(p.numel() for p in unfolded.parameters()) == 7662


def test_grey_comes_back_and_neutral_chroma_is_128() -> None:
    grey = torch.full((2, 2), 128.0)
    assert (fuse_chroma(grey, grey) == 128).all()
    assert fuse_chroma(grey + 10, grey - 30).flatten().tolist() == pytest.approx([108.0] * 4)
    black, white = (np.full((2, 2, 3), level, np.uint8) for level in (0, 255))
    assert (convert_to_ycc(black)[0] == 16.0).all()
    for frame in (black, white):
        assert np.abs(convert_to_rgb(*convert_to_ycc(frame)).astype(int) - frame).max() <= 1


def test_two_frames_of_one_size(pair: tuple[Frame, Frame]) -> None:
    peer = PublishedFFMEF()
    with pytest.raises(InputError, match="fuses 2 exposures, found 3"):
        peer(*pair, pair[0])
    with pytest.raises(InputError, match="63x48"):
        peer(pair[0], pair[1][:, :-1])


def test_weights_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no weight file"):
        PublishedFFMEF(tmp_path / "absent.safetensors")
