"""RAPL: which zones count, the counters' way around, and counters that only root may read."""

from pathlib import Path

import pytest

from edge_mef.benchmarks.sensors.meter import open_meter
from edge_mef.benchmarks.sensors.rapl import RaplSensor
from edge_mef.benchmarks.sensors.readings import EnergyReading
from tests.benchmarks.sensors.recorded_trees import RAPL, write_tree

ZONES = "sys/class/powercap/intel-rapl:"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path, RAPL)


def found(root: Path) -> RaplSensor:
    sensor = RaplSensor.find(root)
    assert isinstance(sensor, RaplSensor)
    return sensor


def set_counters(tree: Path, **microjoules: int) -> None:
    for zone, value in microjoules.items():
        (tree / f"{ZONES}{zone[1:].replace('_', ':')}/energy_uj").write_text(f"{value}\n")


def test_every_zone_is_read_once(tree: Path) -> None:
    counters = found(tree).counters()
    assert {name: counter.joules for name, counter in counters.items()} == {
        "package-0": 262143.0,
        "package-0 core": 100.0,
        "package-0 dram": 5.0,
        "package-1": 7.0,
        "package-1 core": 0.0,
    }
    assert counters["package-0 dram"].wraps_at == pytest.approx(65712.999613)


def test_the_whole_is_the_packages(tree: Path) -> None:
    sensor = found(tree)
    assert sensor.whole(list(sensor.counters())) == ("package-0", "package-1")


def test_energy_goes_on_where_a_counter_starts_again(tree: Path) -> None:
    with open_meter(tree) as meter:
        # 0.328850 J to the end of the first, and 2 J from there; the second goes on by 3 J.
        set_counters(tree, z0=2_000_000, z1=10_000_000, z0_0=100_500_000, z0_1=5_250_000)
    energy = meter.energy()
    assert energy.joules == pytest.approx(2.32885 + 3.0)
    assert energy.rails == pytest.approx(
        {
            "package-0": 2.32885,
            "package-0 core": 0.5,
            "package-0 dram": 0.25,
            "package-1": 3.0,
            "package-1 core": 0.0,
        }
    )
    assert energy.source == "RAPL (package-0 + package-1)"
    assert energy.not_measured is None
    assert energy.seconds > 0


def test_a_counter_that_was_set_back_is_not_measured(tree: Path) -> None:
    with open_meter(tree) as meter:
        set_counters(tree, z0=262_143_100_000, z1=1_000_000)
    energy = meter.energy()
    assert energy.joules is None
    assert energy.not_measured is not None
    assert "package-1: its counter jumped by 262137 J" in energy.not_measured
    assert energy.rails["package-0"] == pytest.approx(0.1)


def test_counters_that_stand_still_are_not_zero_joules(tree: Path) -> None:
    with open_meter(tree) as meter:
        pass
    energy = meter.energy()
    assert energy.joules is None
    assert "no energy was counted" in str(energy.not_measured)


@pytest.mark.parametrize("text", ["NaN", "-", "", "inf"])
def test_a_counter_without_a_number_is_not_measured(tree: Path, text: str) -> None:
    with open_meter(tree) as meter:
        (tree / f"{ZONES}0/energy_uj").write_text(text)
    energy: EnergyReading = meter.energy()
    assert energy.joules is None
    assert "where a number was expected" in str(energy.not_measured)


def test_a_counter_that_disappears_is_not_measured(tree: Path) -> None:
    with open_meter(tree) as meter:
        (tree / f"{ZONES}1/energy_uj").unlink()
    assert meter.energy().joules is None
    assert "is not there" in str(meter.energy().not_measured)


def test_counters_for_root_only_are_said_to_be(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Path.read_text

    def refuse(path: Path, *arguments: object, **options: object) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return read(path, encoding="utf-8")

    monkeypatch.setattr(Path, "read_text", refuse)
    reason = RaplSensor.find(tree)
    assert isinstance(reason, str)
    assert reason.startswith(f"{tree / ZONES}0/energy_uj is readable by root only")
    with open_meter(tree) as meter:
        pass
    assert meter.energy().joules is None
    assert "readable by root only" in str(meter.energy().not_measured)


def test_a_zone_that_cannot_be_read_leaves_the_others(tree: Path) -> None:
    (tree / f"{ZONES}0:1/energy_uj").unlink()
    assert "package-0 dram" not in found(tree).counters()
    assert "package-0" in found(tree).counters()


@pytest.mark.parametrize("keep", ["", "psys"])
def test_without_a_package_there_is_no_sensor(tmp_path: Path, keep: str) -> None:
    if keep:
        write_tree(tmp_path, {f"{ZONES}0/name": keep, f"{ZONES}0/energy_uj": "1"})
    assert RaplSensor.find(tmp_path) == f"no RAPL package in {tmp_path / 'sys/class/powercap'}"
