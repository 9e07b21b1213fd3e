"""The meter: which sensor it takes, and that neither errors nor threads come out of it."""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_mef.benchmarks.sensors.gauges import NoGauge, PowerGauge
from edge_mef.benchmarks.sensors.heat import HeatGauge
from edge_mef.benchmarks.sensors.meter import SENSORS, Meter, open_meter
from edge_mef.benchmarks.sensors.readings import PowerState
from edge_mef.benchmarks.sensors.sensor import NotMeasuredError
from edge_mef.errors import InputError
from tests.benchmarks.sensors.recorded_trees import (
    ORIN_HEAT,
    ORIN_NANO,
    ORIN_NANO_LINE,
    RAPL,
    write_tool,
    write_tree,
)
from tests.benchmarks.sensors.standin_sensors import TellingSensor, sensor_threads

LOOP = f'while :; do echo "{ORIN_NANO_LINE}"; sleep 0.02; done'


def test_the_order_of_sensors() -> None:
    assert list(SENSORS) == ["jtop", "tegrastats", "ina3221", "nvml", "rapl"]


@pytest.mark.skipif(sys.platform == "win32", reason="tegrastats is a Linux program")
def test_the_best_that_is_there_measures(tmp_path: Path) -> None:
    taken = []
    for add in (
        lambda: None,
        lambda: write_tree(tmp_path, RAPL),
        lambda: write_tree(tmp_path, ORIN_NANO),
        lambda: write_tool(tmp_path, "tegrastats", LOOP),
    ):
        add()
        with open_meter(tmp_path) as meter:
            pass
        taken.append(meter.energy().source.partition(" ")[0])
    assert taken == ["none", "RAPL", "INA3221", "tegrastats"]


def test_a_sensor_may_be_asked_for_by_name(tmp_path: Path) -> None:
    write_tree(tmp_path, {**RAPL, **ORIN_NANO})
    with open_meter(tmp_path, only=["rapl"]) as meter:
        pass
    assert meter.energy().source.startswith("RAPL")
    with open_meter(tmp_path, only=[]) as meter:
        pass
    assert meter.energy().not_measured == "not measured: no sensor was asked for"
    with pytest.raises(InputError, match="found rapll"):
        open_meter(tmp_path, only=["rapll"])


def test_an_empty_machine_says_why(tmp_path: Path) -> None:
    with open_meter(tmp_path) as meter:
        time.sleep(0.01)
    energy = meter.energy()
    assert (energy.joules, energy.rails) == (None, {})
    assert 0.01 <= energy.seconds < 1.0
    for name in SENSORS:
        assert f"{name}: " in str(energy.not_measured)
    heat = meter.heat()
    assert (heat.celsius_at_start, heat.celsius_at_end, heat.throttled) == ({}, {}, None)
    assert meter.state().model_dump(exclude={"not_measured"}, exclude_none=True) == {}
    assert {"mode", "governor", "clocks_mhz"} <= meter.state().not_measured.keys()


def test_this_machine_can_be_asked() -> None:
    with open_meter() as meter:
        time.sleep(0.01)
    energy, heat = meter.energy(), meter.heat()
    assert energy.joules is not None or str(energy.not_measured).startswith("not measured: ")
    assert heat.celsius_at_end or str(heat.not_measured).startswith("not measured: ")
    assert meter.state().governor or "governor" in meter.state().not_measured
    assert sensor_threads() == []


def test_errors_of_the_work_come_out_and_threads_end(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, {**ORIN_NANO, **ORIN_HEAT})
    meter = open_meter(tree)

    def work() -> None:
        with meter:
            assert len(sensor_threads()) == 2
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert sensor_threads() == []
    assert meter.energy().joules == pytest.approx(5.0 * meter.energy().seconds)


def test_an_interruption_on_entering_ends_the_threads(tmp_path: Path) -> None:
    def interrupt() -> PowerState:
        raise KeyboardInterrupt

    sensor = TellingSensor(lambda: {"VDD_IN": 1.0})
    with pytest.raises(KeyboardInterrupt), Meter(PowerGauge(sensor), HeatGauge([]), interrupt):
        raise AssertionError("the work must not begin")
    assert sensor_threads() == []
    assert not sensor.running


def test_a_search_that_fails_goes_on(tmp_path: Path) -> None:
    def fail(root: Path) -> str:
        raise RuntimeError("broken driver")

    def refuse(root: Path) -> str:
        raise NotMeasuredError("nothing here")

    def find(root: Path) -> TellingSensor:
        return TellingSensor(lambda: {"VDD_IN": 2.0})

    with open_meter(tmp_path, sensors={"a": fail, "b": find}) as meter:
        pass
    assert meter.energy().joules == pytest.approx(2.0 * meter.energy().seconds)
    with open_meter(tmp_path, sensors={"a": fail, "b": refuse}) as meter:
        pass
    assert meter.energy().not_measured == (
        "not measured: a: RuntimeError: broken driver; b: nothing here"
    )


def test_a_state_that_fails_is_left_out(tmp_path: Path) -> None:
    class Broken(TellingSensor):
        def state(self) -> PowerState:
            raise OSError("gone")

    def find(root: Path) -> Broken:
        return Broken(lambda: {"VDD_IN": 2.0})

    with open_meter(tmp_path, sensors={"broken": find}) as meter:
        pass
    assert meter.energy().joules is not None
    assert meter.state().mode is None


def test_what_happens_before_the_work_is_not_in_its_energy() -> None:
    def slow() -> PowerState:
        time.sleep(0.2)
        return PowerState()

    sensor = TellingSensor(lambda: {"VDD_IN": 1.0})
    with Meter(PowerGauge(sensor), HeatGauge([]), slow) as meter:
        time.sleep(0.02)
    assert meter.energy().seconds < 0.2
    with Meter(NoGauge("none"), HeatGauge([]), slow) as meter:
        pass
    assert meter.energy().seconds < 0.1


def test_readings_may_be_asked_inside(tmp_path: Path) -> None:
    with open_meter(write_tree(tmp_path, {**ORIN_NANO, **ORIN_HEAT})) as meter:
        time.sleep(0.01)
        inside: Mapping[str, object] = meter.energy().model_dump()
        assert meter.heat().celsius_at_end["tj-thermal"] == 45.6
        time.sleep(0.01)
    assert inside["joules"] is not None
    assert meter.energy().seconds > inside["seconds"]  # type: ignore[operator]


def test_no_package_of_a_vendor_is_imported() -> None:
    script = (
        "import sys, edge_mef.benchmarks.sensors.meter\n"
        "names = {'torch', 'pynvml', 'jtop', 'Foundation', 'coremltools', 'tensorrt', 'onnx'}\n"
        "print(sorted(names & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert (found.stdout, found.stderr) == ("[]\n", "")
