"""Pipeline to OpenVINO: every ONNX model as an intermediate representation, an IR, of its own.

An IR is two files, NAME.xml with the graph and NAME.bin with the weights. Precision is that of the
ONNX model, nothing is compressed: fp16 stays fp16, and in int8 the weights stay int8 between
explicit dequantizations, which OpenVINO's plugins turn into int8 convolutions.
"""

from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from edge_mef.contract import FusionContract
from edge_mef.errors import GateError
from edge_mef.export.artefacts import Artefact, Conversion
from edge_mef.export.temporary import conversion_folder
from edge_mef.manifest import ArtefactEntry, Precision, PrecisionProof, Role
from edge_mef.runtimes.openvino import reason
from edge_mef.runtimes.quiet_openvino import import_openvino
from edge_mef.stages import ANALYSIS_FILE, VIEW_FILE, WEIGHTS_FILE

_ROLES: dict[str, Role] = {
    "model.onnx": "pipeline",
    VIEW_FILE: "view",
    ANALYSIS_FILE: "analysis",
    WEIGHTS_FILE: "weights",
}
_CONVOLUTIONS = ("Convolution", "GroupConvolution", "ConvolutionBackpropData")
_DEQUANTIZING = ("Multiply", "Subtract", "Convert", "Reshape")


def convert(conversion: Conversion) -> list[Artefact]:
    """Convert every ONNX model.

    Raises:
        GateError: OpenVINO cannot convert a model, or what came out is not of the sizes or the
            precision that were asked for.
        OutputError: the disk of the temporary folder is full.
    """
    with conversion_folder() as folder:
        return [
            _convert(conversion, name, data, folder) for name, data in conversion.portable.items()
        ]


def _convert(conversion: Conversion, name: str, data: bytes, folder: Path) -> Artefact:
    (folder / name).write_bytes(data)
    role = _ROLES.get(name, "application")
    xml = (folder / name).with_suffix(".xml")
    model = _write_ir(folder / name, xml)
    if role == "pipeline":
        check_sizes(model, conversion.contract)
    entry = ArtefactEntry(
        format="openvino",
        file=xml.name,
        role=role,
        exposures=_exposures(model) if role in ("pipeline", "application") else None,
        precision=conversion.precision if role in ("pipeline", "analysis") else "fp32",
        version=int(ElementTree.parse(xml).getroot().attrib["version"]),
        operators=_operators(model),
        proof=prove(model, conversion.precision) if role in ("pipeline", "analysis") else None,
    )
    files = {path.name: path.read_bytes() for path in (xml, xml.with_suffix(".bin"))}
    return Artefact(entry, files)


def _write_ir(source: Path, target: Path) -> Any:
    """Convert an ONNX file to an IR and return the model as it is read back."""
    openvino = import_openvino()
    core = openvino.Core()
    try:
        # Not `openvino.convert_model`: that reports to Intel what was converted.
        model = core.read_model(str(source))
        _number_names(model, source.stem)
        openvino.save_model(model, str(target), compress_to_fp16=False)
        return core.read_model(str(target))
    except Exception as error:  # it raises plain RuntimeError
        raise GateError(f"OpenVINO cannot convert {source.name}: {reason(error)}") from error


def _number_names(model: Any, name: str) -> None:
    """Name operations by their place: OpenVINO counts them over all that a process converts."""
    model.set_friendly_name(name)
    for index, node in enumerate(model.get_ordered_ops()):
        if node.get_type_name() not in ("Parameter", "Result"):
            node.set_friendly_name(f"{node.get_type_name()}_{index}")


def check_sizes(model: Any, contract: FusionContract) -> None:
    """Raise `GateError` unless the pipeline's inputs have the contract's names and sizes."""
    sizes = (contract.height or -1, contract.width or -1)
    expected = dict.fromkeys(contract.inputs, (1, *sizes, 3))
    found = {
        value.get_any_name(): tuple(
            d.get_length() if d.is_static else -1 for d in value.get_partial_shape()
        )
        for value in model.inputs
    }
    if found != expected:
        raise GateError(f"expected OpenVINO inputs {expected} (-1: any size), found {found}")


def prove(model: Any, precision: Precision) -> PrecisionProof:
    """Count what an IR's convolutions compute in.

    A convolution is int8 where its input comes from a quantization to 8 bits and its weights are
    stored in 8 bits.

    Raises:
        GateError: none computes in the precision asked for, or some in a shorter one.
    """
    quantizations: set[str] = set()
    counts: Counter[str] = Counter()
    for node in model.get_ordered_ops():
        if node.get_type_name() not in _CONVOLUTIONS:
            continue
        values, weights = (_stored(node.input_value(index).get_node()) for index in (0, 1))
        if values.get_type_name() == "FakeQuantize" and _is_short(weights):
            counts["int8"] += 1
            quantizations.add(values.get_friendly_name())
        else:
            half = node.get_input_element_type(0).get_type_name() == "f16"
            counts["fp16" if half else "fp32"] += 1
    proof = PrecisionProof(pairs=len(quantizations), **counts)
    if not proof.honours(precision):
        raise GateError(f"expected convolutions in {precision} in the IR, found {proof.text}")
    return proof


def _stored(node: Any) -> Any:
    """Follow dequantized values back to what quantized them, or to the constant stored."""
    while node.get_type_name() in _DEQUANTIZING:
        node = node.input_value(0).get_node()
    return node


def _is_short(node: Any) -> bool:
    types = ("i8", "u8")
    return node.get_type_name() == "Constant" and (
        node.get_output_element_type(0).get_type_name() in types
    )


def _operators(model: Any) -> dict[str, int]:
    counts = Counter(node.get_type_name() for node in model.get_ordered_ops())
    return {
        name: count
        for name, count in sorted(counts.items())
        if name not in ("Constant", "Parameter", "Result")
    }


def _exposures(model: Any) -> int:
    return sum(value.get_any_name().startswith("exposure_") for value in model.inputs)
