"""Training samples."""

import numpy as np
import torch

from edge_mef.colour import BT601_LIMITED
from edge_mef.data.pairs import PairDataset, choose_pair, luma_and_chroma
from edge_mef.data.scenes import load_scenes
from edge_mef.train_settings import CropSettings

CROPS = CropSettings(size=64)


def test_a_sample_depends_on_seed_epoch_and_index_alone() -> None:
    scenes = load_scenes("rendered:2")
    one, other = PairDataset(scenes, CROPS, seed=1), PairDataset(scenes, CROPS, seed=1)
    _ = one[1]
    assert torch.equal(one[0], other[0])
    other.epoch = 1
    assert not torch.equal(one[0], other[0])
    assert not torch.equal(one[0], PairDataset(scenes, CROPS, seed=2)[0])


def test_samples_are_pairs_darker_first() -> None:
    dataset = PairDataset(load_scenes("rendered:2"), CROPS, seed=1)
    for epoch in range(4):
        dataset.epoch = epoch
        pair = dataset[0]
        assert pair.shape == (2, 3, 64, 64)
        assert pair.dtype == torch.float32
        assert pair.min() >= 0
        assert pair.max() <= 255
        assert pair[0].mean() < pair[1].mean()


def test_pairs_are_the_extremes_as_often_as_asked() -> None:
    rng = np.random.default_rng(0)
    assert all(choose_pair(5, rng, 1.0) == (0, 4) for _ in range(50))
    pairs = {choose_pair(4, rng, 0.0) for _ in range(300)}
    assert pairs == {(i, j) for i in range(4) for j in range(i + 1, 4)}
    assert choose_pair(2, rng, 0.0) == (0, 1)


def test_luma_and_chroma_are_the_colour_spaces() -> None:
    rgb = torch.rand(2, 2, 3, 4, 5) * 255
    luma, chroma = luma_and_chroma(rgb, BT601_LIMITED)
    assert luma.shape == (2, 2, 4, 5)
    assert chroma.shape == (2, 2, 2, 4, 5)
    r, g, b = rgb[1, 0, :, 2, 3]
    y = (0.256789 * r + 0.504129 * g + 0.097906 * b + 16) / 255
    cr = 0.439215 * r - 0.367789 * g - 0.071426 * b
    assert torch.isclose(luma[1, 0, 2, 3], y, atol=1e-6)
    assert torch.isclose(chroma[1, 0, 1, 2, 3], cr, atol=1e-4)
