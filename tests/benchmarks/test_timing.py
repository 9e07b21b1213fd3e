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


def rounds(count: int) -> list[str]:
    """Return in which order two calls were made, round by round."""
    order: list[str] = []
    both = [lambda: order.append("a"), lambda: order.append("b")]
    timings = time_interleaved(both, repeats=count, warmup=1)
    assert [len(timing.samples) for timing in timings] == [count, count]
    return ["".join(order[i : i + 2]) for i in range(0, len(order), 2)]


def test_calls_take_turns_in_an_order_that_is_drawn() -> None:
    found = rounds(30)
    assert len(found) == 31
    assert set(found) == {"ab", "ba"}
    assert min(found.count("ab"), found.count("ba")) > 8, "neither comes first most of the time"
    assert rounds(30) == found


def test_samples_belong_to_their_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0]

    def takes(nanoseconds: int) -> None:
        now[0] += nanoseconds

    monkeypatch.setattr(time, "perf_counter_ns", lambda: now[0])
    timings = time_interleaved(
        [lambda: takes(1_000_000), lambda: takes(5_000_000)], repeats=6, warmup=0
    )
    assert [timing.samples for timing in timings] == [(1.0,) * 6, (5.0,) * 6]
