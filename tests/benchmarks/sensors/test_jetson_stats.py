"""jtop: a service and a package that a user has, with a stand-in for both."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from edge_mef.benchmarks.sensors.jetson_stats import JtopSensor
from edge_mef.benchmarks.sensors.meter import Meter, open_meter
from tests.benchmarks.sensors.recorded_trees import ORIN_HEAT, write_tree
from tests.benchmarks.sensors.standin_sensors import StandinJtop, sensor_threads

# A board with an input of its own has it in the total, with its name; others have a sum there.
ORIN_NANO = {
    "rail": {"VDD_SOC": {"volt": 5000, "curr": 300, "power": 1500, "avg": 1400, "online": True}},
    "tot": {"volt": 5000, "curr": 1000, "power": 5000, "avg": 4900, "name": "VDD_IN"},
}
AGX_ORIN = {
    "rail": {
        "VDD_GPU_SOC": {"power": 2400, "avg": 2400},
        "VDD_CPU_CV": {"power": 400, "avg": 400},
        "VIN_SYS_5V0": {"power": 4000, "avg": 4000},
        "VDDQ_VDD2_1V8AO": {"power": 300, "avg": 300},
    },
    "tot": {"power": 7100, "avg": 7100},
}


def importing(module: StandinJtop) -> Callable[[str], Any]:
    return {"jtop": module}.__getitem__


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(tmp_path, {"run/jtop.sock": ""} | ORIN_HEAT)


def meter_of(module: StandinJtop, root: Path) -> Meter:
    return open_meter(root, sensors={"jtop": lambda root: JtopSensor.find(root, importing(module))})


@pytest.mark.parametrize(
    ("power", "watts", "source"),
    [
        (ORIN_NANO, 5.0, "jtop (VDD_IN)"),
        (AGX_ORIN, 6.8, "jtop (VDD_GPU_SOC + VDD_CPU_CV + VIN_SYS_5V0)"),
    ],
)
def test_energy_of_a_board(root: Path, power: Mapping[str, Any], watts: float, source: str) -> None:
    module = StandinJtop(power)
    with meter_of(module, root) as meter:
        assert module.clients == 1
    energy = meter.energy()
    assert energy.joules == pytest.approx(watts * energy.seconds)
    assert energy.source == source
    assert module.clients == 0


def test_heat_is_that_of_jtop_and_throttling_that_of_the_tree(root: Path) -> None:
    with meter_of(StandinJtop(ORIN_NANO), root) as meter:
        pass
    heat = meter.heat()
    # The GPU is off.
    assert heat.celsius_at_start == heat.celsius_at_end == {"CPU": 45.1}
    assert heat.throttled is False


def test_the_power_mode(root: Path) -> None:
    with meter_of(StandinJtop(ORIN_NANO), root) as meter:
        state = meter.state()
    assert (state.mode, state.mode_id, state.clocks_locked) == ("MAXN_SUPER", 2, True)
    assert {"governor", "clocks_mhz", "max_clocks_mhz"} < state.not_measured.keys()


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (StandinJtop(ORIN_NANO, refuse=True), "ConnectionRefusedError: the service did not"),
        (StandinJtop(ORIN_NANO, news=1), "the jtop service tells nothing any more"),
        (StandinJtop({}), "the jtop service tells no power on this board"),
        (StandinJtop({"rail": {"VDD_IN": {}}}), "KeyError: 'power'"),
        (StandinJtop({"rail": {"VDD_IN": {"power": "nan"}}}), "VDD_IN: it told nan W"),
    ],
)
def test_a_service_that_goes_wrong_is_not_measured(
    root: Path, module: StandinJtop, reason: str
) -> None:
    with meter_of(module, root) as meter:
        pass
    assert meter.energy().joules is None
    assert reason in str(meter.energy().not_measured)
    assert sensor_threads() == []


def test_without_service_or_package(tmp_path: Path, root: Path) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}")

    empty = tmp_path / "empty"
    assert JtopSensor.find(empty) == f"the jtop service does not run: no {empty}/run/jtop.sock"
    assert JtopSensor.find(root, missing) == (
        "the Python package jtop (jetson-stats) cannot be imported: No module named 'jtop'"
    )
