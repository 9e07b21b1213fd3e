"""Gauges: counters that wrap, jump or vanish; powers that are wrong, late or missing."""

import functools
import itertools
import math
import time
from collections.abc import Mapping

import pytest

from edge_mef.benchmarks.sensors import gauges
from edge_mef.benchmarks.sensors.gauges import (
    CounterGauge,
    Gauge,
    NoGauge,
    PowerGauge,
    difference,
    energy_of,
)
from edge_mef.benchmarks.sensors.readings import EnergyReading
from edge_mef.benchmarks.sensors.sampling import Sampler
from edge_mef.benchmarks.sensors.sensor import Counter, NotMeasuredError
from tests.benchmarks.sensors.standin_sensors import CountingSensor, TellingSensor, sensor_threads


def measure(gauge: Gauge, seconds: float = 0.0) -> EnergyReading:
    gauge.start()
    gauge.begin()
    time.sleep(seconds)
    gauge.end()
    gauge.close()
    assert sensor_threads() == []
    return gauge.reading()


def test_differences_of_a_counter() -> None:
    assert difference(Counter(10.0, 100.0), Counter(25.0, 100.0), 1.0) == 15.0
    assert difference(Counter(90.0, 100.0), Counter(5.0, 100.0), 1.0) == pytest.approx(15.0)
    assert difference(Counter(10.0), Counter(25.0), 1.0) == 15.0


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (Counter(10.0), Counter(9.0), "ran backwards"),
        (Counter(200.0, 100.0), Counter(9.0, 100.0), "ran backwards"),
        (Counter(5000.0, 262143.0), Counter(9.0, 262143.0), "jumped by 257152 J in 2 s"),
        (Counter(10.0), Counter(90_000.0), "jumped by 89990 J in 2 s"),
    ],
)
def test_impossible_differences_are_refused(first: Counter, last: Counter, reason: str) -> None:
    with pytest.raises(NotMeasuredError, match=reason):
        difference(first, last, 2.0)


def test_a_counter_that_wraps_more_than_once_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "COUNTER_INTERVAL", 0.005)
    # 40 J at every look, of a counter that starts again after 100 J.
    total = itertools.count(0, 40)
    looks: list[int] = []

    def count() -> dict[str, Counter]:
        looks.append(next(total))
        return {"gpu": Counter(looks[-1] % 100, 100.0)}

    energy = measure(CounterGauge(CountingSensor(count)), 0.1)
    assert energy.joules is not None
    # Some looks are before the beginning and one after the end, which do not count.
    assert energy.joules % 40 == 0
    assert 100 < looks[-1] - 200 <= energy.joules < looks[-1]


def test_a_reading_may_be_asked_in_between() -> None:
    gauge = PowerGauge(TellingSensor(lambda: {"VDD_IN": 2.0}))
    assert gauge.reading().seconds == 0.0
    gauge.start()
    gauge.begin()
    time.sleep(0.02)
    first = gauge.reading()
    time.sleep(0.02)
    gauge.end()
    gauge.close()
    last = gauge.reading()
    assert first.joules == pytest.approx(2.0 * first.seconds)
    assert last.joules == pytest.approx(2.0 * last.seconds)
    assert last.seconds >= first.seconds + 0.02
    assert gauge.reading() == last


def test_power_that_changes_is_integrated() -> None:
    begin = time.perf_counter()
    sensor = TellingSensor(lambda: {"VDD_IN": 100 * (time.perf_counter() - begin)}, 0.002)
    gauge = PowerGauge(sensor)
    gauge.start()
    time.sleep(0.05)
    start = time.perf_counter() - begin
    gauge.begin()
    time.sleep(0.1)
    gauge.end()
    end = time.perf_counter() - begin
    gauge.close()
    assert gauge.reading().joules == pytest.approx(50 * (end**2 - start**2), rel=0.1)


@pytest.mark.parametrize(
    ("rails", "reason"),
    [
        ({"VDD_IN": -1.0}, "VDD_IN: it told -1 W"),
        ({"VDD_IN": math.nan}, "VDD_IN: it told nan W"),
        ({"VDD_IN": math.inf}, "VDD_IN: it told inf W"),
        ({"VDD_IN": 3e6}, "VDD_IN: it told 3e+06 W"),
        ({"VDD_IN": 0.0}, "no energy was counted"),
        ({"VDD_SOC": 1.0}, "no rail or sum of rails is the whole"),
        ({}, "no rail or sum of rails is the whole"),
    ],
)
def test_wrong_powers_are_not_measured(rails: Mapping[str, float], reason: str) -> None:
    energy = measure(PowerGauge(TellingSensor(lambda: rails)))
    assert energy.joules is None
    assert str(energy.not_measured).startswith("not measured: ")
    assert reason in str(energy.not_measured)


def test_a_rail_that_comes_and_goes_is_left_out() -> None:
    looks = itertools.count()

    def tell() -> dict[str, float]:
        return {"VDD_IN": 2.0} | ({"VDD_SOC": 1.0} if next(looks) != 1 else {})

    energy = measure(PowerGauge(TellingSensor(tell)), 0.02)
    assert energy.joules == pytest.approx(2.0 * energy.seconds)
    assert energy.rails.keys() == {"VDD_IN"}
    assert energy.not_measured == "not measured: VDD_SOC: it was not always there"


def test_a_sensor_that_stops_answering_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "_LATEST", 0.1)
    looks = itertools.count()

    def tell() -> dict[str, float]:
        time.sleep(0.3 if next(looks) == 2 else 0.0)
        return {"VDD_IN": 2.0}

    energy = measure(PowerGauge(TellingSensor(tell, interval=0.001)), 0.4)
    assert energy.joules is None
    assert "no sample for 0." in str(energy.not_measured)


def test_a_sensor_that_never_answers_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang() -> dict[str, float]:
        time.sleep(0.5)
        return {"VDD_IN": 2.0}

    monkeypatch.setattr(gauges, "Sampler", functools.partial(Sampler, patience=0.1))
    gauge = PowerGauge(TellingSensor(hang))
    gauge.start()
    gauge.begin()
    gauge.end()
    gauge.close()
    assert gauge.reading().not_measured == "not measured: no answer within 0.1 s"
    for thread in sensor_threads():
        thread.join(5.0)


def test_the_sensor_runs_only_while_it_is_measured_with() -> None:
    sensor = TellingSensor(lambda: {"VDD_IN": 2.0})
    gauge = PowerGauge(sensor)
    assert not sensor.running
    gauge.start()
    assert sensor.running
    gauge.close()
    gauge.close()
    assert not sensor.running


def test_without_a_sensor_the_reason_is_said() -> None:
    energy = measure(NoGauge("nothing is here"))
    assert energy.joules is None
    assert energy.source == "none"
    assert energy.not_measured == "not measured: nothing is here"
    assert 0 <= energy.seconds < 1.0


def test_the_whole_names_its_rails() -> None:
    sensor = CountingSensor(dict)
    energy = energy_of(sensor, {"a": 1.0, "b": 2.0}, {}, 4.0)
    assert (energy.joules, energy.source, energy.watts) == (3.0, "standin (a + b)", 0.75)
    energy = energy_of(sensor, {"a": 1.0}, {"b": "gone"}, 4.0)
    assert (energy.joules, energy.source) == (None, "standin (a + b)")
    assert energy.not_measured == "not measured: b: gone"
