"""What the peers are worth: better than the plain mean, or they are no peers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_mef.benchmarks.peers.meflut import MeflutFusion
from edge_mef.benchmarks.peers.meflut_tables import read_tables
from edge_mef.benchmarks.peers.table import PEERS, open_peer
from edge_mef.data.scenes import choose, load_scenes
from edge_mef.exposures import Frame
from edge_mef.losses.mef_ssim import mef_ssim
from edge_mef.render.brackets import demo_bracket
from edge_mef.validation import mean_score, read_pairs, score, score_pairs


def plain_mean(*exposures: Frame) -> Frame:
    return np.asarray(np.mean(exposures, axis=0).round(), np.uint8)


def grey_score(fused: Frame, exposures: Sequence[Frame]) -> float:
    grey = [torch.from_numpy(frame).double().mean(-1) for frame in (fused, *exposures)]
    return mef_ssim(grey[0][None, None], torch.stack(grey[1:])[None]).item()


@pytest.mark.parametrize("name", PEERS)
def test_better_than_the_mean_of_two(name: str) -> None:
    under, over = demo_bracket(180, 240).exposures
    mean = score(under, over, plain_mean(under, over))
    assert score(under, over, open_peer(name)(under, over)) > mean + 0.02


@pytest.mark.parametrize("evs", [(-4.3, -1.5, 1.0), (-4.3, -2.5, -0.8, 1.0)])
def test_tables_beat_the_mean_of_more(evs: tuple[float, ...]) -> None:
    frames = demo_bracket(180, 240, evs=evs).exposures
    gain = grey_score(MeflutFusion()(*frames), frames) - grey_score(plain_mean(*frames), frames)
    assert gain > 0.01


@pytest.mark.shared
def test_the_value_in_the_file_is_measured_again(shared: Path) -> None:
    """On reduced scenes, to be quick; in full size the learner measures itself."""
    scenes = choose(load_scenes(shared / "data"), "val")
    pairs = read_pairs(scenes[:8], 256)
    tables = mean_score(score_pairs(MeflutFusion(), pairs))
    mean = mean_score(score_pairs(plain_mean, pairs))
    assert tables > mean + 0.01
    assert set(read_tables().about["validation_mef_ssim"]) == {"2", "3", "4"}
