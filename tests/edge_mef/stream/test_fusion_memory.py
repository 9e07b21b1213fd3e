"""A stream takes no memory of a frame's size for a frame, and none for ten thousand."""

import gc
import sys
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from edge_mef.bundle import load_bundle
from edge_mef.fuser import Fuser
from edge_mef.runtimes.table import open_runtime
from tests.conftest import noise_stack, run_python

SIZE = (720, 1280)
FRAME = SIZE[0] * SIZE[1] * 3  # bytes

FLAT = r"""
import re, sys
from pathlib import Path
import numpy as np
from edge_mef.fuser import Fuser
def resident():
    return 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
frames = [np.random.default_rng(i).integers(0, 256, (48, 64, 3), np.uint8) for i in range(2)]
with Fuser.open("ffmef-edge-2", threads=1) as fuser, fuser.stream() as stream:
    seen = []
    for fused in stream.fuse_all(frames for _ in range(10_000)):
        if fused.number % 1000 == 999:
            seen.append(resident())
print(*seen)
"""


def most_taken(calls: int, call: Callable[[], object]) -> int:
    """The largest rise of the memory that Python and NumPy know of during so many calls."""
    for _ in range(3):
        call()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(calls):
            call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_a_frame_takes_no_memory_of_its_size() -> None:
    stack = noise_stack(2, SIZE)
    with Fuser.open("ffmef-edge-2", threads=1) as fuser, fuser.stream() as stream:

        def one() -> None:
            stream.submit(*stack)
            assert stream.result(timeout=20) is not None

        taken = most_taken(5, one)
        plain = most_taken(5, lambda: fuser.fuse(*stack))
    print(f"{taken} bytes, against {plain} of a new array each, in frames of {FRAME}")
    # What is left are small views of the scene and a tile, whatever the size of the frame.
    assert taken < 0.5 * FRAME
    assert plain >= FRAME


def test_a_pipeline_in_one_piece_writes_where_it_is_told() -> None:
    stack = noise_stack(2, SIZE)
    with open_runtime(load_bundle("ffmef-edge-2"), "onnxruntime", 1, whole=True) as opened:
        expected, out = opened.run(stack), np.zeros(stack[0].shape, np.uint8)
        taken = most_taken(3, lambda: opened.run(stack, out))
        np.testing.assert_array_equal(out, expected)
        kept = out.copy()
        opened.run(stack[::-1])
        np.testing.assert_array_equal(out, kept)
    assert taken < 0.5 * FRAME


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from Linux's /proc")
def test_ten_thousand_frames_take_no_more_than_a_thousand() -> None:
    result = run_python(FLAT, longest=600)
    assert (result.code, result.err) == (0, "")
    seen = [int(word) for word in result.out.split()]
    print("MB after every thousand:", *(f"{size / 1e6:.1f}" for size in seen))
    assert max(seen) - seen[0] < 4e6
