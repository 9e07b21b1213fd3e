"""A window on the screen."""

import os
import re
import sys
from typing import Literal

import cv2

from edge_mef.errors import MissingError
from edge_mef.stream.gst_launch import find_program
from edge_mef.stream.sinks.base import Frame, Sink, SinkClosedError
from edge_mef.stream.sinks.pipeline import PipelineSink

_TITLE = "EdgeMEF"
_QUIT = {ord("q"), 27}


def open_window(fps: float) -> Sink:
    """Return a window: OpenCV's where this build has windows, else one of GStreamer.

    Raises:
        MissingError: there is no screen, or nothing that opens a window.
    """
    found = find_windows()
    return WindowSink() if found == "OpenCV" else PipelineSink("autovideosink sync=false", fps)


def find_windows() -> Literal["OpenCV", "GStreamer"]:
    """Return what opens windows here; raise as `open_window` does."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or _wayland()):
        raise MissingError(
            "there is no screen to open a window on (DISPLAY is not set): use a file, a folder or "
            "none as the sink"
        )
    if _has_windows():
        return "OpenCV"
    try:
        find_program()
    except MissingError as error:
        raise MissingError(
            "this OpenCV was built without windows, and GStreamer, which has some, is not "
            "installed: use a file or a folder as the sink"
        ) from error
    return "GStreamer"


def _wayland() -> str | None:
    return os.environ.get("WAYLAND_DISPLAY")


def _has_windows() -> bool:
    """Say whether OpenCV was built with a user interface: pip's headless build has none."""
    found = re.search(r"^\s*GUI:\s*(\S+)", cv2.getBuildInformation(), re.MULTILINE)
    return found is not None and found[1] not in ("NONE", "NO")


class WindowSink(Sink):
    """A window of OpenCV; q or Escape, or closing it, ends the stream."""

    def __init__(self) -> None:
        cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        self._open = True

    def write(self, pixels: Frame) -> None:
        """Show the frame."""
        cv2.imshow(_TITLE, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        pressed = cv2.waitKey(1) & 0xFF
        if pressed in _QUIT or cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1:
            raise SinkClosedError

    def close(self) -> None:
        """Close the window."""
        if self._open:
            self._open = False
            cv2.destroyWindow(_TITLE)
