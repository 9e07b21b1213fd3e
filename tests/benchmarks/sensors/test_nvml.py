"""NVML: energy counters and their absence, throttle reasons, clocks; with a stand-in for pynvml."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_mef.benchmarks.sensors.meter import Meter, open_meter
from edge_mef.benchmarks.sensors.nvml import NvmlCounter, NvmlPower, find_nvml, throttle_reasons
from tests.benchmarks.sensors.standin_sensors import StandinNvml

ENERGY = "nvmlDeviceGetTotalEnergyConsumption"
POWER = "nvmlDeviceGetPowerUsage"


def importing(nvml: StandinNvml) -> Callable[[str], Any]:
    return {"pynvml": nvml}.__getitem__


def meter_of(nvml: StandinNvml, root: Path) -> Meter:
    return open_meter(
        root, sensors={"nvml": lambda root: find_nvml(root, importer=importing(nvml))}
    )


def test_energy_is_counted(tmp_path: Path) -> None:
    nvml = StandinNvml()
    with meter_of(nvml, tmp_path) as meter:
        nvml.millijoules += 2_500
    energy = meter.energy()
    assert energy.joules == pytest.approx(2.5)
    assert energy.source == "NVML, GPU 0 (Standin 1000) (gpu)"
    assert nvml.opened == 0


def test_energy_that_runs_backwards_is_not_measured(tmp_path: Path) -> None:
    nvml = StandinNvml()
    with meter_of(nvml, tmp_path) as meter:
        nvml.millijoules = 10  # the driver was loaded anew
    assert meter.energy().joules is None
    assert meter.energy().not_measured == "not measured: gpu: its counter ran backwards"


def test_power_is_the_second_choice(tmp_path: Path) -> None:
    nvml = StandinNvml(refuse=[ENERGY], label=b"Standin 900")
    assert isinstance(find_nvml(tmp_path, importer=importing(nvml)), NvmlPower)
    with meter_of(nvml, tmp_path) as meter:
        pass
    energy = meter.energy()
    assert energy.joules == pytest.approx(75.5 * energy.seconds)
    assert energy.source == "NVML, GPU 0 (Standin 900) (gpu)"
    assert nvml.opened == 0


def test_heat_and_throttling(tmp_path: Path) -> None:
    nvml = StandinNvml()
    with meter_of(nvml, tmp_path) as meter:
        before = meter.heat()
        nvml.bits = 0x1 | 0x4 | 0x40
    after = meter.heat()
    assert before.celsius_at_start == {"gpu": 41.0}
    assert (before.throttled, before.reasons, before.not_measured) == (False, (), None)
    assert after.throttled
    assert after.reasons == ("hardware thermal slowdown", "power limit")


def test_throttle_reasons() -> None:
    # Idle, clocks that were set, waiting for another GPU, and the display hold nothing down.
    assert throttle_reasons(0x1 | 0x2 | 0x10 | 0x100) == frozenset()
    assert throttle_reasons(0x8 | 0x20) == {"hardware slowdown", "software thermal slowdown"}
    assert throttle_reasons(0x80) == {"power brake"}


def test_older_packages_have_another_name_for_reasons() -> None:
    nvml = StandinNvml()
    nvml.nvmlDeviceGetCurrentClocksThrottleReasons = nvml.nvmlDeviceGetCurrentClocksEventReasons
    del nvml.nvmlDeviceGetCurrentClocksEventReasons
    nvml.bits = 0x20
    sensor = find_nvml(importer=importing(nvml))
    assert isinstance(sensor, NvmlCounter)
    sensor.start()
    assert sensor.throttling() == frozenset({"software thermal slowdown"})


def test_clocks_and_limits(tmp_path: Path) -> None:
    with meter_of(StandinNvml(), tmp_path) as meter:
        state = meter.state()
    assert state.clocks_mhz == {"gpu": 210.0, "gpu memory": 405.0}
    assert state.max_clocks_mhz == {"gpu": 1980.0, "gpu memory": 2619.0}
    assert state.power_limit_watts == 700.0
    assert state.persistence is True


def test_what_nvml_refuses_stays_unknown(tmp_path: Path) -> None:
    nvml = StandinNvml(refuse=["nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetTemperature"])
    with meter_of(nvml, tmp_path) as meter:
        nvml.millijoules += 10
    assert meter.state().power_limit_watts is None
    assert meter.state().persistence is True
    assert meter.energy().joules == pytest.approx(0.01)
    assert meter.heat().celsius_at_end == {}
    assert "NVMLError: Not Supported" in str(meter.heat().not_measured)


def test_a_gpu_that_tells_nothing() -> None:
    nvml = StandinNvml(refuse=[ENERGY, POWER])
    assert find_nvml(importer=importing(nvml)) == "NVML, GPU 0: NVMLError: Not Supported"
    assert nvml.opened == 0


def test_a_gpu_that_is_not_there() -> None:
    nvml = StandinNvml()
    found = find_nvml(index=3, importer=importing(nvml))
    assert found == "NVML, GPU 3: NVMLError: Invalid Argument"
    assert nvml.opened == 0


def test_without_the_package_or_for_another_tree(tmp_path: Path) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}")

    found = find_nvml(importer=missing)
    assert found == (
        "the Python package pynvml (pip install nvidia-ml-py) cannot be imported: "
        "No module named 'pynvml'"
    )
    assert find_nvml(tmp_path) == f"the driver of this machine does not belong to {tmp_path}"
