"""What `--source` and `--sink` say: which kind it is, and opening it."""

import re
from pathlib import Path

from edge_mef.errors import InputError
from edge_mef.metadata import Metadata
from edge_mef.stream.gst_launch import files_of, split_pipeline
from edge_mef.stream.sinks.base import NullSink, Sink
from edge_mef.stream.sinks.pictures import PictureSink
from edge_mef.stream.sinks.pipeline import PipelineSink
from edge_mef.stream.sinks.video import CODECS, VideoSink
from edge_mef.stream.sinks.window import open_window
from edge_mef.stream.sources.base import Source
from edge_mef.stream.sources.pictures import PictureSource
from edge_mef.stream.sources.pipeline import PipelineSource
from edge_mef.stream.sources.video import DeviceSource, VideoSource

_PIPELINE = "gst:"


def open_source(text: str, *, loops: int = 1) -> Source:
    """Open a folder of pictures, a video file, a camera (0, /dev/video0), or gst:PIPELINE.

    Args:
        loops: times that a folder is gone through.

    Raises:
        InputError: there is no such file, or it cannot be read.
        MissingError: there is no such camera, or GStreamer is not installed.
    """
    if text.startswith(_PIPELINE):
        return PipelineSource(text.removeprefix(_PIPELINE))
    path = Path(text)
    if text and path.is_dir():
        return PictureSource(path, loops)
    if path.is_file():
        return VideoSource(path)
    if re.fullmatch(r"[0-9]{1,4}", text) or text.startswith("/dev/"):
        return DeviceSource(text)
    raise InputError(
        f"expected a folder, a video, a camera such as 0 or /dev/video0, or gst:PIPELINE as the "
        f"source, found '{text}', which is none of them"
    )


def open_sink(text: str, *, fps: float, source: str = "", like: Metadata | None = None) -> Sink:
    """Open "none", "window", a video file by its ending, gst:PIPELINE, or a folder.

    Args:
        fps: frames per second that it is told to have.
        source: what `open_source` was given; the sink must be another file or folder.
        like: what pictures say.

    Raises:
        InputError: the ending is none of a video.
        OutputError: it cannot be written, or is the source.
        MissingError: there is no screen, or GStreamer is not installed.
    """
    if text == "none":
        return NullSink()
    if text == "window":
        return open_window(fps)
    if text.startswith(_PIPELINE):
        return PipelineSink(text.removeprefix(_PIPELINE), fps, inputs=_inputs(source))
    path, inputs = Path(text), _inputs(source)
    if not text:
        raise InputError("expected a sink, found nothing: use none, a folder or a video")
    if path.suffix and not path.is_dir() and not text.endswith("/"):
        if path.suffix.lower() not in CODECS:
            raise InputError(
                f"expected a folder or a video ({', '.join(CODECS)}) as the sink, found '{text}'"
            )
        return VideoSink(path, fps, inputs=inputs)
    return PictureSink(path, inputs=inputs, like=like)


def _inputs(source: str) -> list[Path]:
    """Return the files and folders that a source reads."""
    if source.startswith(_PIPELINE):
        return files_of(split_pipeline(source.removeprefix(_PIPELINE)))
    return [Path(source)] if source else []
