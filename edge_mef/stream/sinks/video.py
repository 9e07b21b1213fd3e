"""Fused frames as a video file, by OpenCV."""

import shutil
from pathlib import Path
from typing import Any

import cv2

from edge_mef.errors import OutputError
from edge_mef.saving import check_output
from edge_mef.stream.sinks.base import Frame, Sink, check_size

_ROOM = 32 * 2**20  # bytes that must be free: OpenCV does not say that it could not write
CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}


class VideoSink(Sink):
    """Writes a file beside its place, which takes the place when it is closed, however that comes.

    So a video that is there already stays until the new one is complete.
    """

    def __init__(self, path: Path, fps: float) -> None:
        """Check that it can be written.

        Raises:
            OutputError: there is no such folder, or no codec for this ending.
        """
        check_output(path, endings=tuple(CODECS))
        self._path, self._fps = path, fps
        self._partial = path.with_name(f".{path.stem}-partial{path.suffix}")
        self._writer: Any = None
        self._shape: tuple[int, ...] | None = None

    def write(self, pixels: Frame) -> None:
        """Encode the next frame."""
        self._shape = check_size(self._shape, pixels)
        if self._writer is None:
            self._writer = self._opened(pixels)
        if shutil.disk_usage(self._path.parent).free < _ROOM:
            raise OutputError(
                f"the disk of '{self._path}' is full: the video is complete up to here"
            )
        self._writer.write(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))

    def _opened(self, pixels: Frame) -> Any:
        code = cv2.VideoWriter.fourcc(*CODECS[self._path.suffix.lower()])
        size = pixels.shape[1], pixels.shape[0]
        writer = cv2.VideoWriter(str(self._partial), code, self._fps, size)
        if not writer.isOpened():
            raise OutputError(f"OpenCV cannot write '{self._path}' with frames of this size")
        return writer

    def close(self) -> None:
        """End the file and put it into its place."""
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        writer.release()
        try:
            self._partial.replace(self._path)
        except OSError as error:
            raise OutputError(f"cannot write '{self._path}': {error.strerror or error}") from error
