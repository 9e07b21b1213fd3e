"""What a report says of numbers that are less sure."""

import numpy as np

from edge_mef.benchmarks.contention import Contention
from edge_mef.benchmarks.records import Series
from edge_mef.benchmarks.report.page import html_page
from tests.benchmarks.made_records import latencies, made_record

STEADY = Series.of(np.full(50, 0.2))
MOVED = Series.of(np.concatenate([np.full(25, 0.2), np.full(25, 0.3)]))


def test_a_shared_or_unsteady_machine_is_told() -> None:
    busy = made_record(latencies(1), contention=Contention(waited=0.2), yardstick=MOVED)
    page = html_page([busy])
    assert "other programs took the cores meanwhile" in page
    assert "the machine&#x27;s own speed moved by more than 10% meanwhile" in page
    assert "yardstick, ms: median" in page
    assert "contention: waited" in page


def test_a_quiet_one_is_not() -> None:
    quiet = made_record(latencies(1), contention=Contention(waited=0.001), yardstick=STEADY)
    page = html_page([quiet])
    assert "took the cores" not in page
    assert "own speed moved" not in page
