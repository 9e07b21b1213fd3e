"""macOS: thermal states and pmset's words, and the compute plan, with stand-ins for both."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge_mef.benchmarks.sensors.apple import (
    AppleHeat,
    parse_pmset,
    read_compute_plan,
    thermal_state,
)
from edge_mef.benchmarks.sensors.sensor import NotMeasuredError

COOL = (
    "Note: No thermal warning level has been recorded\n"
    "Note: No performance warning level has been recorded\n"
    "Note: No CPU power status has been recorded\n"
)
HOT = """2026-11-22 07:30:04 +0000 CPU Power notify
\tCPU_Scheduler_Limit \t= 100
\tCPU_Available_CPUs \t= 8
\tCPU_Speed_Limit \t= 63
"""


def missing(name: str) -> Any:
    raise ModuleNotFoundError(name)


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (COOL, set()),
        (HOT, {"CPU speed limit 63 %"}),
        (HOT.replace("63", "100"), set()),
        (COOL.replace("No thermal warning level has been recorded", "Thermal warning level = 2"),
         {"thermal warning 2"}),
        (COOL.replace("No thermal warning level has been recorded", "Thermal warning level = 0"),
         set()),
    ],
)  # fmt: skip
def test_words_of_pmset(text: str, reasons: set[str]) -> None:
    assert parse_pmset(text) == reasons


def test_words_that_are_not_known_are_not_measured() -> None:
    with pytest.raises(NotMeasuredError, match="no thermal state: 'usage'"):
        parse_pmset("usage")


def test_thermal_states() -> None:
    assert [sorted(thermal_state(number)) for number in range(4)] == [
        [], [], ["thermal state serious"], ["thermal state critical"]
    ]  # fmt: skip
    with pytest.raises(NotMeasuredError, match="state 9"):
        thermal_state(9)


def test_pyobjc_comes_first() -> None:
    info = SimpleNamespace(processInfo=lambda: SimpleNamespace(thermalState=lambda: 3))
    modules = {"Foundation": SimpleNamespace(NSProcessInfo=info)}
    heat = AppleHeat.find(system="Darwin", importer=modules.__getitem__)
    assert isinstance(heat, AppleHeat)
    assert heat.throttling() == frozenset({"thermal state critical"})
    assert heat.celsius() == {}


def test_pmset_is_asked_without_pyobjc() -> None:
    asked: list[Sequence[str]] = []

    def run(words: Sequence[str]) -> str:
        asked.append(words)
        return HOT

    heat = AppleHeat.find(system="Darwin", importer=missing, run=run)
    assert isinstance(heat, AppleHeat)
    assert heat.throttling() == frozenset({"CPU speed limit 63 %"})
    assert asked == [("pmset", "-g", "therm")]


def test_other_systems_and_trees_are_no_mac(tmp_path: Path) -> None:
    assert AppleHeat.find(system="Linux") == "not macOS"
    assert AppleHeat.find(tmp_path, system="Darwin") == "not macOS"


class MLNeuralEngineComputeDevice:
    pass


class MLCPUComputeDevice:
    pass


class StandinPlan:
    """A plan of operations, each (device or None, cost or None)."""

    def __init__(self, operations: Sequence[tuple[object, float | None]]) -> None:
        block = SimpleNamespace(operations=operations)
        program = SimpleNamespace(functions={"main": SimpleNamespace(block=block)})
        self.model_structure = SimpleNamespace(program=program)

    def get_compute_device_usage_for_mlprogram_operation(self, operation: Any) -> Any:
        device = operation[0]
        return None if device is None else SimpleNamespace(preferred_compute_device=device)

    def get_estimated_cost_for_mlprogram_operation(self, operation: Any) -> Any:
        return None if operation[1] is None else SimpleNamespace(weight=operation[1])


def plan_module(plan: StandinPlan) -> Any:
    loader = SimpleNamespace(load_from_path=lambda path: plan)
    return {"coremltools.models.compute_plan": SimpleNamespace(MLComputePlan=loader)}.__getitem__


def test_the_compute_plan_is_summed_up() -> None:
    engine, cpu = MLNeuralEngineComputeDevice(), MLCPUComputeDevice()
    plan = StandinPlan([(None, None), (engine, 0.5), (cpu, 0.25), (engine, 0.25), (cpu, None)])
    found = read_compute_plan(Path("m.mlmodelc"), system="Darwin", importer=plan_module(plan))
    assert found.operations == {"neural engine": 2, "cpu": 2}
    assert found.cost == {"neural engine": 0.75, "cpu": 0.25}
    assert found.not_measured is None


def test_plans_that_cannot_be_read_say_why() -> None:
    model = Path("m.mlmodelc")
    assert read_compute_plan(model, system="Linux").not_measured == (
        "not measured: a compute plan needs macOS"
    )
    without = read_compute_plan(model, system="Darwin", importer=missing)
    assert "ModuleNotFoundError: coremltools.models.compute_plan" in str(without.not_measured)
    empty = plan_module(StandinPlan([(None, None)]))
    named = read_compute_plan(model, system="Darwin", importer=empty)
    assert named.not_measured == "not measured: the plan names no device"
    assert named.operations == {}
