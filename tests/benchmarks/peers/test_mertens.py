"""OpenCV's Mertens as a peer: same kind of frames in and out as ours."""

import numpy as np

from edge_mef.benchmarks.peers.mertens import MertensFusion
from edge_mef.exposures import Frame


def test_it_fuses_as_we_do(pair: tuple[Frame, Frame]) -> None:
    fused = MertensFusion()(*pair)
    assert fused.shape == pair[0].shape
    assert fused.dtype == np.uint8
    assert pair[0].mean() < fused.mean() < pair[1].mean()


def test_it_saturates_instead_of_wrapping_around() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    fused = MertensFusion()(stripes // 5, stripes)
    assert fused[:, 1::2].mean() < fused[:, ::2].mean()
    assert fused[8:-8, 9:-8:2].max() < fused[8:-8, 8:-8:2].min()
