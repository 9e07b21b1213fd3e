"""A pipeline of GStreamer as a sink."""

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from edge_mef.errors import OutputError
from edge_mef.stream.gst_launch import (
    Launched,
    files_of,
    find_program,
    padded,
    split_pipeline,
    stride_of,
)
from edge_mef.stream.sinks.base import Frame, Sink, SinkClosedError, check_apart, check_size

_FINEST = 1001  # 30000/1001 is the finest rate that is usual


class PipelineSink(Sink):
    """What `gst-launch-1.0` makes of raw RGB video at a fixed rate, from the first frame on."""

    waits = True

    def __init__(self, pipeline: str, fps: float, *, inputs: Sequence[Path] = ()) -> None:
        """Read the pipeline.

        Raises:
            InputError: it is empty.
            OutputError: it writes to one of the inputs.
            MissingError: GStreamer is not installed.
        """
        self._words = split_pipeline(pipeline)
        check_apart(files_of(self._words), inputs)
        find_program()
        self._rate = Fraction(fps).limit_denominator(_FINEST)
        self._launched: Launched | None = None
        self._shape: tuple[int, ...] | None = None

    def write(self, pixels: Frame) -> None:
        """Hand it the next frame, and wait until it takes it."""
        self._shape = check_size(self._shape, pixels)
        if self._launched is None:
            self._launched = self._started(*pixels.shape[:2])
        try:
            _write_all(self._launched, padded(pixels).reshape(-1).data)
        except BrokenPipeError as error:
            if not self._launched.end():
                raise SinkClosedError from error  # it has all that it wanted
            raise OutputError(f"the pipeline failed: {self._launched.why()}") from error

    def _started(self, height: int, width: int) -> Launched:
        rate = f"{self._rate.numerator}/{self._rate.denominator}"
        return Launched(
            [
                *("-q", "fdsrc", "fd=0", f"blocksize={height * stride_of(width)}", "!"),
                *("rawvideoparse", "format=rgb", f"width={width}", f"height={height}"),
                *(f"framerate={rate}", "!", "videoconvert", "!", *self._words),
            ],
            stdin=subprocess.PIPE,
            bufsize=0,  # nothing must be left to write when it is closed: it may never be taken
        )

    def close(self) -> None:
        """End its input, so that it finishes its files, and wait for it as long as it works."""
        if self._launched is None:
            return
        launched, self._launched = self._launched, None
        assert launched.process.stdin is not None
        with suppress(BrokenPipeError):
            launched.process.stdin.close()
        if launched.end():
            raise OutputError(f"the pipeline failed: {launched.why()}")


def _write_all(launched: Launched, data: memoryview) -> None:
    """Write, and wait where it does not take it; a signal may interrupt that."""
    assert launched.process.stdin is not None
    while data:
        data = data[launched.process.stdin.write(data) :]
