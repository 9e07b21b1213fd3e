"""Timing: percentiles, warm-up, and the order of interleaved calls."""

import time

import pytest

from edge_mef.benchmarks.timing import Timing, time_call, time_interleaved


def test_percentiles_are_interpolated() -> None:
    timing = Timing((4.0, 1.0, 3.0, 2.0))
    assert timing.median == 2.5
    assert timing.percentile(0) == 1.0
    assert timing.percentile(100) == 4.0
    assert timing.percentile(90) == pytest.approx(3.7)
    assert Timing((5.0,)).percentile(99) == 5.0


def test_the_warm_up_is_not_counted() -> None:
    calls: list[int] = []
    timing = time_call(lambda: calls.append(1), repeats=3, warmup=2)
    assert len(calls) == 5
    assert len(timing.samples) == 3


def test_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0, 1_500_000, 10_000_000, 12_000_000])
    monkeypatch.setattr(time, "perf_counter_ns", lambda: next(clock))
    assert time_call(lambda: None, repeats=2, warmup=0).samples == (1.5, 2.0)


def test_calls_take_turns() -> None:
    order: list[str] = []
    both = [lambda: order.append("a"), lambda: order.append("b")]
    timings = time_interleaved(both, repeats=2, warmup=1)
    assert "".join(order) == "ababab"
    assert [len(timing.samples) for timing in timings] == [2, 2]
