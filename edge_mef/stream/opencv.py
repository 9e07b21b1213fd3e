"""OpenCV's videos without what its libraries print: what matters is told in our own sentences."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

_SILENT = "-8"  # as FFmpeg numbers its levels


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Let OpenCV, and FFmpeg where it was not used before, say nothing inside of the block."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _SILENT)
    logging = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel
    level = getattr(cv2, "getLogLevel", None) or cv2.utils.logging.getLogLevel
    before = level()
    logging(0)
    try:
        yield
    finally:
        logging(before)
