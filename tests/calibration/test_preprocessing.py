"""Frames of a calibration set, and digests that know content and nothing else."""

import numpy as np
import pytest

from edge_mef.calibration.preprocessing import Preprocessing, scene_digest, set_digest
from edge_mef.errors import InputError
from edge_mef.exposures import Frame
from tests.conftest import noise_stack


def test_frames_are_reduced_sorted_and_chosen_between_the_ends() -> None:
    stack = noise_stack(5, (40, 80))
    means = [frame.mean() for frame in stack]
    shuffled = [stack[i] for i in (3, 0, 4, 1, 2)]
    for exposures, positions in ((2, (0, 4)), (3, (0, 2, 4)), (5, (0, 1, 2, 3, 4))):
        settings = Preprocessing(exposures=exposures, longest_side=40)
        prepared = settings.prepare(shuffled)
        assert {frame.shape for frame in prepared} == {(20, 40, 3)}
        found = [frame.mean() for frame in prepared]
        assert found == pytest.approx([means[p] for p in positions], abs=1.0)
    assert np.array_equal(Preprocessing(longest_side=80).prepare(shuffled)[0], stack[0])


def test_frames_of_one_luma_come_in_an_order_of_their_own() -> None:
    dark, bright = noise_stack(2, (16, 16))
    turned = np.ascontiguousarray(dark[::-1])
    prepare = Preprocessing(exposures=3).prepare
    one, other = prepare([dark, turned, bright]), prepare([bright, turned, dark])
    assert scene_digest(one) == scene_digest(other)


def test_too_few_or_equally_bright_exposures_are_refused() -> None:
    dark, bright = noise_stack(2, (16, 16))
    with pytest.raises(InputError, match="expected 3 exposures, found 2"):
        Preprocessing(exposures=3).prepare([dark, bright])
    with pytest.raises(InputError, match="equally bright"):
        Preprocessing().prepare([dark, dark[::-1]])


def test_one_changed_pixel_changes_the_digest() -> None:
    stack = noise_stack(2, (16, 16))
    changed: list[Frame] = [stack[0].copy(), stack[1]]
    changed[0][7, 3, 1] ^= 1
    assert scene_digest(stack) != scene_digest(changed)
    assert scene_digest(stack) != scene_digest(stack[::-1])
    assert scene_digest(stack) != scene_digest([frame.reshape(8, 32, 3) for frame in stack])
    strided = [np.concatenate([frame, frame], axis=1)[:, :16] for frame in stack]
    assert scene_digest(stack) == scene_digest(strided)


def test_the_digest_of_a_set_knows_settings_and_not_order() -> None:
    scenes = ["a" * 64, "b" * 64]
    digest = set_digest(Preprocessing(), scenes)
    assert digest == set_digest(Preprocessing(), scenes[::-1])
    others = [
        set_digest(Preprocessing(longest_side=320), scenes),
        set_digest(Preprocessing(exposures=3), scenes),
        set_digest(Preprocessing(version=2), scenes),
        set_digest(Preprocessing(), scenes[:1]),
        set_digest(Preprocessing(), [scenes[0], scenes[0]]),
    ]
    assert len({digest, *others}) == 6
