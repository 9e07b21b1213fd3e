"""Sources: what frames they deliver, with which exposures and times, and how they end."""

import math
import shutil
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from edge_mef.errors import InputError, MissingError
from edge_mef.stream.frames import CameraFrame
from edge_mef.stream.places import open_source
from edge_mef.stream.sources.base import BadFrameError, Source, SourceLostError
from edge_mef.stream.sources.pictures import PictureSource
from edge_mef.stream.sources.pipeline import PipelineSource
from edge_mef.stream.sources.video import VideoSource
from tests.conftest import run_python

Frame = NDArray[np.uint8]
needs_gstreamer = pytest.mark.skipif(
    shutil.which("gst-launch-1.0") is None, reason="GStreamer's gst-launch-1.0 is not installed"
)
COLOURS = ((30, 60, 90), (120, 240, 200))  # dark and bright, RGB


def flat(colour: tuple[int, int, int], size: tuple[int, int] = (48, 64)) -> Frame:
    return np.full((*size, 3), colour, np.uint8)


def everything(source: Source) -> list[CameraFrame]:
    found = []
    while (frame := source.read()) is not None:
        found.append(frame)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in range(12):
        Image.fromarray(flat(COLOURS[index % 2])).save(tmp_path / f"frame{index}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "alternating.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for index in range(40):
        writer.write(np.ascontiguousarray(flat(COLOURS[index % 2])[:, :, ::-1]))
    writer.release()
    return path


def test_a_folder_in_the_order_of_its_numbers(folder: Path) -> None:
    with open_source(str(folder)) as source:
        assert isinstance(source, PictureSource)
        frames = everything(source)
        assert source.read() is None
    assert [frame.number for frame in frames] == list(range(12))
    for index, frame in enumerate(frames):  # frame10 after frame9
        assert tuple(frame.pixels[0, 0]) == COLOURS[index % 2]
    assert [frame.time for frame in frames[:2]] == pytest.approx([0, 1 / 30])
    dark, bright = frames[0].exposure, frames[1].exposure
    assert dark is not None
    assert bright is not None
    assert 3 < bright - dark < 6


def test_a_folder_is_gone_through_again(folder: Path) -> None:
    with open_source(str(folder), loops=3) as source:
        frames = everything(source)
    assert [frame.number for frame in frames] == list(range(36))
    np.testing.assert_array_equal(frames[0].pixels, frames[24].pixels)


def test_exposures_of_exif_are_believed(tmp_path: Path) -> None:
    """The same picture three times: measured, their exposures would be equal."""
    for index, seconds in enumerate((1 / 100, 1 / 25, None)):
        exif = Image.Exif()
        if seconds is not None:
            exif.get_ifd(0x8769)[0x829A] = seconds
        Image.fromarray(flat(COLOURS[0])).save(tmp_path / f"{index}.jpg", exif=exif)
    with open_source(str(tmp_path)) as source:
        first, second, third = (frame.exposure for frame in everything(source))
    assert first is not None
    assert second is not None
    assert second - first == pytest.approx(2, abs=1e-6)
    assert third is None


def test_a_damaged_picture_does_not_end_it(folder: Path) -> None:
    whole = (folder / "frame3.png").read_bytes()
    (folder / "frame3.png").write_bytes(whole[: len(whole) // 2])
    with open_source(str(folder)) as source:
        for _ in range(3):
            assert source.read() is not None
        with pytest.raises(BadFrameError, match=r"frame3\.png"):
            source.read()
        frame = source.read()
        assert frame is not None
        assert frame.number == 4


def test_an_unreadable_first_picture_does_not_end_it(folder: Path) -> None:
    (folder / "frame0.png").write_bytes(b"no picture")
    source = PictureSource(folder)
    with pytest.raises(BadFrameError, match=r"frame0\.png"):
        source.read()
    assert len(everything(source)) == 11


def test_hidden_files_are_no_frames(folder: Path) -> None:
    (folder / "._frame0.png").write_bytes(b"what a Mac leaves")
    Image.fromarray(flat(COLOURS[0])).save(folder / ".trash.png")
    assert len(everything(PictureSource(folder))) == 12


def test_the_colour_profile_is_that_of_the_first(folder: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for index in (0, 1):
        Image.fromarray(flat(COLOURS[index])).save(
            folder / f"frame{index}.png", icc_profile=profile
        )
    source = PictureSource(folder)
    assert source.metadata.icc_profile == profile
    assert [source.read() is not None for _ in range(2)] == [True, True]
    with pytest.raises(BadFrameError, match="another colour profile"):
        source.read()


def test_equal_numbers_have_an_order(tmp_path: Path) -> None:
    for index, name in enumerate(("01.png", "1.png")):
        Image.fromarray(flat(COLOURS[index])).save(tmp_path / name)
    first = PictureSource(tmp_path).read()
    assert first is not None
    assert first.pixels[0, 0, 0] == COLOURS[0][0]


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected pictures in"):
        open_source(str(tmp_path))


def test_a_video(video: Path) -> None:
    with open_source(str(video)) as source:
        assert isinstance(source, VideoSource)
        assert (source.fps, source.live) == (25, False)
        frames = everything(source)
    assert len(frames) == 40
    for index, frame in enumerate(frames):
        assert np.abs(frame.pixels[5, 5].astype(int) - COLOURS[index % 2]).max() <= 4
    assert frames[10].time == pytest.approx(0.4)


def test_a_video_that_ends_early(video: Path) -> None:
    whole = video.read_bytes()
    video.write_bytes(whole[: len(whole) * 45 // 100])
    with open_source(str(video)) as source, pytest.raises(SourceLostError, match="of 40 frames"):
        everything(source)


def test_a_file_that_is_no_video(tmp_path: Path) -> None:
    """In a process of its own: FFmpeg asks once how much it may say."""
    path = tmp_path / "text.mp4"
    path.write_text("nothing moves here")
    program = "import sys\nfrom edge_mef.stream.places import open_source\nopen_source(sys.argv[1])"
    result = run_python(program, path)
    *_, last = result.err.splitlines()
    assert last.endswith("text.mp4' is no video that OpenCV can read")
    assert "moov" not in result.err


def test_no_such_camera(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="which is none of them"):
        open_source("9" * 30)
    for name in ("/dev/video97", "97"):
        with pytest.raises(MissingError, match=f"no camera can be opened as '{name}'"):
            open_source(name)
    assert capfd.readouterr() == ("", "")


def test_no_such_source() -> None:
    with pytest.raises(InputError, match=r"found 'nowhere/at\.all', which is none of them"):
        open_source("nowhere/at.all")


def solid(colour: tuple[int, int, int], count: int, width: int = 66) -> str:
    red, green, blue = colour
    return (
        f"videotestsrc num-buffers={count} pattern=solid-color "
        f"foreground-color=0xff{red:02x}{green:02x}{blue:02x} ! "
        f"video/x-raw,format=RGB,width={width},height=48,framerate=25/1"
    )


@needs_gstreamer
def test_a_pipeline_with_rows_that_are_padded() -> None:
    with open_source(f"gst:{solid(COLOURS[1], 7)}") as source:
        frames = everything(source)
        assert source.fps == 25
    assert len(frames) == 7
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.pixels, flat(COLOURS[1], (48, 66)))
        assert frame.time == pytest.approx(index / 25)
        assert frame.exposure is not None
        assert math.isfinite(frame.exposure)


@needs_gstreamer
def test_what_other_elements_say_is_no_frame() -> None:
    with open_source(f"gst:{solid(COLOURS[1], 7)} ! identity silent=false") as source:
        assert len(everything(source)) == 7


@needs_gstreamer
@pytest.mark.parametrize(
    ("pipeline", "sentence"),
    [
        ("nosuchelement", 'no element "nosuchelement"'),
        ("filesrc location=/nowhere ! decodebin", "Resource not found|No such file"),
    ],
)
def test_a_pipeline_that_fails(pipeline: str, sentence: str) -> None:
    with (
        open_source(f"gst:{pipeline}") as source,
        pytest.raises(SourceLostError, match=f"the pipeline failed: .*({sentence})"),
    ):
        everything(source)


@needs_gstreamer
def test_a_pipeline_that_is_killed_delivers_what_it_had() -> None:
    with PipelineSource(solid(COLOURS[0], 100_000)) as source:
        assert all(source.read() is not None for _ in range(20))
        source._launched.process.kill()
        with pytest.raises(SourceLostError, match="the pipeline failed: it ended with -9"):
            everything(source)


@needs_gstreamer
def test_a_stalled_pipeline_can_be_stopped() -> None:
    with open_source(
        "gst:videotestsrc ! video/x-raw,width=64,height=48 ! valve drop=true"
    ) as found:
        reader = threading.Thread(target=found.read)
        reader.start()
        time.sleep(1.0)
        assert reader.is_alive()
        began = time.monotonic()
        found.stop()
        reader.join(3.0)
        assert not reader.is_alive()
        assert time.monotonic() - began < 3.0


@needs_gstreamer
def test_a_pipeline_ends_when_it_is_closed_while_somebody_reads() -> None:
    """It stalls: nothing comes any more."""
    stalled = PipelineSource(f"{solid(COLOURS[0], 3)} ! queue ! identity sleep-time=100000000")
    reading = threading.Thread(target=stalled.read, daemon=True)
    reading.start()
    time.sleep(0.3)
    began = time.monotonic()
    stalled.close()
    reading.join(10)
    assert not reading.is_alive()
    assert time.monotonic() - began < 12
    assert stalled._launched.process.poll() is not None
    stalled.close()


@pytest.mark.parametrize(("text", "sentence"), [("gst:", "found none"), ("gst:a 'b", "be read")])
def test_pipelines_that_are_none(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        open_source(text)


def test_without_gstreamer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingError, match=r"pipelines need GStreamer's 'gst-launch-1\.0'"):
        open_source("gst:videotestsrc")
    if sys.platform == "linux":
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            with pytest.raises(MissingError):
                open_source("gst:videotestsrc")
        assert len(list(Path("/proc/self/fd").iterdir())) == before
