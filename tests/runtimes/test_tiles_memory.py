"""Memory of fusing in tiles: a fixed amount above the frames, whatever their size."""

import sys

import pytest

from edge_mef.bundle import Bundle
from edge_mef.memory import estimate_bytes
from tests.conftest import run_python

HEIGHT, WIDTH = 3000, 4000
FRAME = HEIGHT * WIDTH * 3  # bytes
MOST_ABOVE_FRAMES = 150e6

PEAK = r"""
import re, sys
from pathlib import Path
import numpy as np
from edge_mef.fuser import Fuser
def status(name):
    return 1024 * int(re.search(name + r":\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
height, width, count = map(int, sys.argv[2:])
shades = (np.arange(height)[:, None, None] + np.arange(width)[None, :, None]) % 151
frames = [np.empty((height, width, 3), np.uint8) for _ in range(count)]
for index, frame in enumerate(frames):
    frame[:] = shades + 100 * index // count
del shades
with Fuser.open(sys.argv[1], threads=2) as fuser:
    fuser.fuse(*(frame[:64, :64] for frame in frames))
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = status("VmRSS")
    fused = fuser.fuse(*frames, sort=False)
    print(status("VmHWM") - before)
    assert fused.max() > fused.min()
"""


def peak(bundle: Bundle, height: int, width: int, count: int) -> int:
    result = run_python(PEAK, bundle.folder, height, width, count)
    assert (result.code, result.err) == (0, "")
    return int(result.out)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from Linux's /proc")
def test_twelve_megapixels_take_little_above_their_frames(edge_bundle: Bundle) -> None:
    above = peak(edge_bundle, HEIGHT, WIDTH, 2) - FRAME
    print(f"{above / 1e6:.0f} MB above the frames")
    assert above < MOST_ABOVE_FRAMES
    assert above + FRAME <= estimate_bytes(edge_bundle.manifest, HEIGHT, WIDTH)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from Linux's /proc")
def test_more_exposures_take_hardly_more(edge_bundle: Bundle) -> None:
    above = peak(edge_bundle, 1500, 2000, 7) - 1500 * 2000 * 3
    print(f"{above / 1e6:.0f} MB above the frames")
    assert above < MOST_ABOVE_FRAMES
    assert above + 1500 * 2000 * 3 <= estimate_bytes(edge_bundle.manifest, 1500, 2000)
