"""Fusing from Python: arrays and files, the same picture from both, and clear refusals."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import edge_mef
from edge_mef import exposures, memory
from edge_mef.errors import BundleError, EdgeMefError, FrameTooLargeError, InputError, MissingError
from edge_mef.exposures import Frame
from edge_mef.fuser import Fuser, fuse
from edge_mef.runtimes import table
from edge_mef.runtimes.onnxruntime import OnnxRuntime

Pair = tuple[Frame, Frame]


@pytest.fixture
def fused(pair: Pair) -> Frame:
    return fuse(*pair, sort=False)


def test_the_package_offers_it() -> None:
    assert edge_mef.fuse is fuse
    assert edge_mef.Fuser is Fuser
    with pytest.raises(AttributeError, match="has no attribute 'unfuse'"):
        _ = edge_mef.unfuse  # type: ignore[attr-defined,unused-ignore]
    assert all(getattr(edge_mef, name) for name in edge_mef.__all__)


def test_the_picture_is_between_its_exposures(pair: Pair, fused: Frame) -> None:
    assert fused.shape == pair[0].shape
    assert fused.dtype == np.uint8
    assert pair[0].mean() < fused.mean() < pair[1].mean()


def test_files_and_arrays_give_the_same(
    pair: Pair, bracket_files: tuple[Path, Path], fused: Frame
) -> None:
    np.testing.assert_array_equal(fuse(*bracket_files), fused)
    np.testing.assert_array_equal(fuse(*map(str, bracket_files)), fused)


def test_the_order_does_not_matter(
    pair: Pair, bracket_files: tuple[Path, Path], fused: Frame
) -> None:
    np.testing.assert_array_equal(fuse(*pair[::-1]), fused)
    np.testing.assert_array_equal(fuse(*bracket_files[::-1]), fused)
    assert not np.array_equal(fuse(*pair[::-1], sort=False), fused)


def test_views_that_are_not_contiguous(pair: Pair) -> None:
    expected = fuse(*(np.ascontiguousarray(frame[::-1, ::2]) for frame in pair))
    np.testing.assert_array_equal(fuse(*(frame[::-1, ::2] for frame in pair)), expected)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (3, 700)])
def test_any_size_goes(size: tuple[int, int]) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert fuse(frame // 4, frame).shape == (*size, 3)


def test_a_frame_and_itself_is_no_problem(pair: Pair) -> None:
    flat = np.full((9, 9, 3), 128, np.uint8)
    assert fuse(flat, flat).shape == flat.shape
    assert fuse(pair[0], pair[0]).shape == pair[0].shape


def test_align_moves_the_frames_first(pair: Pair, bracket_files: tuple[Path, Path]) -> None:
    np.testing.assert_array_equal(fuse(*pair, align=True), fuse(*bracket_files, align=True))


def test_one_fuser_for_many_brackets(pair: Pair, fused: Frame) -> None:
    with Fuser.open("ffmef-edge", threads=1) as fuser:
        assert fuser.runtime.describe()["threads"] == "1"
        for _ in range(2):
            np.testing.assert_allclose(fuser.fuse(*pair), fused.astype(int), atol=1)


def test_a_closed_fuser_says_so(pair: Pair) -> None:
    with Fuser.open() as fuser:
        pass
    with pytest.raises(BundleError, match="was closed: open the bundle again"):
        fuser.fuse(*pair)
    fuser.close()


def test_an_error_closes_the_fuser(pair: Pair) -> None:
    with pytest.raises(ZeroDivisionError), Fuser.open() as fuser:
        raise ZeroDivisionError
    with pytest.raises(BundleError, match="closed"):
        fuser.fuse(*pair)


PLAIN = np.zeros((4, 5, 3), np.uint8)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ((), "found no arrays"),
        ((PLAIN,), "found one array: add the others"),
        ((PLAIN,) * 10, "fuses 2 to 9 exposures, found 10"),
        ((PLAIN, PLAIN[:3]), "array 1 is 5x4 and array 2 is 5x3"),
        ((PLAIN, PLAIN[..., 0]), r"array 2 .* found shape \(4, 5\)"),
        ((PLAIN[..., :1], PLAIN), r"array 1 .* found shape \(4, 5, 1\)"),
        ((PLAIN[:0], PLAIN[:0]), r"found shape \(0, 5, 3\)"),
        ((PLAIN.astype(np.uint16), PLAIN), "array 1 .* found uint16: scale it"),
        ((PLAIN, PLAIN.astype(np.float32)), "array 2 .* found float32: scale it"),
        ((PLAIN, np.full((4, 5, 3), np.nan)), "array 2 .* float64 with NaN or infinite values"),
        ((PLAIN, PLAIN.tolist()), "array 2 .* found a list"),
        ((None, PLAIN), "array 1 .* found a NoneType"),
        ((PLAIN, "over.png"), "either files or arrays, found both"),
        (("under.png",), "found one file"),
        (("a\0b", "c"), "embedded null"),
    ],
)
def test_what_cannot_be_fused(wrong: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fuse(*wrong)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"bundle": "nonesuch"}, BundleError, "'nonesuch' is not a bundle"),
        ({"runtime": "nonesuch"}, InputError, "no runtime called 'nonesuch'; known are: .*onnx"),
        ({"threads": 0}, InputError, "found 0: leave it out for all"),
        ({"threads": -1}, InputError, "found -1"),
        ({"threads": 10**6}, InputError, "found 1000000"),
    ],
)
def test_what_cannot_be_opened(
    arguments: dict[str, Any], error: type[EdgeMefError], message: str
) -> None:
    with pytest.raises(error, match=message):
        Fuser.open(**arguments)


def test_a_runtime_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "is_installed", lambda _: False)
    with pytest.raises(MissingError, match="'onnxruntime', which is not installed: pip install"):
        Fuser.open()


@pytest.fixture
def undecodable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a pixel is decoded."""

    def decode(path: object) -> None:
        raise AssertionError(f"{path} was decoded")

    monkeypatch.setattr(exposures, "read_picture", decode)


@pytest.mark.usefixtures("undecodable")
@pytest.mark.parametrize("limit", [None, 2**30])
def test_a_large_frame_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        Image.new("1", (12000, 9000)).save(path)
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**30)
    with (
        Fuser.open("ffmef", memory_limit=limit) as fuser,
        pytest.raises(FrameTooLargeError, match=r"9000x12000 .* needs about 102\.1 GiB"),
    ):
        fuser.read(paths)


@pytest.mark.usefixtures("undecodable")
def test_three_frames_are_refused_before_they_are_decoded(bracket_files: tuple[Path, Path]) -> None:
    with Fuser.open("ffmef") as fuser, pytest.raises(InputError, match=r"found 3: .*--extremes"):
        fuser.read([*bracket_files, bracket_files[0]])


def test_extremes_takes_two_of_three(tmp_path: Path, pair: Pair) -> None:
    middle = ((pair[0].astype(int) + pair[1]) // 2).astype(np.uint8)
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path, frame in zip(paths, (pair[1], middle, pair[0]), strict=True):
        Image.fromarray(frame).save(path)
    with Fuser.open() as fuser:
        read = fuser.read(paths, extremes=True)
    assert read.paths == (paths[2], paths[0])


@pytest.mark.parametrize(
    ("problem", "error", "message"),
    [
        (RuntimeError("Failed to allocate memory"), FrameTooLargeError, "enough for frames of 4x5"),
        (RuntimeError("broken"), BundleError, "could not run the bundle: broken"),
    ],
)
def test_the_errors_of_the_runtime_are_ours(
    monkeypatch: pytest.MonkeyPatch, problem: Exception, error: type[EdgeMefError], message: str
) -> None:
    class Session:
        run: Callable[..., Any]

        def run(self, *_: object) -> None:  # type: ignore[no-redef]
            raise problem

    with Fuser.open("ffmef") as fuser:
        assert isinstance(fuser.runtime, OnnxRuntime)
        monkeypatch.setattr(fuser.runtime, "_session", Session())
        with pytest.raises(error, match=message):
            fuser.fuse(PLAIN, PLAIN)


def test_memory_that_the_last_frame_took_is_there_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A runtime keeps what it took, so that it is not available to others; nor is it needed."""
    frame = np.zeros((48, 64, 3), np.uint8)
    large = np.zeros((96, 64, 3), np.uint8)
    with Fuser.open("ffmef") as fuser:
        fused = fuser.fuse(frame, frame)
        monkeypatch.setattr(memory, "available_bytes", lambda: 0)
        assert np.array_equal(fuser.fuse(frame, frame), fused)
        with pytest.raises(FrameTooLargeError):
            fuser.fuse(large, large)


def test_threads_get_their_turn(pair: Pair) -> None:
    """Frames of two sizes: what a size needs is kept for one size at a time."""
    small = tuple(np.ascontiguousarray(frame[:40, :50]) for frame in pair)
    with Fuser.open("ffmef-edge-2", threads=2) as fuser, ThreadPoolExecutor(6) as pool:
        expected = [fuser.fuse(*pair), fuser.fuse(*small)]
        found = list(pool.map(lambda i: fuser.fuse(*(small if i % 2 else pair)), range(60)))
    for index, fused in enumerate(found):
        np.testing.assert_array_equal(fused, expected[index % 2])
