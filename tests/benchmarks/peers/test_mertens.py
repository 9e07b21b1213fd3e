"""OpenCV's Mertens as a peer: same kind of frames in and out as ours."""

import cv2
import numpy as np

from edge_mef.benchmarks.peers.mertens import MertensFusion
from edge_mef.exposures import Frame


def test_it_fuses_as_we_do(pair: tuple[Frame, Frame]) -> None:
    fused = MertensFusion()(*pair)
    assert fused.shape == pair[0].shape
    assert fused.dtype == np.uint8
    assert pair[0].mean() < fused.mean() < pair[1].mean()


def test_it_saturates_instead_of_wrapping_around() -> None:
    """Hard contrasts make OpenCV return values below 0, which must not become bright."""
    over = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (64, 64, 3))
    under = over // 3
    levels = cv2.createMergeMertens().process([under, over]) * 255
    assert levels.min() < -5
    expected = np.clip(levels, 0, 255)
    np.testing.assert_allclose(MertensFusion()(under, over), expected, atol=0.51)
