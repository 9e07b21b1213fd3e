"""Fused frames as a video file, by OpenCV."""

import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from edge_mef.errors import OutputError
from edge_mef.saving import check_output
from edge_mef.stream.opencv import quiet_opencv
from edge_mef.stream.sinks.base import Frame, Sink, check_size

_ROOM = 32 * 2**20  # bytes that must be free: OpenCV does not say that it could not write
_COUNTED = 0.9  # of the frames: containers estimate how many they hold
CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}


class VideoSink(Sink):
    """Writes a file beside its place, which takes the place when it is closed.

    So a video that is there already stays until the new one is complete; where the stream failed
    it stays for good, and what there is gets another name. Videos have even sides: the last row or
    column of odd ones is there twice.
    """

    def __init__(self, path: Path, fps: float, *, inputs: Sequence[Path] = ()) -> None:
        """Check that it can be written, and is none of the inputs.

        Raises:
            OutputError: there is no such folder, no codec for this ending, or no space.
        """
        check_output(path, inputs=inputs, endings=tuple(CODECS))
        self._path, self._fps = Path(os.path.realpath(path)), fps  # a link stays a link
        self._partial: Path | None = None
        self._writer: Any = None
        self._shape: tuple[int, ...] | None = None
        self._count = 0
        self._check_room()

    def write(self, pixels: Frame) -> None:
        """Encode the next frame."""
        self._shape = check_size(self._shape, pixels)
        self._check_room()
        if self._writer is None:
            self._writer = self._opened(pixels)
        self._writer.write(_even(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)))
        self._count += 1

    def _check_room(self) -> None:
        if shutil.disk_usage(self._path.parent).free < _ROOM:
            raise OutputError(
                f"the disk of '{self._path}' has less than {_ROOM >> 20} MiB left: free some, or "
                "write elsewhere"
            )

    def _opened(self, pixels: Frame) -> Any:
        suffix = self._path.suffix.lower()
        partial = self._path.with_name(f".edge-mef-{secrets.token_hex(8)}{suffix}")
        height, width = (side + side % 2 for side in pixels.shape[:2])
        try:
            partial.open("xb").close()
        except OSError as error:
            raise OutputError(f"cannot write '{self._path}': {error.strerror or error}") from error
        self._partial = partial
        with quiet_opencv():
            code = cv2.VideoWriter.fourcc(*CODECS[suffix])
            writer = cv2.VideoWriter(str(partial), code, self._fps, (width, height))
        if not writer.isOpened():
            partial.unlink(missing_ok=True)
            raise OutputError(
                f"OpenCV cannot write '{self._path}' with frames of {height}x{width} at "
                f"{self._fps:g} per second: choose another ending, or another --fps"
            )
        return writer

    def close(self) -> None:
        """End the file and put it into its place; what holds no frame takes no place."""
        self._end(complete=True)

    def abandon(self) -> None:
        """End the file, and put it beside one that was there before."""
        self._end(complete=False)

    def _end(self, *, complete: bool) -> None:
        if self._writer is None or self._partial is None:
            return
        writer, self._writer = self._writer, None
        with quiet_opencv():
            writer.release()
            found = _frames_in(self._partial)
        whole = found >= _COUNTED * self._count - 2
        place = self._place(whole=whole and complete) if found else self._path
        try:
            if found:
                self._partial.replace(place)
        except OSError as error:
            raise OutputError(f"cannot write '{self._path}': {error.strerror or error}") from error
        finally:
            self._partial.unlink(missing_ok=True)
        if self._count and not whole:
            raise OutputError(
                f"of {self._count} frames only {found} could be written to '{place}': the "
                "disk or a quota is full, so free some and run it again"
            )

    def _place(self, *, whole: bool) -> Path:
        """Return where the video goes: what is not whole replaces nothing."""
        place, number = self._path, 1
        while not whole and place.exists():
            number += 1
            place = self._path.with_stem(f"{self._path.stem}-{number}")
        if place != self._path:
            self.note = f"'{self._path}' stays as it was, and what was fused is in '{place}'"
        return place


def _even(pixels: Any) -> Any:
    """Repeat the last row and column where there is an odd number of them."""
    height, width = pixels.shape[:2]
    if height % 2 == width % 2 == 0:
        return pixels
    return cv2.copyMakeBorder(pixels, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)


def _frames_in(path: Path) -> int:
    """Return how many frames a video says it holds; 0 where not even the first can be read."""
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened() or not capture.read()[0]:
            return 0
        return max(1, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    finally:
        capture.release()
