"""A stand-in for Core ML itself, below coremltools: its classes and checks are the real ones.

It interprets the package's program, so that the pixels that come out are those of the package.
"""

import platform
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edge_mef.runtimes import mil
from edge_mef.runtimes.mil_ops import KNOWN
from edge_mef.runtimes.mil_package import quiet_coremltools, read_package
from edge_mef.runtimes.mil_program import MilProgram
from edge_mef.runtimes.phases import NO_CLOCK

NEWEST = 9  # specification version: iOS 18


class Mac:
    """What Core ML was asked for. `faults` makes "load", "predict" or "plan" fail with a text."""

    def __init__(self) -> None:
        self.loaded: list[tuple[str, str]] = []  # package, compute units
        self.predictions = self.plans = 0
        self.faults: dict[str, str] = {}
        self.mode = "RGBA"  # what images of 32 bits become in Python

    def fail(self, what: str) -> None:
        if what in self.faults:
            raise RuntimeError(self.faults[what])


class _Package:
    """What coremltools' C++ side is for one loaded package."""

    mac: Mac

    def __init__(
        self, filename: str, units: str, function: str, hints: dict[str, str], asset: Any
    ) -> None:
        assert (function, hints, asset) == ("", {}, None)
        self.mac.fail("load")
        self.mac.loaded.append((Path(filename).name, units))
        self.path = Path(filename)
        package = read_package(self.path, KNOWN)
        self.package, self.program = package, MilProgram(package.program)

    @staticmethod
    def maximum_supported_specification_version() -> int:
        return NEWEST

    def get_compiled_model_path(self) -> str:
        return str(self.path.with_suffix(".mlmodelc"))

    def predict(self, data: dict[str, Any], state: Any) -> dict[str, Any]:
        self.mac.fail("predict")
        self.mac.predictions += 1
        assert state is None
        frames = []
        for image in self.package.inputs:
            given = data[image.name]
            assert isinstance(given, Image.Image)
            assert given.mode == "RGB"
            assert (given.height, given.width) == image.size
            frames.append(np.asarray(given))
        loaded = mil._Loaded(self.path.name, self.package, self.program)
        fused = Image.fromarray(mil._run(loaded, frames, 1, NO_CLOCK))
        return {self.package.outputs[0].name: fused.convert(self.mac.mode)}

    @classmethod
    def get_compute_plan(cls, path: str, units: str) -> Any:
        cls.mac.fail("plan")
        cls.mac.plans += 1
        assert path.endswith(".mlmodelc")
        return _Plan(units)


class _Plan:
    """A plan of the real kind: 3 convolutions, a constant, and a loop with one more inside."""

    def __init__(self, units: str) -> None:
        from coremltools.models import compute_plan as plans

        def operation(name: str, *blocks: Any) -> Any:
            return plans.MLModelStructureProgramOperation({}, name, [], list(blocks), None)

        def block(*operations: Any) -> Any:
            return plans.MLModelStructureProgramBlock([], list(operations), [])

        inside = block(operation("conv"))
        main = block(*(operation(n) for n in ("const", "conv", "conv", "resize")))
        main.operations.append(operation("while_loop", inside))
        function = plans.MLModelStructureProgramFunction([], main)
        program = plans.MLModelStructureProgram({"main": function})
        self.model_structure, self._units = plans.MLModelStructure(None, program, None), units

    def get_compute_device_usage_for_mlprogram_operation(self, operation: Any) -> Any:
        from coremltools.models import compute_device as devices
        from coremltools.models.compute_plan import MLComputePlanDeviceUsage

        best = {
            "ALL": devices.MLNeuralEngineComputeDevice,
            "CPU_AND_NE": devices.MLNeuralEngineComputeDevice,
            "CPU_AND_GPU": devices.MLGPUComputeDevice,
            "CPU_ONLY": devices.MLCPUComputeDevice,
        }[self._units]
        if operation.operator_name == "const":
            return None
        kind = best if operation.operator_name == "conv" else devices.MLCPUComputeDevice
        return MLComputePlanDeviceUsage(object.__new__(kind), [])


def make_mac(monkeypatch: pytest.MonkeyPatch) -> Mac:
    """Put Core ML's stand-in below coremltools."""
    mac = Mac()
    proxy = type("_MLModelProxy", (_Package,), {"mac": mac})
    with quiet_coremltools(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from coremltools.models import compute_plan, model
    monkeypatch.setattr(model, "_MLModelProxy", proxy)
    monkeypatch.setattr(compute_plan, "_MLModelProxy", proxy)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "mac_ver", lambda: ("15.1", ("", "", ""), "arm64"))
    return mac
