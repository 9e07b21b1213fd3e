"""Small ONNX models from uint8 exposures to a uint8 frame, in the manner of the portable ones."""

from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from edge_mef.manifest import Precision

Nodes = list[Any]


def portable_model(precision: Precision = "fp32", *, fixed: tuple[int, int] | None = None) -> Any:
    """Return a model of two exposures that moves uint8 pixels before it casts them (opset 18)."""
    constants = _constants(precision)
    nodes: Nodes = []
    for index in range(2):
        nodes += [
            _node("Transpose", [f"exposure_{index}"], f"moved_{index}", perm=[0, 3, 1, 2]),
            _node("Cast", [f"moved_{index}"], f"plane_{index}", to=TensorProto.FLOAT),
        ]
    nodes += [
        _node("Add", ["plane_0", "plane_1"], "sum"),
        _node("Mul", ["sum", "scale"], "mean"),
        *_filter(precision),
        _node("ReduceMean", ["mean", "axes"], "grey", keepdims=1),
        _node("Mul", ["grey", "none"], "nothing"),
        _node("Add", ["filtered", "nothing"], "added"),
        _node("Clip", ["added", "black", "white"], "clipped"),
        _node("Cast", ["clipped"], "cut", to=TensorProto.UINT8),
        _node("Transpose", ["cut"], "fused", perm=[0, 2, 3, 1]),
    ]
    sizes: tuple[Any, Any] = fixed or ("height", "width")
    shape = (1, *sizes, 3)
    inputs = [
        helper.make_tensor_value_info(f"exposure_{i}", TensorProto.UINT8, shape) for i in range(2)
    ]
    output = helper.make_tensor_value_info("fused", TensorProto.UINT8, shape)
    graph = helper.make_graph(nodes, "tiny", inputs, [output], constants)
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9)


def operators_of(model: ModelProto) -> set[str]:
    """Return the kinds of nodes in a model."""
    return {node.op_type for node in model.graph.node}


def _filter(precision: Precision) -> Nodes:
    """A 1x1 convolution that keeps the mean, up to rounding, in a precision."""
    if precision == "fp32":
        return [_node("Conv", ["mean", "weights"], "filtered")]
    if precision == "fp16":
        return [
            _node("Cast", ["mean"], "half", to=TensorProto.FLOAT16),
            _node("Conv", ["half", "weights"], "half_filtered"),
            _node("Cast", ["half_filtered"], "filtered", to=TensorProto.FLOAT),
        ]
    return [
        _node("QuantizeLinear", ["mean", "step", "zero"], "levels"),
        _node("DequantizeLinear", ["levels", "step", "zero"], "rough"),
        _node("DequantizeLinear", ["weights", "steps", "zeros"], "kernel", axis=0),
        _node("Conv", ["rough", "kernel"], "filtered"),
    ]


def _constants(precision: Precision) -> list[TensorProto]:
    kernel = np.eye(3).reshape(3, 3, 1, 1)
    weights = {
        "fp32": kernel.astype(np.float32),
        "fp16": kernel.astype(np.float16),
        "int8": (kernel * 127).astype(np.int8),
    }[precision]
    values: dict[str, Any] = {
        "weights": weights,
        "scale": np.float32(0.5),
        "axes": np.array([1], np.int64),
        "none": np.float32(0),
        "black": np.float32(0),
        "white": np.float32(255),
    }
    if precision == "int8":
        values |= {
            "step": np.float32(2),
            "zero": np.int8(0),
            "steps": np.full(3, 1 / 127, np.float32),
            "zeros": np.zeros(3, np.int8),
        }
    return [numpy_helper.from_array(np.asarray(v), name) for name, v in values.items()]


def _node(operator: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    return helper.make_node(operator, inputs, [output], name=f"make_{output}", **attributes)
