"""Brackets from videos whose frames alternate in exposure."""

from pathlib import Path

import numpy as np
import pytest

from edge_mef.calibration.sets import open_calibration_set
from edge_mef.calibration.video import alternating_share
from edge_mef.errors import InputError
from edge_mef.exposures import Frame
from tests.calibration.conftest import Brackets, write_video


@pytest.fixture
def alternating(brackets: Brackets) -> list[Frame]:
    """Under and over of twelve scenes in turn: 24 frames."""
    return [frame for dark, _, bright in brackets for frame in (dark, bright)]


def shown(path: Path) -> list[str]:
    return sorted(scene.name for scene in open_calibration_set(path).scenes)


def still(brackets: Brackets, pattern: str) -> list[Frame]:
    """One scene in the exposures of a pattern of 0, 1, 2, with a little noise."""
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 3, (len(pattern), 48, 64, 3))
    frames = [brackets[0][int(letter)] for letter in pattern]
    noisy = [frame + one for frame, one in zip(frames, noise, strict=True)]
    return [np.clip(frame, 0, 255).astype(np.uint8) for frame in noisy]


def test_pairs_of_frames_are_brackets(tmp_path: Path, alternating: list[Frame]) -> None:
    path = write_video(tmp_path / "v.avi", alternating)
    chosen = open_calibration_set(path, count=6)
    assert chosen.coverage.candidates == 12
    assert len(chosen.scenes) == 6
    for scene in chosen.scenes:
        dark, bright = scene.frames
        index = int(scene.name.split()[1])
        # Motion JPEG loses a little, and colours more than brightness.
        for frame, original in ((dark, alternating[index]), (bright, alternating[index + 1])):
            assert np.abs(frame.astype(float) - original).mean() < 12
        assert np.abs(bright.mean((0, 1)) - alternating[index + 1].mean((0, 1))).max() < 6
    assert open_calibration_set(path, count=6).digest == chosen.digest


def test_bright_first_and_lost_frames_do_not_matter(tmp_path: Path, brackets: Brackets) -> None:
    path = write_video(tmp_path / "v.avi", still(brackets, "2020200202020"))
    pairs = [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11)]
    assert shown(path) == sorted(f"frames {one} and {other}" for one, other in pairs)


@pytest.mark.parametrize("pattern", ["0" * 12, "012" * 4, "0" * 6 + "2" * 6, "000020000002"])
def test_a_video_that_does_not_alternate_is_refused(
    tmp_path: Path, brackets: Brackets, pattern: str
) -> None:
    path = write_video(tmp_path / "v.avi", still(brackets, pattern))
    with pytest.raises(InputError, match=r"alternate between .* 12 frames do: record"):
        open_calibration_set(path)


def test_the_share_of_frames_that_alternate() -> None:
    assert alternating_share([10, 80] * 5) == 1.0
    assert alternating_share([10, 11] * 5) == 0.0  # less than the least step
    assert alternating_share([10, 40, 160] * 5) == 0.0
    assert alternating_share([2.0**i for i in range(8)]) == 0.0
    assert alternating_share([10, 80, 10, 80, 80, 10, 80, 10]) == pytest.approx(4 / 6)
    assert alternating_share([10]) == 0.0


def test_more_than_two_exposures_and_broken_videos_are_refused(
    tmp_path: Path, alternating: list[Frame]
) -> None:
    path = write_video(tmp_path / "v.avi", alternating)
    with pytest.raises(InputError, match="brackets of 2 exposures, found 3"):
        open_calibration_set(path, exposures=3)
    for name, data in (("empty.mp4", b""), ("text.avi", b"text"), ("cut.avi", path.read_bytes())):
        (tmp_path / name).write_bytes(data[:900])
        with pytest.raises(InputError, match=r"cannot be decoded as a video|found 0"):
            open_calibration_set(tmp_path / name)


def test_large_frames_are_reduced(tmp_path: Path, alternating: list[Frame]) -> None:
    path = write_video(tmp_path / "v.avi", alternating)
    assert open_calibration_set(path, longest_side=32).scenes[0].size == (24, 32)
