"""Sampling: the integral, the thread's first and last sample, and its end whatever happens."""

import itertools
import math
import threading
import time

import pytest

from edge_mef.benchmarks.sensors.sampling import Sampler, integrate
from edge_mef.benchmarks.sensors.sensor import NotMeasuredError
from tests.benchmarks.sensors.standin_sensors import sensor_threads


def test_the_integral_of_a_line_is_exact() -> None:
    seconds = [0.0, 0.7, 1.0, 4.0]
    watts = [10 + 2 * second for second in seconds]
    # 10 t + t^2, from 0.5 to 3.
    assert integrate(seconds, watts, 0.5, 3.0) == pytest.approx((30 + 9) - (5 + 0.25))


def test_the_integral_of_a_curve_is_near() -> None:
    seconds = [index / 100 for index in range(401)]
    watts = [5 + math.sin(second) for second in seconds]
    expected = 5 * 4 - (math.cos(4) - 1)
    assert integrate(seconds, watts, 0.0, 4.0) == pytest.approx(expected, rel=1e-5)


def test_what_is_outside_of_the_samples_is_constant() -> None:
    assert integrate([1.0, 2.0], [4.0, 8.0], 0.0, 3.0) == pytest.approx(4 + 6 + 8)


def test_one_sample_has_no_integral() -> None:
    with pytest.raises(NotMeasuredError, match="fewer than two"):
        integrate([1.0], [4.0], 0.0, 3.0)


def test_samples_are_taken_at_both_ends_and_at_the_interval() -> None:
    counter = itertools.count()
    sampler = Sampler(lambda: next(counter), 0.02)
    sampler.start()
    time.sleep(0.2)
    count = len(sampler.samples())
    sampler.stop()
    samples = sampler.samples()
    assert [sample.value for sample in samples] == list(range(len(samples)))
    assert 2 < count <= 13
    assert len(samples) > count
    assert sensor_threads() == []


def test_a_long_interval_does_not_delay_the_end() -> None:
    begin = time.perf_counter()
    sampler = Sampler(lambda: 1, 60.0)
    sampler.start()
    assert len(sampler.samples()) == 2
    sampler.stop()
    sampler.stop()
    assert time.perf_counter() - begin < 2.0
    assert len(sampler.samples()) == 3


def test_what_was_before_can_be_forgotten() -> None:
    counter = itertools.count()
    sampler = Sampler(lambda: next(counter), 60.0)
    sampler.start()
    sampler.forget()
    sampler.stop()
    assert [sample.value for sample in sampler.samples()] == [1, 2]


def test_an_error_ends_the_thread_and_keeps_the_samples() -> None:
    def read() -> int:
        if next(counter) == 2:
            raise OSError("gone")
        return 1

    counter = itertools.count()
    ended = threading.Event()
    sampler = Sampler(read, 0.001, after=ended.set)
    sampler.start()
    assert ended.wait(5.0)
    sampler.stop()
    assert sampler.failure == "OSError: gone"
    assert len(sampler.samples()) == 2
    assert sensor_threads() == []


@pytest.mark.parametrize("where", ["before", "read"])
def test_an_error_at_the_start_is_a_reason(where: str) -> None:
    def fail() -> None:
        raise NotMeasuredError("no such sensor")

    sampler = Sampler(fail, 1.0) if where == "read" else Sampler(lambda: None, 1.0, before=fail)
    sampler.start()
    sampler.stop()
    assert sampler.failure == "no such sensor"
    assert sampler.samples() == ()


def test_an_error_while_stopping_is_none() -> None:
    def fail() -> None:
        raise OSError("it is closed")

    sampler = Sampler(lambda: 1, 1.0, after=fail)
    sampler.start()
    sampler.stop()
    assert sampler.failure is None
    assert len(sampler.samples()) == 2


def test_a_sensor_that_hangs_is_not_waited_for() -> None:
    free = threading.Event()
    sampler = Sampler(free.wait, 1.0, patience=0.1)
    begin = time.perf_counter()
    sampler.start()
    sampler.stop()
    assert time.perf_counter() - begin < 2.0
    assert sampler.failure == "no answer within 0.1 s"
    # It ends as soon as the sensor answers.
    free.set()
    for thread in sensor_threads():
        thread.join(5.0)
    assert sensor_threads() == []
