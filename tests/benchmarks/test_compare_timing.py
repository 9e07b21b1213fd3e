"""A real call and one that does a tenth more, in turn on whatever machine this is."""

from functools import partial

import pytest

from edge_mef.benchmarks.compare import compare_records
from edge_mef.benchmarks.records import Interleaving
from edge_mef.benchmarks.timing import time_interleaved
from tests.benchmarks.made_records import made_record

STEPS = 10_000  # some tenths of a millisecond


def count(steps: int) -> int:
    total = 0
    for step in range(steps):
        total += step
    return total


@pytest.mark.timing
@pytest.mark.parametrize(("steps", "expected"), [(1.1, "slower"), (1.0, "no difference")])
def test_a_planted_slowdown_of_a_tenth(steps: float, expected: str) -> None:
    calls = [partial(count, STEPS), partial(count, round(STEPS * steps))]
    timings = time_interleaved(calls, repeats=400, warmup=20)
    turn = Interleaving(group="0" * 32, order="shuffled", titles=("less", "more"))
    less, more = (
        made_record(timing.samples, settings={"interleaved": turn}, subject={"title": title})
        for timing, title in zip(timings, turn.titles, strict=True)
    )
    found = compare_records(less, more)
    assert found.paired
    assert found.verdict == expected, found.text
    assert found.ratio.ratio == pytest.approx(steps, abs=0.03)
