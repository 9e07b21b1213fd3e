import gc
import time
from functools import partial

import pytest

from edge_mef.benchmarks.latency.turns import (
    Effort,
    Turn,
    expected_rounds,
    steady,
    take_turns,
    warm,
)
from edge_mef.benchmarks.statistics import FEWEST_SAMPLES, MOST_WARMUP, percentile_interval
from edge_mef.benchmarks.timing import sample


def _nothing() -> None:
    pass


def test_every_round_has_each_call_once_in_an_order_of_its_own() -> None:
    order: list[str] = []
    turns = [Turn(partial(order.append, name)) for name in "abcd"]
    take_turns(turns, Effort(fewest=40), _nothing)
    rounds = [tuple(order[i : i + 4]) for i in range(0, len(order), 4)]
    assert all(sorted(one) == list("abcd") for one in rounds)
    assert len(set(rounds)) > 10
    assert {len(turn.samples) for turn in turns} == {len(rounds)}
    assert len(rounds) >= 40


def test_samples_suffice_for_the_percentile_asked() -> None:
    turn = Turn(_nothing)
    take_turns([turn], Effort(fewest=10, percentile="p99"), _nothing)
    assert percentile_interval(turn.samples, 99.0) is not None
    assert len(turn.samples) >= 368


def test_some_come_along_and_nobody_waits_for_them() -> None:
    turn, along = Turn(_nothing), Turn(_nothing)
    take_turns([turn], Effort(fewest=20, seconds=0.1), _nothing, beside=[along])
    assert len(along.samples) == len(turn.samples)
    slow = Turn(partial(time.sleep, 0.01))
    take_turns([slow], Effort(fewest=100, seconds=0.05), _nothing, beside=[along])
    assert len(slow.samples) == FEWEST_SAMPLES


def test_sampling_lasts_long_enough_to_see_the_machine_move() -> None:
    turn = Turn(_nothing)
    started = time.perf_counter()
    take_turns([turn], Effort(fewest=10, seconds=1.0, most=10**9), _nothing)
    assert 0.33 <= time.perf_counter() - started < 1.0


def test_a_slow_call_leaves_and_the_quick_ones_go_on() -> None:
    slow, quick = Turn(partial(time.sleep, 0.02)), Turn(_nothing)
    take_turns([slow, quick], Effort(fewest=100, seconds=0.05), _nothing)
    assert len(slow.samples) == FEWEST_SAMPLES
    assert len(quick.samples) >= 100


def test_no_more_samples_than_allowed() -> None:
    turn = Turn(_nothing)
    take_turns([turn], Effort(fewest=10, percentile="p99", most=50), _nothing)
    assert len(turn.samples) == 50


def test_what_was_measured_survives_an_interruption() -> None:
    turn = Turn(_nothing)

    def interrupt() -> None:
        if len(turn.samples) == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_turns([turn], Effort(), interrupt)
    assert len(turn.samples) == 7
    assert gc.isenabled()


def test_the_garbage_collector_rests_and_comes_back() -> None:
    with steady():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_steady_call_is_soon_warm() -> None:
    turn = Turn(partial(time.sleep, 0.002))
    warm(turn, Effort(), _nothing)
    assert turn.warmth == "stable"
    assert len(turn.warmup) <= MOST_WARMUP
    assert not turn.samples


def test_the_warm_up_of_a_slow_call_ends_by_time() -> None:
    turn = Turn(partial(time.sleep, 0.05))
    warm(turn, Effort(seconds=0.1), _nothing)
    assert turn.warmth == "unsettled"
    assert len(turn.warmup) == 2


def test_a_restless_call_ends_unsettled() -> None:
    pauses = iter([0.0002 * 1.3**i for i in range(20)])
    turn = Turn(lambda: time.sleep(next(pauses)))
    warm(turn, Effort(seconds=0.2), _nothing)
    assert turn.warmth == "unsettled"


def test_the_expected_rounds_follow_from_the_time() -> None:
    effort = Effort(fewest=100, seconds=1.0)
    assert expected_rounds(Turn(_nothing), effort) == 100
    assert expected_rounds(Turn(_nothing, warmup=[1.0] * 5), effort) == 333  # a third of a second
    assert expected_rounds(Turn(_nothing, warmup=[5.0] * 5), effort) == 100
    assert expected_rounds(Turn(_nothing, warmup=[20.0] * 5), effort) == 50
    assert expected_rounds(Turn(_nothing, warmup=[500.0] * 2), effort) == FEWEST_SAMPLES


def test_a_sample_is_a_duration_even_of_nothing() -> None:
    assert sample(_nothing) > 0


@pytest.mark.timing
def test_a_sleep_of_5_ms_is_5_ms_within_2_percent() -> None:
    found = []
    for _ in range(3):  # a busy machine may wake a sleeper late for a while
        turn = Turn(partial(time.sleep, 0.005))
        take_turns([turn], Effort(fewest=200, seconds=5.0), _nothing)
        found.append(sorted(turn.samples)[len(turn.samples) // 2])
    assert min(found) == pytest.approx(5.0, rel=0.02)


@pytest.mark.timing
def test_the_harness_takes_less_than_20_us_for_a_sample() -> None:
    """What begins and ends a measurement is paid once: the first garbage collection above all."""

    def measured(count: int) -> tuple[float, Turn]:
        turn = Turn(_nothing)
        started = time.perf_counter()
        take_turns([turn], Effort(fewest=count, most=count), _nothing)
        assert len(turn.samples) == count
        return (time.perf_counter() - started) * 1e6, turn

    each, inside = [], []
    for _ in range(3):
        short, _few = measured(10)
        long, turn = measured(5010)
        each.append((long - short) / 5000)
        inside.append(sorted(turn.samples)[len(turn.samples) // 2] * 1e3)
    assert min(each) < 20  # of the whole loop
    assert min(inside) < 2  # of it within the sample
