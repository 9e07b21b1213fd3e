import threading
import time
from functools import partial

import pytest

from edge_mef.benchmarks.latency.streams import Burst, run_streams


def test_one_stream_runs_on_this_thread() -> None:
    seen: set[int] = set()

    def call() -> None:
        seen.add(threading.get_ident())
        time.sleep(0.002)

    burst = run_streams([call], seconds=0.1)
    assert seen == {threading.get_ident()}
    assert 0.1 <= burst.seconds < 1
    assert burst.frames_per_second == pytest.approx(len(burst.samples) / burst.seconds)


def test_streams_run_side_by_side() -> None:
    calls = [partial(time.sleep, 0.02)] * 4
    burst = run_streams(calls, seconds=0.5)
    assert burst.frames_per_second > 1.5 / 0.02  # one alone has at most 1 / 0.02
    assert min(burst.samples) >= 20


def test_every_stream_has_the_fewest_samples() -> None:
    counts = [0, 0]

    def call(index: int) -> None:
        counts[index] += 1
        time.sleep(0.05 if index else 0.001)

    run_streams([partial(call, 0), partial(call, 1)], seconds=0.0, fewest=3)
    assert min(counts) >= 3


@pytest.mark.parametrize("count", [1, 2])
def test_enough_ends_it_early(count: int) -> None:
    started = time.perf_counter()
    calls = [partial(time.sleep, 0.001)] * count
    run_streams(calls, seconds=30, enough=lambda samples: len(samples) >= 20)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("count", [1, 3])
def test_an_error_ends_all_and_keeps_the_samples(count: int) -> None:
    left = [10]

    def call() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise ValueError("broken")
        time.sleep(0.001)

    burst = Burst()
    with pytest.raises(ValueError, match="broken"):
        run_streams([call] * count, seconds=30, into=burst)
    assert len(burst.samples) == 10
    assert not [thread for thread in threading.enumerate() if thread.name == "stream"]
