"""Where two exposures disagree: what is held against the difference, piece by piece."""

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_mef.stream.disagreement import BLOCK, Exposure, disagreement, sample

Frame = NDArray[np.uint8]
Plane = NDArray[np.floating[Any]]

HEIGHT, WIDTH = 256, 320  # small enough not to be reduced


def hills(seed: int = 1, low: float = 20, high: float = 235) -> Plane:
    """Return a smooth scene with values in this range."""
    rng = np.random.default_rng(seed)
    small = rng.uniform(0, 1, (9, 11))
    large = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    share = (large - large.min()) / (large.max() - large.min())
    return np.asarray(low + (high - low) * share, np.float64)


def blocks(dark: Plane, bright: Plane) -> NDArray[np.bool_]:
    """Return which blocks disagree."""
    seen = []
    for values in (dark, bright):
        frame = np.zeros((*values.shape, 3), np.uint8)
        frame[..., 1] = np.rint(np.clip(values, 0, 255))
        seen.append(Exposure.of(frame))
    return disagreement(*seen) > 1


def test_blocks_cover_the_picture() -> None:
    assert blocks(hills() / 2, hills()).shape == (HEIGHT // BLOCK, WIDTH // BLOCK)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_is_no_disagreement(seed: int) -> None:
    scene = np.where(hills(seed) > 120, 140.0, 90.0)
    noise = np.random.default_rng(seed).normal(0, 14, scene.shape)
    assert not blocks(scene * 0.4 + noise, scene).any()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ranks_that_noise_bends_are_set_right(seed: int) -> None:
    scene = np.kron(hills(seed), np.ones((2, 2)))
    noise = np.random.default_rng(seed).normal(0, 14, scene.shape)
    assert not blocks(scene * 0.2 + noise, scene).any()


def test_what_is_too_dark_to_tell_tells_nothing() -> None:
    rng = np.random.default_rng(4)
    black = rng.integers(0, 3, (HEIGHT, WIDTH)).astype(float)
    assert not blocks(black, rng.uniform(0, 255, (HEIGHT, WIDTH))).any()


def test_an_even_thing_is_seen_inside_and_not_only_at_its_outline() -> None:
    scenes = [hills(low=60, high=80), hills(low=60, high=80)]
    for scene, left in zip(scenes, (40, 200), strict=True):
        scene[80:160, left : left + 80] = 110
    moved = blocks(scenes[0] / 2, scenes[1])
    for left in (40, 200):
        inside = moved[80 // BLOCK : 160 // BLOCK, left // BLOCK : (left + 80) // BLOCK]
        assert inside.mean() > 0.9


def test_a_little_glare_is_no_motion() -> None:
    scene = hills()
    glare = np.where(np.arange(WIDTH) > WIDTH / 2, 9.0, 0.0)  # 4.5 from what ranks expect
    assert not blocks(scene, scene + glare).any()
    assert blocks(scene, scene + 5 * glare).any()


def test_what_hides_a_clipped_sky_is_seen() -> None:
    bright = hills(low=30, high=400)
    dark = bright / 4
    sky = bright > 300
    assert not blocks(dark, bright).any()
    place = cv2.erode(sky.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    y, x = (int(axis.mean()) for axis in np.nonzero(place))
    bright[y - 12 : y + 12, x - 12 : x + 12] = 120
    assert blocks(dark, bright)[y // BLOCK, x // BLOCK]


def test_large_frames_are_sampled_and_others_are_not() -> None:
    frame = np.zeros((30, 2559, 3), np.uint8)
    assert sample(frame).shape == frame.shape
    assert sample(np.zeros((30, 3840, 3), np.uint8)).shape == (10, 1280, 3)
    assert sample(frame[:, ::2]).flags.c_contiguous
