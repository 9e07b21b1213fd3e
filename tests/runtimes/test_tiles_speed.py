"""The stages against OpenCV's Mertens, on the same frames and threads."""

import cv2
import numpy as np
import pytest

from edge_mef.benchmarks.peers.mertens import MertensFusion
from edge_mef.benchmarks.timing import time_interleaved
from edge_mef.bundle import Bundle
from edge_mef.fuser import Fuser
from tests.conftest import noise_stack

THREADS = 2
SIZE = (1080, 1920)
# Well below what was measured (docs/ffmef-edge.md), because shared machines disturb both sides.
LEAST = 2.0


@pytest.mark.timing
def test_it_is_several_times_as_fast_as_mertens(edge_bundle: Bundle) -> None:
    stack, merge = noise_stack(2, SIZE), MertensFusion()
    before = cv2.getNumThreads()
    cv2.setNumThreads(THREADS)
    try:
        with Fuser.open(edge_bundle.folder, threads=THREADS) as fuser:
            ours, theirs = time_interleaved(
                [lambda: fuser.fuse(*stack, sort=False), lambda: merge(*stack)],
                repeats=7,
                warmup=2,
            )
    finally:
        cv2.setNumThreads(before)
    ratio = float(np.median(np.divide(theirs.samples, ours.samples)))
    print(f"{ours.median:.0f} ms against {theirs.median:.0f} ms, ratio {ratio:.2f}")
    assert ratio >= LEAST
