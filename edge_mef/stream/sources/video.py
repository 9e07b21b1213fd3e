"""Video files and cameras, by OpenCV."""

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_mef.errors import InputError, MissingError
from edge_mef.stream.frames import CameraFrame, measured_exposure
from edge_mef.stream.opencv import quiet_opencv
from edge_mef.stream.sources.base import Source, SourceLostError


class VideoSource(Source):
    """A video file of alternating exposures; they are measured, as no file states them."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            InputError: OpenCV cannot read it.
        """
        self._path, self._capture = path, _opened(str(path), cv2.CAP_ANY)
        self._number = 0
        if not self._capture.isOpened():
            raise InputError(f"'{path}' is no video that OpenCV can read")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = float(rate) if 0 < rate < 1000 else None
        self._count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))

    def read(self) -> CameraFrame | None:
        """Decode the next frame."""
        there, pixels = self._capture.read()
        if not there:
            self._check_end()
            return None
        number, self._number = self._number, self._number + 1
        return _frame(pixels, number, number / (self.fps or 30.0))

    def _check_end(self) -> None:
        """A container's count is an estimate; that half of it is missing is none."""
        if 0 < self._number < self._count // 2:
            raise SourceLostError(
                f"'{self._path}' ends after {self._number} of {self._count} frames: it is damaged"
            )

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


class DeviceSource(Source):
    """A camera that V4L2, or the system's own interface, gives as a number or as /dev/video0.

    Exposures are measured: set the camera so that it alternates them, by the driver's own tools.
    """

    live = True

    def __init__(self, device: str) -> None:
        """Open it.

        Raises:
            MissingError: there is no such camera, or it is in use.
        """
        self._device, self._number = device, 0
        which = int(device) if device.isdecimal() else device
        linux = sys.platform == "linux"
        self._capture = _opened(which, cv2.CAP_V4L2 if linux else cv2.CAP_ANY)
        if not self._capture.isOpened():
            raise MissingError(
                f"no camera can be opened as '{device}': see whether it is there, whether another "
                "program uses it, and whether you may"
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = float(rate) if 0 < rate < 1000 else None

    def read(self) -> CameraFrame | None:
        """Wait for the next frame."""
        there, pixels = self._capture.read()
        if not there:
            raise SourceLostError(
                f"the camera '{self._device}' delivers no more frames after {self._number}"
            )
        number, self._number = self._number, self._number + 1
        since = cv2.getTickCount() / cv2.getTickFrequency()
        return _frame(pixels, number, since)

    def close(self) -> None:
        """Release the camera."""
        self._capture.release()


def _frame(pixels: Any, number: int, time: float) -> CameraFrame:
    """Make a frame of what OpenCV read, (H, W, 3) BGR or (H, W) grey."""
    grey = pixels.ndim == 2
    rgb = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB if grey else cv2.COLOR_BGR2RGB)
    found = np.asarray(rgb, np.uint8)
    return CameraFrame(found, number, time, measured_exposure(found))


def _opened(what: str | int, api: int) -> Any:
    with quiet_opencv():
        return cv2.VideoCapture(what, api)
