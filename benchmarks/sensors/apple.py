"""What macOS tells without root: the thermal state, and the compute plan of a Core ML model.

Energy and temperatures it gives to root only (`powermetrics`), so that they are not measured.
"""

import importlib
import platform
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from typing_extensions import Self

from edge_mef.benchmarks.sensors.sensor import NotMeasuredError, reason_of
from edge_mef.benchmarks.sensors.tools import Runner, run_tool

Importer = Callable[[str], Any]
_STATES = ("nominal", "fair", "serious", "critical")  # of NSProcessInfoThermalState, from 0
_SLOWED = 2  # from "serious" on macOS says that performance suffers
_LIMIT = re.compile(r"CPU_(Speed|Scheduler)_Limit\s*=\s*(\d+)")
_LEVEL = re.compile(r"(thermal|performance) warning level\D*(\d+)", re.IGNORECASE)
_NO_WARNING = "No thermal warning level has been recorded"


class AppleHeat:
    """Whether macOS slows down: its thermal state with pyobjc, else `pmset -g therm`."""

    name = "macOS"

    def __init__(self, ask: Callable[[], frozenset[str]]) -> None:
        self._ask = ask

    @classmethod
    def find(
        cls,
        root: Path = Path("/"),
        *,
        system: str | None = None,
        importer: Importer = importlib.import_module,
        run: Runner = run_tool,
    ) -> Self | str:
        """Return the source on a Mac, or say that this is none."""
        if (system or platform.system()) != "Darwin" or root != Path("/"):
            return "not macOS"
        try:
            info = importer("Foundation").NSProcessInfo.processInfo()
        except Exception:
            # pyobjc is not there, or not whole; pmset is part of the system.
            return cls(lambda: parse_pmset(run(("pmset", "-g", "therm"))))
        return cls(lambda: thermal_state(int(info.thermalState())))

    def celsius(self) -> Mapping[str, float]:
        """Return none: macOS gives temperatures to root only."""
        return {}

    def throttling(self) -> frozenset[str] | None:
        """Return why clocks are held down right now."""
        return self._ask()


def thermal_state(number: int) -> frozenset[str]:
    """Return what the number of a thermal state says about throttling."""
    if not 0 <= number < len(_STATES):
        raise NotMeasuredError(f"macOS told the thermal state {number}, which is not known here")
    return frozenset({f"thermal state {_STATES[number]}"} if number >= _SLOWED else ())


def parse_pmset(text: str) -> frozenset[str]:
    """Return what `pmset -g therm` says about throttling."""
    limits = {kind: int(percent) for kind, percent in _LIMIT.findall(text)}
    levels = {kind.lower(): int(level) for kind, level in _LEVEL.findall(text)}
    if not limits and not levels and _NO_WARNING not in text:
        raise NotMeasuredError(f"pmset told no thermal state: {text[:60]!r}")
    slowed = {f"CPU {kind.lower()} limit {n} %" for kind, n in limits.items() if n < 100}
    return frozenset(slowed | {f"{kind} warning {n}" for kind, n in levels.items() if n > 0})


class ComputePlan(BaseModel):
    """Where Core ML would run a model on this Mac.

    Attributes:
        operations: how many operations prefer a device (cpu, gpu, neural engine).
        cost: their share of the estimated work, 0 to 1.
        not_measured: why both are empty.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    operations: dict[str, int] = {}
    cost: dict[str, float] = {}
    not_measured: str | None = None


def read_compute_plan(
    compiled: Path, *, system: str | None = None, importer: Importer = importlib.import_module
) -> ComputePlan:
    """Return the compute plan of a compiled model (.mlmodelc); an error becomes the reason.

    It is Core ML's estimate before the run, by `MLComputePlan` of coremltools (macOS 14.4).
    """
    if (system or platform.system()) != "Darwin":
        return ComputePlan(not_measured="not measured: a compute plan needs macOS")
    try:
        module = importer("coremltools.models.compute_plan")
        return _sum_up(module.MLComputePlan.load_from_path(str(compiled)))
    except Exception as error:
        return ComputePlan(not_measured=f"not measured: {reason_of(error)}")


def _sum_up(plan: Any) -> ComputePlan:
    operations: Counter[str] = Counter()
    cost: dict[str, float] = {}
    program = plan.model_structure.program
    if program is None:
        raise NotMeasuredError("the model is no ML program")
    for operation in program.functions["main"].block.operations:
        usage = plan.get_compute_device_usage_for_mlprogram_operation(operation)
        if usage is None:
            continue  # constants run nowhere
        device = _device(usage.preferred_compute_device)
        operations[device] += 1
        share = plan.get_estimated_cost_for_mlprogram_operation(operation)
        cost[device] = cost.get(device, 0.0) + (0.0 if share is None else share.weight)
    if not operations:
        raise NotMeasuredError("the plan names no device")
    return ComputePlan(operations=dict(operations), cost=cost)


def _device(device: Any) -> str:
    """Return the name of a device: its class in coremltools is MLCPUComputeDevice and so on."""
    kind = type(device).__name__.removeprefix("ML").removesuffix("ComputeDevice")
    return {"CPU": "cpu", "GPU": "gpu", "NeuralEngine": "neural engine"}.get(kind, kind)
