"""All 14 metrics of one fused pair are there within seconds."""

import time

import cv2
import numpy as np
import pytest

from edge_mef.metrics import MEFB_METRICS, evaluate
from edge_mef.render.brackets import random_bracket

LONGEST = 10.0  # seconds for 551x707 on one thread


@pytest.mark.timing
def test_the_14_metrics_take_seconds() -> None:
    exposures = random_bracket(3, height=551, width=707).exposures
    fused = np.mean(exposures, axis=0).astype(np.uint8)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        started = time.perf_counter()
        found = evaluate(exposures, fused)
        seconds = time.perf_counter() - started
    finally:
        cv2.setNumThreads(threads)
    print(f"{seconds:.1f} s")
    assert tuple(found) == MEFB_METRICS
    assert seconds <= LONGEST
