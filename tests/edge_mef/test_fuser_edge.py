"""Fusing with networks on a view: 2 to 9 exposures in any order, and frames of every kind."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_mef.bundle import Bundle, load_bundle
from edge_mef.errors import InputError
from edge_mef.exposures import Frame
from edge_mef.fuser import Fuser
from edge_mef.render.brackets import random_bracket
from tests.conftest import RunCli, noise_stack

SHIPPED = "ffmef-edge"
DEGENERATE = ((1, 1), (1, 2), (2, 1), (1, 1000), (1000, 1), (3, 700), (5, 5), (16, 17))


def random_levels(size: tuple[int, int], seed: int = 0) -> Frame:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def shots() -> tuple[Frame, ...]:
    """Nine exposures of a rendered scene, darkest first."""
    return random_bracket(5, height=72, width=96, frames=9).exposures


@pytest.mark.parametrize("count", range(2, 10))
def test_from_two_to_nine_exposures(shots: tuple[Frame, ...], count: int) -> None:
    taken = [shots[round(i * 8 / (count - 1))] for i in range(count)]
    with Fuser.open(SHIPPED, threads=1) as fuser:
        fused = fuser.fuse(*taken)
    assert fused.shape == shots[0].shape
    assert taken[0].mean() < fused.mean() < taken[-1].mean()
    assert 60 < fused.mean() < 195, "neither as dark nor as bright as its ends"
    assert fused.std() > 15


def test_wrong_order_is_put_right(edge_bundle: Bundle, shots: tuple[Frame, ...]) -> None:
    ordered = [shots[i] for i in (0, 2, 4, 6, 8)]
    mixed = [ordered[i] for i in (3, 0, 4, 1, 2)]
    with Fuser.open(edge_bundle.folder, threads=1) as fuser:
        expected = fuser.fuse(*ordered, sort=False)
        np.testing.assert_array_equal(fuser.fuse(*ordered), expected)
        np.testing.assert_array_equal(fuser.fuse(*mixed), expected)
        assert not np.array_equal(fuser.fuse(*mixed, sort=False), expected)


@pytest.mark.parametrize("count", [1, 10, 12])
def test_other_numbers_are_refused(edge_bundle: Bundle, count: int) -> None:
    words = "found one array" if count == 1 else f"fuses 2 to 9 exposures, found {count}: "
    with Fuser.open(edge_bundle.folder, threads=1) as fuser, pytest.raises(InputError, match=words):
        fuser.fuse(*noise_stack(count, (8, 8)))


def test_ten_files_are_refused_in_one_sentence(
    run_cli: RunCli, edge_bundle: Bundle, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{index}.png" for index in range(10)]
    for path, frame in zip(paths, noise_stack(10, (16, 16)), strict=True):
        Image.fromarray(frame).save(path)
    arguments = ("--bundle", edge_bundle.folder, "-o", tmp_path / "fused.png")
    result = run_cli("fuse", *paths, *arguments)
    assert result.code == 2
    assert "fuses 2 to 9 exposures, found 10" in result.sentence
    assert not (tmp_path / "fused.png").exists()
    result = run_cli("fuse", *paths[:9], *arguments)
    assert (result.code, result.err) == (0, "")
    assert (tmp_path / "fused.png").is_file()


@pytest.mark.parametrize("bundle", ["random", "shipped"])
@pytest.mark.parametrize("size", DEGENERATE)
def test_tiny_and_thin_frames(edge_bundle: Bundle, bundle: str, size: tuple[int, int]) -> None:
    chosen = edge_bundle if bundle == "random" else load_bundle(SHIPPED)
    frame = random_levels(size)
    with Fuser.open(chosen.folder, threads=1) as fuser:
        for stack in ([frame // 4, frame], [frame // 4, frame // 2, frame]):
            fused = fuser.fuse(*stack)
            assert fused.shape == (*size, 3)
            assert fused.dtype == np.uint8


def test_a_frame_of_one_pixel_is_like_a_flat_frame() -> None:
    dark, bright = (np.full((300, 400, 3), level, np.uint8) for level in (40, 200))
    with Fuser.open(SHIPPED, threads=1) as fuser:
        large, one = fuser.fuse(dark, bright), fuser.fuse(dark[:1, :1], bright[:1, :1])
    assert np.abs(large[150, 200].astype(int) - one[0, 0]).max() <= 1
    assert 40 < int(one.min()) <= int(one.max()) < 200


@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize(("level", "apart"), [(0, 10), (128, 40), (255, 25)])
def test_black_grey_and_white_keep_their_kind(count: int, level: int, apart: int) -> None:
    """Flat frames stay near what they were, and neutral."""
    flat = np.full((70, 90, 3), level, np.uint8)
    with Fuser.open(SHIPPED, threads=1) as fuser:
        fused = fuser.fuse(*[flat] * count).astype(int)
    assert np.abs(fused - level).max() <= apart
    assert np.abs(fused - fused.mean(2, keepdims=True)).max() <= 1, "no colour comes from nothing"


@pytest.mark.parametrize("frame", ["noise", "scene"])
def test_identical_frames_come_back_similar(shots: tuple[Frame, ...], frame: str) -> None:
    one = shots[4] if frame == "scene" else random_levels((60, 80))
    with Fuser.open(SHIPPED, threads=1) as fuser:
        fused = fuser.fuse(one, one)
    assert np.corrcoef(fused.ravel(), one.ravel())[0, 1] > 0.95
    assert abs(float(fused.mean()) - float(one.mean())) < 40


def test_black_beside_white(edge_bundle: Bundle) -> None:
    black = np.zeros((40, 60, 3), np.uint8)
    for bundle in (edge_bundle, load_bundle(SHIPPED)):
        with Fuser.open(bundle.folder, threads=1) as fuser:
            fused = fuser.fuse(black, black + 255)
        assert fused.shape == black.shape
        assert len(np.unique(fused[..., 0] - fused[..., 1])) == 1


@pytest.mark.parametrize("wrong", [np.float32, np.float64, np.uint16, np.int8])
def test_only_uint8_is_taken(edge_bundle: Bundle, wrong: type) -> None:
    good = random_levels((8, 9))
    with Fuser.open(edge_bundle.folder, threads=1) as fuser:
        with pytest.raises(InputError, match=rf"array 2 .* found {np.dtype(wrong)}"):
            fuser.fuse(good, good.astype(wrong))
        bad = np.full((8, 9, 3), np.nan, np.float32)
        with pytest.raises(InputError, match="float32 with NaN or infinite values"):
            fuser.fuse(good, bad)  # type: ignore[arg-type]


def test_frames_that_are_not_contiguous(edge_bundle: Bundle) -> None:
    stack = [frame[::-1, ::2] for frame in noise_stack(3, (41, 60))]
    with Fuser.open(edge_bundle.folder, threads=1) as fuser:
        expected = fuser.fuse(*(np.ascontiguousarray(frame) for frame in stack))
        np.testing.assert_array_equal(fuser.fuse(*stack), expected)
