"""Phases: they add up to the call, whoever computes, and the frame is that of a run."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge_mef.bundle import load_bundle
from edge_mef.errors import BundleError
from edge_mef.runtimes.onnxruntime import OnnxRuntime
from edge_mef.runtimes.phases import NO_CLOCK, Phase, PhaseClock, PhaseTimes
from edge_mef.runtimes.tiles import Stages, TiledFusion
from tests.conftest import noise_stack


@pytest.fixture
def clock_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., PhaseClock]:
    def make(*milliseconds: float) -> PhaseClock:
        ticks = iter([int(1e6 * m) for m in milliseconds])
        monkeypatch.setattr(time, "perf_counter_ns", lambda: next(ticks))
        return PhaseClock()

    return make


def test_laps_add_up(clock_of: Callable[..., PhaseClock]) -> None:
    clock = clock_of(10, 11, 15, 15.5, 20)
    phases: tuple[Phase, ...] = ("copy_in", "compute", "copy_out", "compute")
    for phase in phases:
        clock.lap(phase)
    assert clock.times() == PhaseTimes(copy_in=1.0, compute=8.5, copy_out=0.5)


def test_threads_share_the_time_that_passed(clock_of: Callable[..., PhaseClock]) -> None:
    clock = clock_of(0, 1, 1, 3, 9, 1, 2, 10, 11)
    clock.lap("compute")
    first, second = clock.for_thread(), None
    first.lap("copy_in")
    first.lap("compute")
    second = clock.for_thread()
    second.lap("copy_in")
    second.lap("compute")
    clock.share([first, second])  # 3 and 14 ms of work in 10 ms
    times = clock.times()
    assert times.copy_in == pytest.approx(10 * 3 / 17)
    assert times.compute == pytest.approx(1 + 10 * 14 / 17)
    assert times.copy_out == 0


def test_nothing_to_share(clock_of: Callable[..., PhaseClock]) -> None:
    clock = clock_of(0, 7)
    clock.share([])
    assert clock.times() == PhaseTimes(0.0, 0.0, 0.0)


def test_a_clock_that_nobody_reads() -> None:
    NO_CLOCK.lap("compute")
    NO_CLOCK.share([NO_CLOCK.for_thread()])
    assert NO_CLOCK.times() == PhaseTimes(0.0, 0.0, 0.0)


@pytest.mark.parametrize("name", ["ffmef", "ffmef-edge"])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("threads", [1, 2])
def test_phases_add_up_to_the_call(name: str, whole: bool, threads: int) -> None:
    stack = noise_stack(2, (120, 160))
    with OnnxRuntime(load_bundle(name), threads=threads, whole=whole, tile=(32, 64)) as runtime:
        plain = runtime.run(stack)
        lost = []
        for _ in range(5):
            started = time.perf_counter_ns()
            fused, times = runtime.run_phases(stack)
            passed = (time.perf_counter_ns() - started) / 1e6
            parts = (times.copy_in, times.compute, times.copy_out)
            assert min(parts) > 0
            assert sum(parts) <= passed
            lost.append(passed - sum(parts))
        assert runtime.phases_note
    np.testing.assert_array_equal(fused, plain)
    # Another program may have been on the core in one of them.
    assert min(lost) < 0.3


def sleepy(seconds: float, *shape: int) -> Callable[[Any], list[Any]]:
    def stage(_: Any) -> list[Any]:
        time.sleep(seconds)
        return [np.zeros(shape, np.float32)]

    return stage


@pytest.mark.parametrize("threads", [1, 4])
def test_what_stages_take_is_computing(threads: int) -> None:
    stages = Stages(
        view=sleepy(0.01, 1, 3, 4, 4),
        analysis=sleepy(0.03, 5, 2, 2),
        weights=lambda _: [np.ones((64, 2), np.float32), np.ones((2, 8), np.float32)],
        applications={2: sleepy(0.02, 1, 3, 16, 8)},
    )
    tiled, clock = TiledFusion(stages, threads, (16, 8)), PhaseClock()
    tiled.run(noise_stack(2, (64, 8)), clock)
    tiled.close()
    times, rows = clock.times(), 4 / threads
    least = 1e3 * (0.02 / min(threads, 2) + 0.03 + 0.02 * rows)
    assert least <= times.compute
    assert times.copy_in + times.copy_out < times.compute / 4


def test_a_row_of_tiles_that_fails() -> None:
    stack = [*noise_stack(1, (40, 40)), *noise_stack(1, (20, 40))]
    with (
        OnnxRuntime(load_bundle("ffmef-edge"), threads=2) as runtime,
        pytest.raises(BundleError, match="could not run the bundle"),
    ):
        runtime.run_phases(stack)
