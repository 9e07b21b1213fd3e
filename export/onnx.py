"""Pipeline to ONNX: one graph with uint8 exposures in and the uint8 fused frame out."""

import contextlib
import io
import logging
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import onnx
import onnxsim
import torch
from onnx import ModelProto
from torch import nn
from torch.export import Dim, ExportedProgram

from edge_mef.contract import LARGEST_SIDE, FusionContract
from edge_mef.errors import GateError

OPSET = 18
OPSETS = (17, 18, 19)
IR_VERSION = 9  # what ONNX Runtime 1.17 still reads
# Odd, different, and no multiple of anything: a size that leaks into the graph shows.
_EXAMPLE_SIZE = (97, 131)
_AXES = ("height", "width")


@dataclass(frozen=True)
class OnnxArtefact:
    """A checked ONNX model, and what it is made of."""

    model: ModelProto
    opset: int
    operators: dict[str, int]

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return bytes(self.model.SerializeToString(deterministic=True))


def trace_program(pipeline: nn.Module, contract: FusionContract) -> ExportedProgram:
    """Trace the pipeline with `torch.export`; height and width stay symbolic unless fixed."""
    height, width = contract.height or _EXAMPLE_SIZE[0], contract.width or _EXAMPLE_SIZE[1]
    examples = tuple(
        torch.zeros(1, height, width, 3, dtype=torch.uint8) for _ in range(contract.exposures)
    )
    shapes = None
    if contract.height is None:
        dims = {1: _dimension("height", contract), 2: _dimension("width", contract)}
        shapes = {"exposures": tuple(dims for _ in examples)}
    with torch.no_grad(), quiet_converter():
        return torch.export.export(pipeline.eval(), examples, dynamic_shapes=shapes)


def convert_to_onnx(
    program: ExportedProgram, contract: FusionContract, opset: int = OPSET
) -> OnnxArtefact:
    """Convert a traced pipeline to ONNX, simplify it and check what came out.

    Raises:
        GateError: the converter gave another opset, a static size where a symbolic one was asked
            for, or an invalid model.
    """
    model = convert_program(program, contract.inputs, (contract.output,), opset)
    if contract.height is None:
        _name_sizes(model)
    check_onnx(model, contract)
    return describe_model(model)


def convert_program(
    program: ExportedProgram, inputs: Sequence[str], outputs: Sequence[str], opset: int = OPSET
) -> ModelProto:
    """Convert a traced program to a simplified, checked ONNX model with these names.

    Raises:
        GateError: the converter cannot do it, or what came out computes something else.
    """
    try:
        with quiet_converter():
            converted = torch.onnx.export(
                program,
                dynamo=True,
                opset_version=opset,
                input_names=list(inputs),
                output_names=list(outputs),
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise GateError(f"torch cannot convert the pipeline to ONNX: {_reason(error)}") from error
    if converted is None:
        raise GateError("the ONNX converter returned nothing")
    simplified, same = onnxsim.simplify(converted.model_proto)
    if not same:
        raise GateError("the simplified ONNX model gives other values than the converted one")
    model = _cleaned(simplified)
    onnx.checker.check_model(model, full_check=True)
    return model


def _reason(error: BaseException) -> str:
    """The first line of what is behind a chain of errors; the others are advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).partition("\n")[0]


def describe_model(model: ModelProto) -> OnnxArtefact:
    """Return the model with its opset and its operators counted."""
    counts = Counter(node.op_type for node in model.graph.node)
    return OnnxArtefact(model, _opset(model), dict(sorted(counts.items())))


def check_onnx(model: ModelProto, contract: FusionContract) -> None:
    """Raise `GateError` unless opset, names, types and (symbolic) sizes are the contract's."""
    if _opset(model) not in OPSETS:
        raise GateError(f"expected ONNX opset {OPSETS[0]} to {OPSETS[-1]}, found {_opset(model)}")
    sizes = tuple(getattr(contract, axis) or axis for axis in _AXES)
    expected = dict.fromkeys((*contract.inputs, contract.output), (1, *sizes, 3))
    values = [*model.graph.input, *model.graph.output]
    found = {value.name: _shape(value) for value in values}
    if found != expected:
        raise GateError(f"expected ONNX inputs and outputs {expected}, found {found}")
    if any(v.type.tensor_type.elem_type != onnx.TensorProto.UINT8 for v in values):
        raise GateError("expected uint8 inputs and outputs in the ONNX model")


def _dimension(axis: str, contract: FusionContract) -> Dim:
    if contract.multiple == 1:
        return Dim(axis, min=1, max=LARGEST_SIDE)
    return contract.multiple * Dim(f"{axis}_blocks", min=1, max=LARGEST_SIDE // contract.multiple)


def _name_sizes(model: ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        dims = value.type.tensor_type.shape.dim
        for axis, dim in zip(_AXES, (dims[1], dims[2]), strict=True):
            if dim.HasField("dim_param"):
                dim.dim_param = axis


def _cleaned(model: ModelProto) -> ModelProto:
    """Drop what only described how the graph was made."""
    del model.graph.value_info[:]
    for part in (model, model.graph, *model.graph.node):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.ClearField("doc_string")
        value.ClearField("metadata_props")
    model.producer_name, model.producer_version = "edge-mef", ""
    model.ir_version = IR_VERSION
    return model


def _opset(model: ModelProto) -> int:
    return next(int(o.version) for o in model.opset_import if o.domain in ("", "ai.onnx"))


def _shape(value: onnx.ValueInfoProto) -> tuple[int | str, ...]:
    dims = value.type.tensor_type.shape.dim
    return tuple(dim.dim_param or dim.dim_value for dim in dims)


@contextlib.contextmanager
def quiet_converter() -> Iterator[None]:
    """Keep the converter's remarks about packages that are not needed away from users."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
