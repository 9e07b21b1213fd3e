"""What the convolutions of an ONNX model compute in, counted in the model itself."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper, shape_inference

from edge_mef.errors import GateError
from edge_mef.manifest import Precision, PrecisionProof

_CONVOLUTIONS = ("Conv", "ConvTranspose")


def prove_onnx(model: ModelProto, precision: Precision) -> PrecisionProof | None:
    """Count convolutions by precision, and quantized activations; None where there are none.

    Raises:
        GateError: none computes in the precision asked for, some compute in a shorter one, or a
            zero point is not 0.
    """
    proof = count_precisions(model)
    if proof == PrecisionProof():
        return None
    constants = {value.name: numpy_helper.to_array(value) for value in model.graph.initializer}
    _check_zero_points(model.graph.node, constants)
    if not proof.honours(precision):
        raise GateError(
            f"expected convolutions in {precision} in the ONNX model, found {proof.text}: this "
            "precision was not honoured"
        )
    return proof


def weight_bytes(model: ModelProto) -> int:
    """Return how many bytes the constants of a model take."""
    return sum(numpy_helper.to_array(value).nbytes for value in model.graph.initializer)


def count_precisions(model: ModelProto) -> PrecisionProof:
    """Count the quantized activations, and the convolutions by the precision of what goes in.

    A convolution computes in int8 where both its activation and its weights come from a
    DequantizeLinear. Weights quantize too, but are no pairs.
    """
    producers = {name: node for node in model.graph.node for name in node.output}
    constants = {t.name for t in model.graph.initializer}
    counts = {"int8": 0, "fp16": 0, "fp32": 0}
    types = value_types(model)
    for node in model.graph.node:
        if node.op_type in _CONVOLUTIONS:
            counts[_precision(node, producers, types)] += 1
    pairs = sum(
        node.op_type == "DequantizeLinear" and _is_activation(node, producers, constants)
        for node in model.graph.node
    )
    return PrecisionProof(pairs=pairs, **counts)


def value_types(model: ModelProto) -> dict[str, int]:
    """Return the element type of every value of a model, as `TensorProto` numbers them."""
    inferred = shape_inference.infer_shapes(model, strict_mode=True).graph
    values = (*inferred.value_info, *inferred.input, *inferred.output)
    types = {value.name: int(value.type.tensor_type.elem_type) for value in values}
    return types | {t.name: int(t.data_type) for t in model.graph.initializer}


def _precision(node: NodeProto, producers: dict[str, NodeProto], types: dict[str, int]) -> str:
    sources = [producers.get(name) for name in node.input[:2]]
    if all(source is not None and source.op_type == "DequantizeLinear" for source in sources):
        return "int8"
    return "fp16" if types[node.input[0]] == TensorProto.FLOAT16 else "fp32"


def _is_activation(node: NodeProto, producers: dict[str, NodeProto], constants: set[str]) -> bool:
    source = producers.get(node.input[0])
    if source is None or source.op_type != "QuantizeLinear":
        return False
    return source.input[0] not in constants


def _check_zero_points(nodes: Iterable[NodeProto], constants: Mapping[str, NDArray[Any]]) -> None:
    for node in nodes:
        if node.op_type == "DequantizeLinear" and len(node.input) > 2 and node.input[2]:
            zero = constants.get(node.input[2])
            if zero is not None and np.any(zero):
                raise GateError(
                    f"expected zero points of 0, which TensorRT needs, found others at {node.name}"
                )
