"""tegrastats: lines of several boards, and a program that plays them, stops or hangs."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_mef.benchmarks.sensors import tegrastats
from edge_mef.benchmarks.sensors.jetson import whole_of
from edge_mef.benchmarks.sensors.meter import open_meter
from edge_mef.benchmarks.sensors.tegrastats import TegrastatsSensor, parse_celsius, parse_watts
from tests.benchmarks.sensors.recorded_trees import (
    AGX_ORIN_LINE,
    AGX_XAVIER_LINE,
    NANO_LINE,
    ORIN_NANO_LINE,
    write_tool,
)
from tests.benchmarks.sensors.standin_sensors import sensor_threads

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="tegrastats is a Linux program")
REPEAT = 'while :; do echo "{line}"; sleep 0.02; done'


@pytest.mark.parametrize(
    ("line", "watts", "total"),
    [
        (ORIN_NANO_LINE, {"VDD_IN": 4.988, "VDD_CPU_GPU_CV": 0.711, "VDD_SOC": 1.511}, 4.988),
        (
            AGX_ORIN_LINE,
            {
                "VDD_GPU_SOC": 2.34,
                "VDD_CPU_CV": 0.39,
                "VIN_SYS_5V0": 4.025,
                "VDDQ_VDD2_1V8AO": 0.301,
            },
            6.755,
        ),
        (
            AGX_XAVIER_LINE,
            {"GPU": 0.0, "CPU": 0.216, "SOC": 0.864, "CV": 0.0, "VDDRQ": 0.144, "SYS5V": 1.889},
            3.113,
        ),
        (NANO_LINE, {"POM_5V_IN": 2.545, "POM_5V_GPU": 0.0, "POM_5V_CPU": 0.549}, 2.545),
    ],
    ids=["Orin Nano", "AGX Orin", "AGX Xavier", "Nano"],
)
def test_power_in_a_line(line: str, watts: Mapping[str, float], total: float) -> None:
    found = parse_watts(line)
    assert found == pytest.approx(watts)
    assert sum(found[rail] for rail in whole_of(found)) == pytest.approx(total)


def test_temperatures_in_a_line() -> None:
    assert parse_celsius(ORIN_NANO_LINE)["gpu"] == 45.6
    # What is off (-256 C) has none.
    assert parse_celsius(AGX_ORIN_LINE) == {
        "CPU": 44.562, "Tboard": 32.0, "Tdiode": 33.0, "tj": 44.343
    }  # fmt: skip


def test_lines_without_power() -> None:
    assert parse_watts("") == {}
    assert parse_watts("RAM 1/2MB GR3D_FREQ 0% GPU@48C") == {}
    assert parse_watts("VDD_IN 12mW/") == {}


def test_energy_and_heat_of_a_run(tmp_path: Path) -> None:
    write_tool(tmp_path, "tegrastats", REPEAT.format(line=ORIN_NANO_LINE))
    with open_meter(tmp_path) as meter:
        time.sleep(0.2)
    energy, heat = meter.energy(), meter.heat()
    assert energy.source == "tegrastats (VDD_IN)"
    assert energy.joules == pytest.approx(4.988 * energy.seconds)
    assert heat.celsius_at_end["gpu"] == 45.6
    assert heat.throttled is None
    assert sensor_threads() == []


def test_the_interval_is_asked_for(tmp_path: Path) -> None:
    write_tool(tmp_path, "tegrastats", f'echo "$@" > {tmp_path}/words; exec sleep 9')
    sensor = TegrastatsSensor.find(tmp_path)
    assert isinstance(sensor, TegrastatsSensor)
    sensor.start()
    for _ in range(100):
        if (tmp_path / "words").exists() and (tmp_path / "words").read_text():
            break
        time.sleep(0.02)
    sensor.stop()
    sensor.stop()
    assert (tmp_path / "words").read_text() == "--interval 100\n"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (f'echo "{ORIN_NANO_LINE}"; exit 1', "ended before it was stopped"),
        ("exit 0", "ended before it was stopped"),
        (f'echo "{ORIN_NANO_LINE}"; sleep 9', "printed no line within 0.2 s"),
        ("sleep 9", "printed no line within 0.2 s"),
        (REPEAT.format(line="RAM 1/2MB"), "printed no power"),
        (REPEAT.format(line="VDD_IN -5mW/-5mW"), "VDD_IN: it told -0.005 W"),
    ],
    ids=["ends", "nothing", "hangs", "hangs at once", "no power", "negative"],
)
def test_a_program_that_goes_wrong_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setattr(tegrastats, "_PATIENCE", 0.2)
    write_tool(tmp_path, "tegrastats", script)
    with open_meter(tmp_path) as meter:
        time.sleep(0.05)
    assert meter.energy().joules is None
    assert reason in str(meter.energy().not_measured)
    assert sensor_threads() == []


def test_a_program_that_cannot_start_is_not_measured(tmp_path: Path) -> None:
    write_tool(tmp_path, "tegrastats", "").chmod(0o644)
    with open_meter(tmp_path) as meter:
        pass
    assert "could not be started: Permission denied" in str(meter.energy().not_measured)
