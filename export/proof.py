"""What the convolutions of an ONNX model compute in, counted in the model itself."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, numpy_helper

from edge_mef.errors import GateError
from edge_mef.manifest import Precision, PrecisionProof

_CONVOLUTIONS = {"Conv", "ConvTranspose"}
_FOLLOWED = {"Transpose", "Reshape", "Identity"}


def prove_onnx(model: ModelProto, precision: Precision) -> PrecisionProof | None:
    """Count convolutions by precision, and quantized activations; None where there are none.

    A convolution is int8 where its input and its weight are dequantized from int8.

    Raises:
        GateError: none computes in the precision asked for, some compute in a shorter one, or a
            zero point is not 0.
    """
    graph = onnx.shape_inference.infer_shapes(model).graph
    makers = {name: node for node in graph.node for name in node.output}
    constants = {value.name: numpy_helper.to_array(value) for value in graph.initializer}
    types = {v.name: v.type.tensor_type.elem_type for v in (*graph.value_info, *graph.input)}
    _check_zero_points(graph.node, constants)
    counts = {"int8": 0, "fp16": 0, "fp32": 0}
    for node in graph.node:
        if node.op_type in _CONVOLUTIONS:
            half = types.get(node.input[0]) == onnx.TensorProto.FLOAT16
            quantized = all(_is_dequantized(name, makers) for name in node.input[:2])
            counts["int8" if quantized else "fp16" if half else "fp32"] += 1
    if not any(counts.values()):
        return None
    pairs = sum(node.op_type == "QuantizeLinear" for node in graph.node)
    proof = PrecisionProof(pairs=pairs if counts["int8"] else 0, **counts)
    _check(proof, precision)
    return proof


def weight_bytes(model: ModelProto) -> int:
    """Return how many bytes the constants of a model take."""
    return sum(numpy_helper.to_array(value).nbytes for value in model.graph.initializer)


def _check(proof: PrecisionProof, precision: Precision) -> None:
    shorter = {"fp32": proof.int8 + proof.fp16, "fp16": proof.int8, "int8": 0}[precision]
    if shorter or not getattr(proof, precision):
        raise GateError(
            f"expected convolutions in {precision} in the ONNX model, found {proof.text}: this "
            "precision was not honoured"
        )


def _is_dequantized(name: str, makers: Mapping[str, NodeProto]) -> bool:
    maker = makers.get(name)
    while maker is not None and maker.op_type in _FOLLOWED:
        maker = makers.get(maker.input[0])
    return maker is not None and maker.op_type == "DequantizeLinear"


def _check_zero_points(
    nodes: object, constants: Mapping[str, "np.ndarray[tuple[int, ...], np.dtype[np.generic]]"]
) -> None:
    for node in nodes:  # type: ignore[attr-defined]
        if node.op_type == "DequantizeLinear" and len(node.input) > 2 and node.input[2]:
            zero = constants.get(node.input[2])
            if zero is not None and np.any(zero):
                raise GateError(
                    f"expected zero points of 0, which TensorRT needs, found others at {node.name}"
                )
