"""The targets that a pipeline can be exported to, as one table."""

import importlib.util
from dataclasses import dataclass

from edge_mef.errors import InputError, missing_extra
from edge_mef.manifest import Format


@dataclass(frozen=True)
class TargetRow:
    """One target: what it makes, and the packages that make it.

    `module` has `convert(conversion: Conversion) -> list[Artefact]`, what the target adds to the
    ONNX models that every bundle holds; None adds nothing. `format` is what manifests call it.
    """

    name: str
    format: Format
    summary: str
    packages: tuple[str, ...]
    extra: str
    module: str | None = None


_ALWAYS = ("torch", "onnx", "onnxscript", "onnxsim")

TARGETS: dict[str, TargetRow] = {
    row.name: row
    for row in (
        TargetRow(
            name="onnx",
            format="onnx",
            summary="a portable ONNX model, run by ONNX Runtime",
            packages=_ALWAYS,
            extra="export",
        ),
        TargetRow(
            name="openvino",
            format="openvino",
            summary="an OpenVINO model, for Intel processors",
            packages=(*_ALWAYS, "openvino"),
            extra="export,openvino",
            module="edge_mef.export.openvino",
        ),
        TargetRow(
            name="trt",
            format="tensorrt",
            summary="a model for TensorRT; its engine is built on the device, on first use",
            packages=_ALWAYS,
            extra="export",
            module="edge_mef.export.tensorrt",
        ),
        TargetRow(
            name="coreml",
            format="coreml",
            summary="Core ML packages for iOS and macOS, with images in and out",
            packages=(*_ALWAYS, "coremltools"),
            extra="export",
            module="edge_mef.export.coreml",
        ),
    )
}


def missing_package(row: TargetRow) -> str | None:
    """Return the first package that the target lacks here, or None."""
    return next((p for p in row.packages if importlib.util.find_spec(p) is None), None)


def check_target(name: str) -> TargetRow:
    """Return a target's row.

    Raises:
        InputError: there is no such target.
        MissingError: a package that makes it is not installed.
    """
    if name not in TARGETS:
        raise InputError(f"there is no target called '{name}'; known are: {', '.join(TARGETS)}")
    row = TARGETS[name]
    package = missing_package(row)
    if package is not None:
        raise missing_extra(f"the target '{name}'", package, row.extra)
    return row
