"""Writing a picture: whole or not at all, never over an input."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_mef.errors import InputError, OutputError
from edge_mef.metadata import IMAGE, Metadata
from edge_mef.pictures import check_output, read_metadata, write_picture


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("name", ["a.bmp", "a", "a.jpg.txt"])
def test_unknown_ending(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="ending"):
        write_picture(tmp_path / name, noise(2, 2, 3))


def test_missing_output_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no folder"):
        write_picture(tmp_path / "no" / "a.png", noise(2, 2, 3))


def test_output_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OutputError, match="not a file"):
        write_picture(tmp_path / "a.png", noise(2, 2, 3))


def test_unwritable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="may not be written"):
        write_picture(tmp_path / "a.png", noise(2, 2, 3))


def test_output_must_not_be_an_input(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", noise(2, 2, 3))
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    for output in (tmp_path / "a.png", tmp_path / "link.png", tmp_path / "." / "a.png"):
        with pytest.raises(OutputError, match="one of the inputs"):
            check_output(output, inputs=[tmp_path / "none.png", tmp_path / "a.png"])
    check_output(tmp_path / "b.png", inputs=[tmp_path / "a.png"])


def test_other_endings_where_they_are_asked_for(tmp_path: Path) -> None:
    check_output(tmp_path / "a.CSV", endings=(".csv",))
    with pytest.raises(OutputError, match=r"choose \.csv"):
        check_output(tmp_path / "a.png", endings=(".csv",))


def test_a_side_too_long_for_jpeg(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="65500"):
        write_picture(tmp_path / "a.jpg", noise(1, 65501, 3))
    write_picture(tmp_path / "a.jpg", noise(1, 65500, 3))


def test_wrong_pixels_and_quality(tmp_path: Path) -> None:
    floats: Any = np.zeros((2, 2, 3), np.float32)
    for wrong in (noise(2, 2), noise(2, 2, 4), floats, noise(0, 2, 3)):
        with pytest.raises(InputError, match="uint8"):
            write_picture(tmp_path / "a.png", wrong)
    with pytest.raises(InputError, match="quality"):
        write_picture(tmp_path / "a.jpg", noise(2, 2, 3), quality=0)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    (tmp_path / "a.png").write_bytes(b"old")

    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="disk is full" if code == errno.ENOSPC else "cannot"):
        write_picture(tmp_path / "a.png", noise(9, 9, 3))
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a.png": b"old"}


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_picture(tmp_path / "a.png", noise(9, 9, 3))
    assert not list(tmp_path.iterdir())


def test_a_write_that_stops_half_way(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="file size limits are POSIX")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OutputError, match="disk is full"):
            write_picture(tmp_path / "a.png", noise(200, 200, 3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_long_exif_is_shortened_to_fit_a_jpeg(tmp_path: Path) -> None:
    description, rights, model = (IMAGE, 0x010E), (IMAGE, 0x8298), (IMAGE, 0x0110)
    tags = {description: "x" * 40000, rights: "y" * 40000, model: "camera"}
    write_picture(tmp_path / "a.jpg", noise(4, 4, 3), like=Metadata(exif=tags))
    assert read_metadata(tmp_path / "a.jpg").exif[model] == "camera"
    assert (b"x" * 40000 in (data := (tmp_path / "a.jpg").read_bytes())) != (b"y" * 40000 in data)
