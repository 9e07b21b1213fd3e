"""A pipeline of GStreamer as a source."""

import os
import queue
import re
import subprocess
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

from edge_mef.stream.frames import CameraFrame, measured_exposure
from edge_mef.stream.gst_launch import Launched, split_pipeline, stride_of
from edge_mef.stream.sources.base import Source, SourceLostError

_NAME = "edgemefout"
_SIZE = re.compile(rf"{_NAME}.GstPad:src: caps = .*width=\(int\)(\d+), height=\(int\)(\d+)")
_RATE = re.compile(r"framerate=\(fraction\)(\d+)/(\d+)")
_BUFFER = re.compile(rf"{_NAME}: last-message = chain .*\((\d+) bytes,.* pts: (\S+), ")


@dataclass(frozen=True)
class _Announced:
    """A frame that comes through the pipe: its size in pixels, bytes, and time in seconds."""

    height: int
    width: int
    length: int
    time: float | None


class PipelineSource(Source):
    """What a pipeline of `gst-launch-1.0` ends in, as RGB; exposures are measured.

    An `identity` at its end tells of every frame, so that frames keep their timestamps. It waits
    while nobody reads; what a camera in it does then is the pipeline's affair.
    """

    def __init__(self, pipeline: str) -> None:
        """Start it.

        Raises:
            InputError: it is empty.
            MissingError: GStreamer is not installed.
        """
        words = split_pipeline(pipeline)
        self._number, self._size, self._stopped = 0, (0, 0), False
        self._announced: queue.SimpleQueue[_Announced | None] = queue.SimpleQueue()
        reading, writing = os.pipe()
        try:
            self._launched = Launched(
                [
                    *("-v", *words, "!", "videoconvert", "!", "video/x-raw,format=RGB", "!"),
                    *("identity", f"name={_NAME}", "silent=false", "!"),
                    *("fdsink", f"fd={writing}", "sync=false"),
                ],
                self._hear,
                stdin=subprocess.DEVNULL,
                pass_fds=(writing,),
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._pipe: IO[bytes] | None = os.fdopen(reading, "rb")

    def _hear(self, line: str | None) -> None:
        """Understand what it says of its frames, a line at a time."""
        if line is None:
            self._announced.put(None)
        elif found := _SIZE.search(line):
            self._size = int(found[2]), int(found[1])
            rate = _RATE.search(line)
            if rate and int(rate[1]) and int(rate[2]):
                self.fps = int(rate[1]) / int(rate[2])
        elif found := _BUFFER.search(line):
            self._announced.put(_Announced(*self._size, int(found[1]), _seconds(found[2])))

    def read(self) -> CameraFrame | None:
        """Wait for the next frame."""
        if self._pipe is None:
            return None
        announced = self._announced.get()
        data = b"" if announced is None else self._pipe.read(announced.length)
        if announced is None or len(data) < announced.length:
            self._check_end()
            return None
        pixels = _pixels(data, announced.height, announced.width)
        number, self._number = self._number, self._number + 1
        time = announced.time if announced.time is not None else number / (self.fps or 30.0)
        return CameraFrame(pixels, number, time, measured_exposure(pixels))

    def _check_end(self) -> None:
        self._announced.put(None)  # so will it be when it is asked again
        if self._pipe is None:
            return
        if self._launched.end() and not self._stopped:
            raise SourceLostError(f"the pipeline failed: {self._launched.why()}")

    def stop(self) -> None:
        """Ask the pipeline to end."""
        self._stopped = True
        if self._launched.process.poll() is None:
            self._launched.process.terminate()

    def close(self) -> None:
        """End the pipeline."""
        if self._pipe is None:
            return
        pipe, self._pipe = self._pipe, None
        self.stop()
        self._launched.end()  # whoever reads the pipe comes to its end
        pipe.close()


def _pixels(data: bytes, height: int, width: int) -> NDArray[np.uint8]:
    """Return rows that GStreamer padded as (H, W, 3)."""
    rows = np.frombuffer(data, np.uint8).reshape(height, stride_of(width))
    return np.ascontiguousarray(rows[:, : 3 * width]).reshape(height, width, 3)


def _seconds(text: str) -> float | None:
    """Read a time such as 0:00:01.033333333; None for "none"."""
    found = re.fullmatch(r"(\d+):(\d\d):(\d\d\.\d+)", text)
    return None if found is None else 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3])
