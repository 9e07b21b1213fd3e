"""The thermal tree: zones that are off, what counts as throttling, and counters of it."""

from pathlib import Path

import pytest

from edge_mef.benchmarks.sensors.thermal import ThermalTree
from tests.benchmarks.sensors.recorded_trees import (
    ORIN_HEAT,
    PC_HEAT,
    Tree,
    cooling,
    hwmon,
    write_tree,
    zone,
)


def tree_of(root: Path, tree: Tree) -> ThermalTree:
    found = ThermalTree.find(write_tree(root, tree))
    assert isinstance(found, ThermalTree)
    return found


def test_zones_that_are_off_have_no_temperature(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, ORIN_HEAT)
    assert tree.celsius() == {"cpu-thermal": 45.093, "tj-thermal": 45.6}


def test_a_pc_has_processors_and_two_zones_of_a_kind(tmp_path: Path) -> None:
    assert tree_of(tmp_path, PC_HEAT).celsius() == {
        "acpitz": 27.8,
        "acpitz 2": 29.8,
        "x86_pkg_temp": 51.0,
        "k10temp Tctl": 54.125,
    }


@pytest.mark.parametrize("tree", [ORIN_HEAT, PC_HEAT], ids=["Orin", "PC"])
def test_nothing_is_slowed_at_rest(tmp_path: Path, tree: Tree) -> None:
    # Fans, hot cases, offsets and trips that are switched off do not count.
    assert tree_of(tmp_path, tree).throttling() == frozenset()


@pytest.mark.parametrize(
    "kind",
    [
        "cpufreq-cpu0",
        "thermal-cpufreq-0",
        "devfreq-17000000.gpu",
        "thermal-devfreq-0",
        "Processor",
        "intel_powerclamp",
        "gpu-throttle-alert",
    ],
)
def test_cooling_at_work_is_throttling(tmp_path: Path, kind: str) -> None:
    tree = tree_of(tmp_path, cooling(0, kind, "2"))
    assert tree.throttling() == frozenset({f"{kind} is slowed"})


def test_a_passive_trip_is_throttling(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, ORIN_HEAT)
    write_tree(tmp_path, zone(0, "cpu-thermal", "99000"))
    assert tree.throttling() == frozenset({"cpu-thermal reached 99 °C"})
    # The fan starts at 51 °C in the zone tj, which slows nothing.
    write_tree(tmp_path, zone(0, "cpu-thermal", "98900") | zone(10, "tj-thermal", "60000"))
    assert tree.throttling() == frozenset()


def test_throttling_is_counted(tmp_path: Path) -> None:
    assert tree_of(tmp_path / "orin", ORIN_HEAT).events() == {
        "over-current oc1": 0,
        "over-current oc3": 4,
    }
    assert tree_of(tmp_path / "pc", PC_HEAT).events() == {
        "cpu0 core too hot": 3,
        "cpu0 package too hot": 12,
    }


def test_where_nothing_tells_throttling_is_unknown(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, zone(0, "acpitz", "30000") | cooling(0, "Fan", "1"))
    assert tree.throttling() is None


def test_files_that_vanish_or_hold_no_number_are_left_out(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, ORIN_HEAT)
    (tmp_path / "sys/class/thermal/thermal_zone0/temp").unlink()
    (tmp_path / "sys/class/thermal/cooling_device8/cur_state").write_text("\n")
    (tmp_path / "sys/class/hwmon/hwmon0/oc1_event_cnt").write_text("nan\n")
    assert tree.celsius() == {"tj-thermal": 45.6}
    assert tree.throttling() == frozenset()
    assert tree.events() == {"over-current oc3": 4}


def test_a_tree_without_heat(tmp_path: Path) -> None:
    write_tree(tmp_path, hwmon(0, "nvme", temp1_input="40000"))
    assert ThermalTree.find(tmp_path) == f"no thermal zone in {tmp_path}/sys/class/thermal"
