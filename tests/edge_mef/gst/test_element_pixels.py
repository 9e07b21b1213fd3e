"""The element's pixels are those of the library, whatever format and width they come in."""

from pathlib import Path

import numpy as np
import pytest

from edge_mef.exposures import Exposures, align_frames
from edge_mef.fuser import Fuser
from edge_mef.render.brackets import random_bracket
from tests.edge_mef.gst.conftest import Play
from tests.edge_mef.gst.videos import (
    FAST,
    HEIGHT,
    WIDTH,
    Video,
    fused,
    pipeline,
    read_video,
    same,
)

pytestmark = pytest.mark.gstreamer


def written(folder: Path, name: str = "RGB", width: int = WIDTH) -> list[np.ndarray]:
    return read_video(folder / "out.raw", name, width, HEIGHT)


@pytest.mark.parametrize("name", ["RGB", "BGR", "BGRx", "RGBx"])
@pytest.mark.parametrize("width", [WIDTH, 64])
def test_every_format(play: Play, tmp_path: Path, name: str, width: int) -> None:
    dark, bright = (Video(n, b, name, width) for n, b in (("a", 0), ("b", 1)))
    found = play(pipeline([dark, bright]))
    assert (found.ended, found.error, found.fused) == ("eos", "", 4)
    assert f"format=(string){name}" in found.caps[0]
    a, b = dark.frames(tmp_path), bright.frames(tmp_path)
    assert a[0].mean() < b[0].mean()
    assert not np.array_equal(a[0], a[3])  # the ball moves
    assert same(written(tmp_path, name, width), fused(a, b))


def test_the_default_bundle(play: Play, tmp_path: Path) -> None:
    videos = [Video("a", 0), Video("b", 1)]
    play(pipeline(videos, bundle="ffmef-edge"))
    frames = [video.frames(tmp_path) for video in videos]
    wanted = fused(*frames, bundle="ffmef-edge")
    assert same(written(tmp_path), wanted)
    assert not same(wanted, fused(*frames))


def test_formats_may_differ(play: Play, tmp_path: Path) -> None:
    videos = [Video("a", 0, "BGRx"), Video("b", 1, "RGB")]
    found = play(pipeline(videos, behind="video/x-raw,format=BGR"))
    assert "format=(string)BGR," in found.caps[0]
    assert same(written(tmp_path, "BGR"), fused(*(video.frames(tmp_path) for video in videos)))


def test_the_unused_bytes_are_no_leftovers(play: Play, tmp_path: Path) -> None:
    play(pipeline([Video("a", 0), Video("b", 1)]))
    rows = np.fromfile(tmp_path / "out.raw", np.uint8).reshape(4, HEIGHT, 196)
    assert not rows[:, :, 195:].any()
    play(pipeline([Video("a", 0, "BGRx"), Video("b", 1, "BGRx")]))
    pixels = np.fromfile(tmp_path / "out.raw", np.uint8).reshape(-1, 4)
    assert (pixels[:, 3] == 255).all()


def test_three_exposures(play: Play, tmp_path: Path) -> None:
    videos = [Video("a", 0), Video("b", 1), Video("c", 2)]
    assert play(pipeline(videos)).fused == 4
    assert same(written(tmp_path), fused(*(video.frames(tmp_path) for video in videos)))


def test_the_darkest_is_found_by_brightness(play: Play, tmp_path: Path) -> None:
    bright, dark = Video("a", 1), Video("b", 0)
    play(pipeline([bright, dark]))
    assert same(written(tmp_path), fused(dark.frames(tmp_path), bright.frames(tmp_path)))


def test_the_darkest_is_the_first_pad_if_told_so(play: Play, tmp_path: Path) -> None:
    bright, dark = Video("a", 1), Video("b", 0)
    play(pipeline([bright, dark], order="pads"))
    frames = bright.frames(tmp_path), dark.frames(tmp_path)
    assert same(written(tmp_path), fused(*frames, sort=False))
    assert not same(written(tmp_path), fused(*frames))


def test_moved_exposures_are_aligned(play: Play, tmp_path: Path) -> None:
    height, width = 96, 128
    under, over = random_bracket(5, height=height, width=width).exposures
    over = np.roll(over, (4, 3), (0, 1))
    source = f"rawvideoparse format=rgb width={width} height={height} framerate=30/1"
    for name, frame in (("a", under), ("b", over)):
        (tmp_path / f"{name}.raw").write_bytes(frame.tobytes())
    launch = (
        f"edgemeffuse name=fuse bundle={FAST} align=true ! filesink name=out location=out.raw "
        f"filesrc location=a.raw ! {source} ! fuse. filesrc location=b.raw ! {source} ! fuse."
    )
    assert play(launch).fused == 1
    aligned = align_frames(Exposures((under, over)))
    assert aligned.alignment is not None
    assert set(aligned.alignment.methods) == {"reference", "ecc"}
    with Fuser.open(FAST) as fuser:
        wanted = fuser.fuse_exposures(aligned)
        assert not np.array_equal(wanted, fuser.fuse(under, over))
    assert same(read_video(tmp_path / "out.raw", "RGB", width, height), [wanted])


def test_rows_lie_as_the_buffer_says(play: Play, tmp_path: Path) -> None:
    caps = "video/x-raw,format=RGB,width=31,height=20,framerate=1/1"
    names = ("a", "b")
    launch = f"edgemeffuse name=fuse bundle={FAST} order=pads ! filesink name=out location=out.raw "
    launch += " ".join(f"appsrc name={n} format=time caps={caps} ! fuse." for n in names)
    assert play(launch, padded={"a": 0, "b": 7}).fused == 1
    a, b = (np.fromfile(tmp_path / f"{n}.raw", np.uint8).reshape(20, 31, 3) for n in names)
    assert same(read_video(tmp_path / "out.raw", "RGB", 31, 20), fused([a], [b], sort=False))


def test_what_is_behind_chooses_the_size(play: Play, tmp_path: Path) -> None:
    sources = "videotestsrc num-buffers=1 ! fuse. videotestsrc num-buffers=1 ! fuse."
    behind = "video/x-raw,format=BGR,width=34,height=20"
    found = play(f"edgemeffuse name=fuse ! {behind} ! filesink name=out location=out.raw {sources}")
    assert (found.ended, found.fused) == ("eos", 1)
    assert (tmp_path / "out.raw").stat().st_size == 104 * 20
