"""Sinks: what arrives, what is left when they fail, and that nothing there before is lost."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from edge_mef.errors import EdgeMefError, InputError, MissingError, OutputError
from edge_mef.metadata import Metadata
from edge_mef.pictures import read_metadata
from edge_mef.stream import gst_launch
from edge_mef.stream.places import open_sink
from edge_mef.stream.sinks.base import NullSink, SinkClosedError
from edge_mef.stream.sinks.pipeline import PipelineSink
from tests.conftest import run_python

Frame = NDArray[np.uint8]
needs_gstreamer = pytest.mark.skipif(
    shutil.which("gst-launch-1.0") is None, reason="GStreamer's gst-launch-1.0 is not installed"
)


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@dataclass
class Usage:
    free: int


def shaded(value: int, size: tuple[int, int] = (48, 66)) -> Frame:
    """A frame in which channels, rows and columns cannot be mistaken for each other."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.stack([rows + value, columns + value, 0 * rows + 200 - value], 2).astype(np.uint8)


def test_none() -> None:
    with open_sink("none", fps=30) as sink:
        assert isinstance(sink, NullSink)
        sink.write(shaded(0))


def test_a_folder(tmp_path: Path) -> None:
    with open_sink(f"{tmp_path}/new/folder", fps=30) as sink:
        for value in range(3):
            sink.write(shaded(value))
        sink.write(shaded(9, (10, 20)))
    folder = tmp_path / "new" / "folder"
    assert sorted(path.name for path in folder.iterdir()) == [f"00000{i}.png" for i in range(4)]
    np.testing.assert_array_equal(np.asarray(Image.open(folder / "000002.png")), shaded(2))
    with pytest.raises(OutputError, match=r"holds pictures such as 000000\.png already"):
        open_sink(str(folder), fps=30)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot make"):
        open_sink(f"{tmp_path}/file/folder", fps=30)


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".avi"])
def test_a_video(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"fused{ending}"
    path.write_text("an older one")
    with open_sink(str(path), fps=12.5) as sink:
        for value in range(10):
            sink.write(shaded(value))
        assert path.read_text() == "an older one"
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (found := capture.read())[0]:
        frames.append(found[1][:, :, ::-1])
    assert len(frames) == 10
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(12.5)
    assert np.abs(frames[5].astype(int) - shaded(5)).mean() < 8
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_video_through_a_link_and_beside_files_of_others(tmp_path: Path) -> None:
    """A link stays a link; no name beside it is taken that somebody else may have."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link.avi").symlink_to(tmp_path / "real" / "fused.avi")
    with open_sink(f"{tmp_path}/link.avi", fps=30) as one:
        one.write(shaded(1))
        with open_sink(f"{tmp_path}/link.avi", fps=30) as other:
            other.write(shaded(2))
            one.write(shaded(1))
    assert (tmp_path / "link.avi").is_symlink()
    assert [p.name for p in (tmp_path / "real").iterdir()] == ["fused.avi"]
    assert cv2.VideoCapture(f"{tmp_path}/link.avi").get(cv2.CAP_PROP_FRAME_COUNT) == 2


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".avi"])
def test_a_video_of_odd_sides_loses_nothing(tmp_path: Path, ending: str) -> None:
    with open_sink(f"{tmp_path}/fused{ending}", fps=30) as sink:
        sink.write(shaded(1, (47, 65)))
    found = cv2.VideoCapture(f"{tmp_path}/fused{ending}").read()[1][:, :, ::-1]
    assert found.shape == (48, 66, 3)
    assert np.abs(found[:47, :65].astype(int) - shaded(1, (47, 65))).mean() < 8


def test_a_stream_that_failed_replaces_no_video(tmp_path: Path) -> None:
    path = tmp_path / "fused.avi"
    path.write_text("an older one")
    sink = open_sink(str(path), fps=30)
    sink.write(shaded(1))
    sink.abandon()
    sink.close()
    assert path.read_text() == "an older one"
    assert cv2.VideoCapture(f"{tmp_path}/fused-2.avi").get(cv2.CAP_PROP_FRAME_COUNT) == 1
    assert (
        sink.note == f"'{path}' stays as it was, and what was fused is in '{tmp_path}/fused-2.avi'"
    )


def test_a_stream_that_failed_leaves_what_it_has(tmp_path: Path) -> None:
    sink = open_sink(f"{tmp_path}/fused.avi", fps=30)
    sink.write(shaded(1))
    sink.abandon()
    assert [path.name for path in tmp_path.iterdir()] == ["fused.avi"]
    assert sink.note is None


def test_pictures_keep_the_colour_profile(tmp_path: Path) -> None:
    with open_sink(f"{tmp_path}/fused", fps=30, like=Metadata(icc_profile=PROFILE)) as sink:
        sink.write(shaded(1))
    assert read_metadata(tmp_path / "fused" / "000000.png").icc_profile == PROFILE


@pytest.mark.parametrize(
    ("source", "sink"),
    [
        ("{0}", "gst:jpegenc ! avimux ! filesink location={0}"),
        ("gst:filesrc location={0} ! avidemux ! jpegdec", "{0}"),
        ("gst:filesrc location={0} ! decodebin", "gst:avimux ! filesink 'location={0}'"),
    ],
)
def test_a_pipeline_is_never_both(tmp_path: Path, source: str, sink: str) -> None:
    video = tmp_path / "camera.avi"
    video.write_text("a video")
    with pytest.raises(EdgeMefError, match=r"the sink .* is the source|is one of the inputs"):
        open_sink(sink.format(video), fps=30, source=source.format(video))
    assert video.read_text() == "a video"


def test_the_source_is_never_the_sink(tmp_path: Path) -> None:
    video, folder = tmp_path / "camera.avi", tmp_path / "camera"
    video.write_text("a video")
    folder.mkdir()
    (tmp_path / "link.avi").symlink_to(video)
    for name in ("camera.avi", "link.avi"):
        with pytest.raises(OutputError, match="is one of the inputs"):
            open_sink(str(tmp_path / name), fps=30, source=str(video))
    with pytest.raises(OutputError, match="is the source: choose another folder"):
        open_sink(str(folder), fps=30, source=f"{folder}/")


LIMITED = """
import resource, signal, sys
import numpy as np
from edge_mef.stream.places import open_sink
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
sink = open_sink(sys.argv[1], fps=30)
for seed in range(60):
    sink.write(np.random.default_rng(seed).integers(0, 256, (120, 160, 3), np.uint8))
try:
    sink.close()
except Exception as error:
    print(type(error).__name__, str(error)[:18])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
@pytest.mark.parametrize("ending", [".mp4", ".avi"])
def test_a_quota_costs_no_video_that_was_there(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"fused{ending}"
    path.write_text("an older one")
    result = run_python(LIMITED, path)
    assert result.out.strip() == "OutputError of 60 frames only"
    assert path.read_text() == "an older one"
    # What could be written is beside it, where it is enough to be read at all.
    assert {p.name for p in tmp_path.iterdir()} <= {path.name, f"fused-2{ending}"}


def test_two_streams_into_one_folder(tmp_path: Path) -> None:
    with open_sink(str(tmp_path / "fused"), fps=30) as one:
        with open_sink(str(tmp_path / "fused"), fps=30) as other:
            one.write(shaded(1))
            with pytest.raises(OutputError, match="another program has written"):
                other.write(shaded(2))
        np.testing.assert_array_equal(
            np.asarray(Image.open(tmp_path / "fused" / "000000.png")), shaded(1)
        )


def test_a_video_of_nothing_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "fused.mp4"
    path.write_text("an older one")
    with open_sink(str(path), fps=30):
        pass
    assert path.read_text() == "an older one"


def test_a_video_holds_one_size(tmp_path: Path) -> None:
    with open_sink(f"{tmp_path}/fused.avi", fps=30) as sink:
        sink.write(shaded(1))
        with pytest.raises(OutputError, match="changed from 48x66 to 20x20 in the middle"):
            sink.write(shaded(1, (20, 20)))
    assert cv2.VideoCapture(f"{tmp_path}/fused.avi").get(cv2.CAP_PROP_FRAME_COUNT) == 1


def test_a_video_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = [10**9, 10**9, 10**9, 10**6]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(free.pop(0)))
    with open_sink(f"{tmp_path}/fused.avi", fps=30) as sink:
        sink.write(shaded(1))
        sink.write(shaded(1))
        with pytest.raises(OutputError, match="has less than 32 MiB left"):
            sink.write(shaded(1))
    assert cv2.VideoCapture(f"{tmp_path}/fused.avi").get(cv2.CAP_PROP_FRAME_COUNT) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fused.gif", "expected a folder or a video"),
        ("gst:", "expected a pipeline"),
        ("", "expected a sink, found nothing"),
    ],
)
def test_sinks_that_are_none(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        open_sink(text, fps=30)


def test_a_video_in_no_folder() -> None:
    with pytest.raises(OutputError, match="there is no folder 'nowhere'"):
        open_sink("nowhere/fused.mp4", fps=30)


def test_no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(MissingError, match="there is no screen"):
        open_sink("window", fps=30)


@needs_gstreamer
@pytest.mark.parametrize("size", [(48, 64), (48, 66), (31, 33)])
def test_a_pipeline(tmp_path: Path, size: tuple[int, int]) -> None:
    """Raw frames come out as they went in, whatever their rows are padded to."""
    out = tmp_path / "frame-%d.raw"
    with open_sink(f"gst:video/x-raw,format=BGRx ! multifilesink location={out}", fps=30) as sink:
        for value in range(4):
            sink.write(shaded(value, size))
    for value in range(4):
        found = np.fromfile(tmp_path / f"frame-{value}.raw", np.uint8).reshape(*size, 4)
        np.testing.assert_array_equal(found[:, :, 2::-1], shaded(value, size))


@needs_gstreamer
def test_a_pipeline_that_cannot_be() -> None:
    def fill() -> None:
        with open_sink("gst:nosuchelement", fps=30) as sink:
            for _ in range(1000):
                sink.write(shaded(0, (480, 640)))

    with pytest.raises(OutputError, match=r'the pipeline failed: .*no element "nosuchelement"'):
        fill()


@needs_gstreamer
def test_a_pipeline_that_wants_no_more() -> None:
    def fill() -> None:
        with open_sink("gst:identity eos-after=3 ! fakesink", fps=30) as sink:
            for _ in range(1000):
                sink.write(shaded(0, (480, 640)))

    with pytest.raises(SinkClosedError):
        fill()


@needs_gstreamer
def test_a_pipeline_that_dies_in_the_middle() -> None:
    def fill() -> None:
        with open_sink("gst:identity error-after=3 ! fakesink", fps=30) as sink:
            for _ in range(1000):
                sink.write(shaded(0, (480, 640)))

    with pytest.raises(OutputError, match="the pipeline failed: Failed after iterations"):
        fill()


@needs_gstreamer
def test_a_pipeline_that_stalls_ends_with_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped while it is written to, and never goes on."""
    monkeypatch.setattr(gst_launch, "_PATIENCE", 0.5)
    sink = open_sink("gst:fakesink", fps=30)
    sink.write(shaded(0))
    assert isinstance(sink, PipelineSink)
    assert sink._launched is not None
    process = sink._launched.process
    process.send_signal(signal.SIGSTOP)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.5)

    def fill() -> None:
        while True:
            sink.write(shaded(0, (48, 66)))

    try:
        with pytest.raises(KeyboardInterrupt):
            fill()
    finally:
        signal.signal(signal.SIGALRM, before)
    began = time.monotonic()
    with pytest.raises(OutputError, match=r"did nothing for 0\.5 seconds, and was stopped"):
        sink.close()
    assert time.monotonic() - began < 10
    assert process.poll() == -signal.SIGKILL


@needs_gstreamer
def test_a_pipeline_that_works_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its encoder has far more to do, when its input ends, than the patience for doing nothing."""
    monkeypatch.setattr(gst_launch, "_PATIENCE", 0.5)
    behind = "queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 ! videoscale ! "
    behind += "video/x-raw,width=2400,height=1600 ! jpegenc ! multifilesink location="
    with open_sink(f"gst:{behind}{tmp_path}/%03d.jpg", fps=30) as sink:
        for value in range(200):
            sink.write(shaded(value))
        written = time.monotonic()
    assert time.monotonic() - written > 2 * 0.5
    assert len(list(tmp_path.iterdir())) == 200


@needs_gstreamer
def test_what_failed_is_told_in_every_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    sink = open_sink("gst:no-such-element", fps=30)
    sink.write(shaded(0))
    with pytest.raises(OutputError, match='no element "no-such-element"'):
        sink.close()


@needs_gstreamer
@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")
def test_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a screen that nobody looks at; pip's OpenCV has no windows, so it is GStreamer's."""
    screen = subprocess.Popen(["Xvfb", ":87", "-screen", "0", "640x480x24"], stderr=-3)
    try:
        monkeypatch.setenv("DISPLAY", ":87")
        while not Path("/tmp/.X11-unix/X87").exists():
            assert screen.poll() is None
            os.sched_yield()
        with open_sink("window", fps=30) as sink:
            for value in range(10):
                sink.write(shaded(value, (240, 320)))
    finally:
        screen.terminate()
        screen.wait()
