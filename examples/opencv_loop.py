"""A loop over OpenCV's frames: python examples/opencv_loop.py VIDEO FUSED.avi.

VIDEO holds dark and bright frames in turn; a camera's number works as well. The frames are paired
by their exposures, which are measured: a lost frame does not mix up the rest.
"""

import sys
from collections.abc import Iterator

import cv2
import numpy as np

from edge_mef import Fuser
from edge_mef.stream.frames import CameraFrame, Frame, measured_exposure
from edge_mef.stream.pairing import BracketPairing


def fused_frames(capture: cv2.VideoCapture, rate: float) -> Iterator[Frame]:
    pairing, number = BracketPairing(), 0
    with Fuser.open() as fuser:
        while (read := capture.read())[0]:
            rgb = np.asarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB), np.uint8)
            frame = CameraFrame(rgb, number, number / rate, measured_exposure(rgb))
            number += 1
            bracket = pairing.add(frame)
            if bracket is not None:
                yield fuser.fuse(*bracket.exposures, sort=False)


def main(source: str, output: str) -> None:
    capture, writer = cv2.VideoCapture(int(source) if source.isdecimal() else source), None
    if not capture.isOpened():
        sys.exit(f"'{source}' is no video or camera that OpenCV can read")
    rate = capture.get(cv2.CAP_PROP_FPS) or 30.0
    try:
        for fused in fused_frames(capture, rate):
            if writer is None:
                size, code = (fused.shape[1], fused.shape[0]), cv2.VideoWriter.fourcc(*"MJPG")
                writer = cv2.VideoWriter(output, code, rate / 2, size)
            writer.write(cv2.cvtColor(fused, cv2.COLOR_RGB2BGR))
    finally:
        if writer is not None:
            writer.release()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
