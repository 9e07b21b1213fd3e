"""INA3221: the rails of the boards, and files that go wrong."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_mef.benchmarks.sensors.ina3221 import Ina3221Sensor
from edge_mef.benchmarks.sensors.meter import open_meter
from tests.benchmarks.sensors.recorded_trees import (
    AGX_ORIN,
    AGX_THOR,
    ORIN_NANO,
    Tree,
    hwmon,
    rails,
    write_tree,
)

INPUT = "sys/class/hwmon/hwmon1/curr1_input"


@pytest.mark.parametrize(
    ("tree", "watts", "whole"),
    [
        (ORIN_NANO, {"VDD_IN": 5.0, "VDD_CPU_GPU_CV": 1.0, "VDD_SOC": 1.5}, ("VDD_IN",)),
        (
            AGX_ORIN,
            {"VDD_GPU_SOC": 2.4, "VDD_CPU_CV": 0.4, "VIN_SYS_5V0": 4.0, "VDDQ_VDD2_1V8AO": 0.3},
            ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),
        ),
        (
            AGX_THOR,
            {"VDD_GPU": -0.392, "VDD_CPU_SOC_MSS": 3.92, "VIN_SYS_5V0": 6.5, "VIN": 23.0},
            ("VIN",),
        ),
    ],
    ids=["Orin Nano", "AGX Orin", "AGX Thor"],
)
def test_rails_of_a_board(
    tmp_path: Path, tree: Tree, watts: Mapping[str, float], whole: tuple[str, ...]
) -> None:
    sensor = Ina3221Sensor.find(write_tree(tmp_path, tree))
    assert isinstance(sensor, Ina3221Sensor)
    assert sensor.watts() == pytest.approx(watts)
    assert sensor.whole(list(watts)) == whole


def test_power_is_integrated(tmp_path: Path) -> None:
    with open_meter(write_tree(tmp_path, ORIN_NANO)) as meter:
        time.sleep(0.15)
    energy = meter.energy()
    assert energy.source == "INA3221 (VDD_IN)"
    assert energy.seconds >= 0.15
    assert energy.joules == pytest.approx(5.0 * energy.seconds)
    assert energy.watts == pytest.approx(5.0)
    assert energy.rails["VDD_SOC"] == pytest.approx(1.5 * energy.seconds)
    assert energy.not_measured is None


def test_a_rail_below_zero_is_left_out_and_named(tmp_path: Path) -> None:
    with open_meter(write_tree(tmp_path, AGX_THOR)) as meter:
        pass
    energy = meter.energy()
    assert energy.joules == pytest.approx(23.0 * energy.seconds)
    assert "VDD_GPU" not in energy.rails
    assert energy.not_measured == "not measured: VDD_GPU: it told -0.392 W"


def test_a_whole_below_zero_is_not_measured(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, ORIN_NANO)
    with open_meter(tree) as meter:
        (tree / INPUT).write_text("-3\n")
    assert meter.energy().joules is None
    assert meter.energy().not_measured == "not measured: VDD_IN: it told -0.015 W"
    assert "VDD_SOC" in meter.energy().rails


@pytest.mark.parametrize(
    ("text", "reason"),
    [(None, "is not there"), ("nan\n", "where a number"), ("twelve\n", "where a number")],
)
def test_a_file_that_goes_wrong_is_not_measured(
    tmp_path: Path, text: str | None, reason: str
) -> None:
    tree = write_tree(tmp_path, ORIN_NANO)
    with open_meter(tree) as meter:
        (tree / INPUT).unlink() if text is None else (tree / INPUT).write_text(text)
    energy = meter.energy()
    assert energy.joules is None
    assert energy.rails == {}
    assert reason in str(energy.not_measured)


def test_an_unknown_board_has_no_whole(tmp_path: Path) -> None:
    reason = Ina3221Sensor.find(write_tree(tmp_path, rails(0, VDD_X=(5000, 10))))
    assert reason == "the rails VDD_X are not the whole of a board known here"


def test_without_the_chip_there_is_no_sensor(tmp_path: Path) -> None:
    write_tree(tmp_path, hwmon(0, "nvme", temp1_input="40000"))
    assert Ina3221Sensor.find(tmp_path) == f"no rails of an INA3221 in {tmp_path}/sys/class/hwmon"
