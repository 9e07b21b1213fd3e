"""Heat of a run: both ends, what happened in between, and sources that fail."""

import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge_mef.benchmarks.sensors import heat as heat_module
from edge_mef.benchmarks.sensors.heat import HeatGauge, Snapshot, heat_of
from edge_mef.benchmarks.sensors.meter import open_meter
from tests.benchmarks.sensors.recorded_trees import ORIN_HEAT, PC_HEAT, cooling, hwmon, write_tree
from tests.benchmarks.sensors.standin_sensors import sensor_threads


def source(
    name: str, celsius: Mapping[str, float], throttling: frozenset[str] | None, **more: bool
) -> Any:
    return SimpleNamespace(
        name=name, celsius=lambda: celsius, throttling=lambda: throttling, **more
    )


def test_temperatures_of_both_ends(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, PC_HEAT)
    with open_meter(tree) as meter:
        write_tree(tree, {"sys/class/thermal/thermal_zone2/temp": "73500"})
    heat = meter.heat()
    assert heat.celsius_at_start["x86_pkg_temp"] == 51.0
    assert heat.celsius_at_end["x86_pkg_temp"] == 73.5
    assert (heat.throttled, heat.reasons, heat.not_measured) == (False, (), None)


def test_counters_tell_what_happened_between_two_looks(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, ORIN_HEAT)
    with open_meter(tree) as meter:
        write_tree(tree, hwmon(0, "soctherm_oc", oc1_event_cnt="0", oc3_event_cnt="6"))
    heat = meter.heat()
    assert heat.throttled
    assert heat.reasons == ("over-current oc3 (2 times)",)


def test_throttling_that_passes_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heat_module, "_INTERVAL", 0.01)
    tree = write_tree(tmp_path, ORIN_HEAT)
    with open_meter(tree) as meter:
        write_tree(tree, cooling(8, "cpu-throttle-alert", "1"))
        time.sleep(0.1)
        write_tree(tree, cooling(8, "cpu-throttle-alert", "0"))
        time.sleep(0.05)
    assert meter.heat().reasons == ("cpu-throttle-alert is slowed",)
    assert sensor_threads() == []


def test_sources_are_joined() -> None:
    gauge = HeatGauge(
        [
            source("gpu", {"gpu": 40.0}, frozenset({"power limit"})),
            source("zones", {"cpu": 50.0}, None),
        ]
    )
    gauge.start()
    gauge.stop()
    heat = gauge.reading()
    assert heat.celsius_at_end == {"gpu": 40.0, "cpu": 50.0}
    assert heat.reasons == ("power limit",)


def test_a_source_that_sees_all_is_not_repeated() -> None:
    zones = source("zones", {"cpu-thermal": 50.0}, frozenset())
    for celsius, expected in (({"CPU": 50.0}, {"CPU"}), ({}, {"cpu-thermal"})):
        gauge = HeatGauge([source("jtop", celsius, None, sees_all_heat=True), zones])
        gauge.start()
        gauge.stop()
        assert gauge.reading().celsius_at_start.keys() == expected
        assert gauge.reading().throttled is False


def test_a_source_that_fails_is_named() -> None:
    def fail() -> Mapping[str, float]:
        raise OSError("gone")

    broken = SimpleNamespace(name="gpu", celsius=fail, throttling=lambda: None)
    gauge = HeatGauge([broken, source("zones", {"cpu": 50.0}, frozenset())])
    gauge.start()
    gauge.stop()
    heat = gauge.reading()
    assert heat.celsius_at_end == {"cpu": 50.0}
    assert heat.not_measured == "not measured: gpu: OSError: gone"


def test_without_sources_nothing_is_measured() -> None:
    gauge = HeatGauge([], ["no thermal zone"])
    gauge.start()
    gauge.stop()
    heat = gauge.reading()
    assert heat.throttled is None
    assert heat.not_measured == "not measured: temperatures and throttling: no thermal zone"
    assert sensor_threads() == []


def test_one_gap_does_not_hide_the_rest() -> None:
    heat = heat_of([Snapshot({"cpu": 50.0}), Snapshot({"cpu": 60.0})], [])
    assert heat.celsius_at_end == {"cpu": 60.0}
    assert heat.throttled is None
    assert heat.not_measured == "not measured: throttling: nothing tells them"
    heat = heat_of([Snapshot(throttling=frozenset())], ["macOS gives none"])
    assert heat.throttled is False
    assert heat.not_measured == "not measured: temperatures: macOS gives none"
