"""A folder of brackets: one bad bracket stops nothing, and a second run goes on."""

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_mef.batch import FuseOptions, fuse_bracket, fuse_folder
from edge_mef.errors import InputError, OutputError
from edge_mef.exposures import Frame
from edge_mef.fuser import Fuser, fuse
from edge_mef.pictures import read_picture
from tests.conftest import contents, write_pair

Pair = tuple[Frame, Frame]


@pytest.fixture(scope="module")
def fuser() -> Iterator[Fuser]:
    with Fuser.open() as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path, pair: Pair) -> Path:
    """Three brackets in subfolders a, b and c."""
    (tmp_path / "in").mkdir()
    for name in "abc":
        write_pair(tmp_path / "in" / name, pair)
    return tmp_path / "in"


def test_every_bracket_becomes_a_picture(
    fuser: Fuser, folder: Path, tmp_path: Path, pair: Pair
) -> None:
    told: list[tuple[str, int, int]] = []
    out = tmp_path / "new" / "out"
    result = fuse_folder(fuser, folder, out, progress=lambda *news: told.append(news))
    assert result.fused == [out / f"{name}.png" for name in "abc"]
    assert (result.kept, result.failed) == ([], [])
    assert sorted(contents(out)) == ["a.png", "b.png", "c.png"]
    assert told == [("a", 0, 3), ("b", 1, 3), ("c", 2, 3)]
    np.testing.assert_array_equal(read_picture(out / "b.png").pixels, fuse(*pair))


def test_a_second_run_keeps_what_is_there(fuser: Fuser, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "b.png").write_bytes(b"mine")
    result = fuse_folder(fuser, folder, out)
    assert [path.name for path in result.fused] == ["a.png", "c.png"]
    assert result.kept == [out / "b.png"]
    assert (out / "b.png").read_bytes() == b"mine"
    result = fuse_folder(fuser, folder, out, FuseOptions(overwrite=True))
    assert len(result.fused) == 3
    assert (out / "b.png").read_bytes() == (out / "a.png").read_bytes()


def test_one_bad_bracket_stops_nothing(fuser: Fuser, folder: Path, tmp_path: Path) -> None:
    damaged = folder / "b" / "over.png"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    (folder / "a" / "over.png").unlink()
    result = fuse_folder(fuser, folder, tmp_path / "out")
    assert [path.name for path in result.fused] == ["c.png"]
    assert [name for name, _ in result.failed] == ["a", "b"]
    assert "'over.png'" not in result.failed[0][1]
    assert f"'{damaged}' is damaged" in result.failed[1][1]
    assert sorted(contents(tmp_path / "out")) == ["c.png"]


def test_results_inside_of_the_folder_are_no_bracket(fuser: Fuser, folder: Path) -> None:
    for _ in range(2):
        result = fuse_folder(fuser, folder, folder / "out", FuseOptions(overwrite=True))
        assert [path.name for path in result.fused] == ["a.png", "b.png", "c.png"]


def test_the_ending(fuser: Fuser, folder: Path, tmp_path: Path, pair: Pair) -> None:
    write_pair(folder / "d", pair, ".jpg")
    under, _ = write_pair(folder / "e", pair, ".tif")
    under.rename(under.with_suffix(".TIFF"))
    names = [path.name for path in fuse_folder(fuser, folder, tmp_path / "out").fused]
    assert names == ["a.png", "b.png", "c.png", "d.jpg", "e.png"]
    jpegs = fuse_folder(fuser, folder, tmp_path / "jpegs", FuseOptions(suffix=".jpg"))
    assert {path.suffix for path in jpegs.fused} == {".jpg"}


def test_a_full_disk_keeps_what_was_fused(
    fuser: Fuser, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def fill_up(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fill_up)
    with pytest.raises(OutputError, match=r"b\.png': the disk is full"):
        fuse_folder(fuser, folder, tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == ["a.png"]
    assert len(fuse_folder(fuser, folder, tmp_path / "out").fused) == 2


def test_an_interrupt_keeps_what_was_fused(
    fuser: Fuser, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, calls = fuser.runtime.run, []

    def interrupted(exposures: Sequence[Frame], out: Frame | None) -> Frame:
        calls.append(len(exposures))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run(exposures, out)

    with monkeypatch.context() as patched:
        patched.setattr(fuser.runtime, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fuse_folder(fuser, folder, tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == ["a.png"]
    result = fuse_folder(fuser, folder, tmp_path / "out")
    assert [path.name for path in result.kept] == ["a.png"]
    assert [path.name for path in result.fused] == ["b.png", "c.png"]


@pytest.mark.parametrize("suffix", [".bmp", "png", ".PNG", ""])
def test_an_unknown_ending(fuser: Fuser, folder: Path, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(InputError, match=rf"expected one of the endings \.jpg .*'{suffix}'"):
        fuse_folder(fuser, folder, tmp_path / "out", FuseOptions(suffix=suffix))
    assert not (tmp_path / "out").exists()


def test_places_that_cannot_be_used(fuser: Fuser, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    before = contents(tmp_path)
    with pytest.raises(InputError, match="the output folder is the input folder"):
        fuse_folder(fuser, folder, folder / ".." / "in")
    with pytest.raises(OutputError, match="is a file: name a folder"):
        fuse_folder(fuser, folder, tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be made: Not a directory"):
        fuse_folder(fuser, folder, tmp_path / "file" / "out")
    with pytest.raises(InputError, match="there is no folder"):
        fuse_folder(fuser, tmp_path / "none", tmp_path / "empty")
    with pytest.raises(InputError, match="found none"):
        fuse_folder(fuser, tmp_path / "empty", tmp_path / "out")
    assert contents(tmp_path) == before
    assert not (tmp_path / "out").exists()


def test_one_bracket(
    fuser: Fuser, bracket_files: tuple[Path, Path], tmp_path: Path, pair: Pair
) -> None:
    done = fuse_bracket(fuser, list(bracket_files[::-1]), tmp_path / "fused.tif")
    assert done.exposures.paths == bracket_files
    assert done.seconds > 0
    np.testing.assert_array_equal(read_picture(done.output).pixels, fuse(*pair))


def test_pictures_that_are_no_results_are_not_mixed_with_results(
    fuser: Fuser, folder: Path
) -> None:
    before = contents(folder / "c")
    with pytest.raises(InputError, match="no results"):
        fuse_folder(fuser, folder, folder / "c")
    assert contents(folder / "c") == before


def test_an_empty_file_is_no_result(fuser: Fuser, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.png").touch()
    assert len(fuse_folder(fuser, folder, tmp_path / "out").fused) == 3


def test_a_bracket_too_large_for_a_jpeg_stops_nothing(
    fuser: Fuser, folder: Path, tmp_path: Path
) -> None:
    wide = np.zeros((1, 65501, 3), np.uint8)
    write_pair(folder / "b2", (wide, wide + 1))
    result = fuse_folder(fuser, folder, tmp_path / "out", FuseOptions(suffix=".jpg"))
    assert len(result.fused) == 3
    assert [name for name, _ in result.failed] == ["b2"]
