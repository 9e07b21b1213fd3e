"""Where Core ML means to run a program: how many operations on which of its devices."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from edge_mef.runtimes.mil_package import FUNCTION, quiet_coremltools

_DEVICES = {
    "MLNeuralEngineComputeDevice": "the Neural Engine",
    "MLGPUComputeDevice": "the GPU",
    "MLCPUComputeDevice": "the CPU",
}


def operations_by_device(compiled: str, units: Any) -> str:
    """Return for people which devices Core ML prefers, of the compute units allowed.

    This is its plan, as MLComputePlan has it from macOS 14.4 and coremltools 8 on; where there is
    none, why. Operations without a device, such as constants, are not counted.

    Args:
        compiled: the folder `*.mlmodelc`.
        units: a coremltools.ComputeUnit.
    """
    try:
        with quiet_coremltools():
            from coremltools.models.compute_plan import MLComputePlan

            plan = MLComputePlan.load_from_path(path=compiled, compute_units=units)
            found = Counter(_preferred(plan))
    except Exception as error:  # an older system or coremltools: no common class
        return f"not told: {' '.join(str(error).split()) or type(error).__name__}"
    counts = [f"{count} on {device}" for device, count in found.most_common()]
    return ", ".join(counts) or "not told: the program has none"


def _preferred(plan: Any) -> Iterator[str]:
    block = plan.model_structure.program.functions[FUNCTION].block
    for operation in _operations(block):
        usage = plan.get_compute_device_usage_for_mlprogram_operation(operation)
        if usage is not None:
            kind = type(usage.preferred_compute_device).__name__
            yield _DEVICES.get(kind, kind)


def _operations(block: Any) -> Iterator[Any]:
    """Yield the operations of a block, and of the blocks inside of them."""
    for operation in block.operations:
        yield operation
        for inner in operation.blocks:
            yield from _operations(inner)
