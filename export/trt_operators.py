"""What TensorRT's ONNX parser takes, from 8.6 to 11.4, and a check against it.

The table holds the operators that the support matrices of onnx-tensorrt list for 8.5/8.6 and for
10.15 alike, with the kinds of values that they compute on; what came later is left out, so a model
that passes can be built with any of these versions. The 8.6 parser turns int64 into int32.
"""

from collections.abc import Callable, Mapping

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto

from edge_mef.errors import GateError
from edge_mef.export.opset import OLD_OPSET, Constants, attribute, constants_of
from edge_mef.export.proof import value_types

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)
_INTEGERS = (TensorProto.INT32, TensorProto.INT64)
_BOOL = (TensorProto.BOOL,)

_ON_FLOATS = """
    Acos Acosh Asin Asinh Atan Atanh AveragePool BatchNormalization Ceil Celu Clip Conv
    ConvTranspose Cos Cosh CumSum Einsum Elu Erf Exp Floor Gemm GlobalAveragePool GlobalLpPool
    GlobalMaxPool GridSample HardSigmoid HardSwish InstanceNormalization LRN LeakyRelu Log
    LogSoftmax LpNormalization LpPool MatMul MaxPool MeanVarianceNormalization PRelu Pow
    QuantizeLinear Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean
    ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Resize RoiAlign Round Selu Sigmoid Sin Sinh
    Softmax Softplus Softsign Sqrt Tan Tanh ThresholdedRelu
"""
_ON_NUMBERS = """
    Abs Add ArgMax ArgMin DepthToSpace Div Equal GatherElements GatherND Greater GreaterOrEqual
    IsNaN Less LessOrEqual Max Mean Min Mod Mul Neg Pad Range ScatterElements ScatterND Shrink
    Sign SpaceToDepth Sub Sum TopK
"""
_ON_ANYTHING = """
    Cast Concat Constant ConstantOfShape Expand EyeLike Flatten Gather Identity OneHot Reshape
    Shape Size Slice Split Squeeze Tile Transpose Trilu Unsqueeze Where
"""
_ON_BOOLS = "And Not Or Xor"

SUPPORTED: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(_ON_FLOATS.split(), _FLOATS),
    **dict.fromkeys(_ON_NUMBERS.split(), (*_FLOATS, *_INTEGERS)),
    **dict.fromkeys(_ON_ANYTHING.split(), (*_FLOATS, *_INTEGERS, *_BOOL)),
    **dict.fromkeys(_ON_BOOLS.split(), _BOOL),
    "DequantizeLinear": (TensorProto.INT8,),
}
RESIZE_MODES = ("nearest", "linear")
RESIZE_COORDINATES = (
    "half_pixel",
    "pytorch_half_pixel",
    "tf_half_pixel_for_nn",
    "asymmetric",
    "align_corners",
)
_INT32 = np.iinfo(np.int32)


def check_operators(model: ModelProto) -> None:
    """Raise `GateError` with the operator's name unless TensorRT supports all of a model."""
    opset = max(int(o.version) for o in model.opset_import if o.domain in ("", "ai.onnx"))
    if opset > OLD_OPSET:
        raise GateError(
            f"TensorRT 8.6 reads ONNX up to opset {OLD_OPSET}, found {opset}: lower it first"
        )
    check_known(model)
    types, constants = value_types(model), constants_of(model)
    for node in model.graph.node:
        if node.op_type != "Cast":
            _check_types(node, types)
        if node.op_type in _RESTRICTIONS:
            _RESTRICTIONS[node.op_type](node, constants)
        _check_integers(node, constants)
    _check_border(model, types)


def check_known(model: ModelProto) -> None:
    """Raise `GateError` with the operator's name unless TensorRT has all of them."""
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx") or node.op_type not in SUPPORTED:
            name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            raise GateError(
                f"TensorRT does not support the operator {name} (node {node.name or '?'}): change "
                "what the network computes, or export it for another target"
            )


def _check_types(node: NodeProto, types: Mapping[str, int]) -> None:
    """Look at the value that the operator computes on; Where has its condition first."""
    place = 1 if node.op_type == "Where" else 0
    if len(node.input) <= place or not node.input[place]:
        return
    kind = types.get(node.input[place])
    if kind not in SUPPORTED[node.op_type]:
        name = TensorProto.DataType.Name(kind) if kind is not None else "unknown"
        raise _refuse(node, f"on {name.lower()} values")


def _check_resize(node: NodeProto, _: Constants) -> None:
    mode = attribute(node, "mode", "nearest")
    coordinates = attribute(node, "coordinate_transformation_mode", "half_pixel")
    if mode not in RESIZE_MODES:
        raise _refuse(node, f"with the mode {mode}")
    if coordinates not in RESIZE_COORDINATES:
        raise _refuse(node, f"with the coordinates {coordinates}")
    for name in ("antialias", "exclude_outside"):
        if attribute(node, name, 0):
            raise _refuse(node, f"with {name}")
    if attribute(node, "keep_aspect_ratio_policy", "stretch") != "stretch":
        raise _refuse(node, "keeping proportions")


def _check_scales(node: NodeProto, constants: Constants) -> None:
    scale = constants.get(node.input[1])
    if scale is None or not np.all(np.isfinite(scale)) or not np.all(np.asarray(scale) > 0):
        raise _refuse(node, "with scales that are not constant and positive")
    if len(node.input) < 3 or not node.input[2]:  # without one, the type would be uint8
        raise _refuse(node, "without a zero point of type int8")
    zero = constants.get(node.input[2])
    if zero is None or zero.dtype != np.int8 or np.any(zero != 0):
        raise _refuse(node, "with zero points other than int8 zeros")


def _check_pooling(node: NodeProto, _: Constants) -> None:
    kernel = attribute(node, "kernel_shape", [])
    if len(kernel) not in (2, 3):
        raise _refuse(node, "along other than 2 or 3 axes")
    if any(step != 1 for step in attribute(node, "dilations", [])):
        raise _refuse(node, "with dilations")
    if len(node.output) > 1:
        raise _refuse(node, "with indices")


def _constant_inputs(*places: int) -> Callable[[NodeProto, Constants], None]:
    """Return a check that these inputs, where they are there, are constants."""

    def check(node: NodeProto, constants: Constants) -> None:
        given = [node.input[place] for place in places if place < len(node.input)]
        if any(name and name not in constants for name in given):
            raise _refuse(node, "with computed axes, sizes or scales")

    return check


_RESTRICTIONS: dict[str, Callable[[NodeProto, Constants], None]] = {
    "AveragePool": _check_pooling,
    "CumSum": _constant_inputs(1),
    "DequantizeLinear": _check_scales,
    "InstanceNormalization": _constant_inputs(1, 2),
    "MaxPool": _check_pooling,
    "QuantizeLinear": _check_scales,
    "ReduceSum": _constant_inputs(1),
    "Resize": _check_resize,
    "Slice": _constant_inputs(3),
    "Split": _constant_inputs(1),
    "Squeeze": _constant_inputs(1),
    "TopK": _constant_inputs(1),
    "Unsqueeze": _constant_inputs(1),
}


def _check_integers(node: NodeProto, constants: Constants) -> None:
    """Refuse int64 constants that int32 does not hold; Slice cuts its ends off anyway."""
    if node.op_type == "Slice":
        return
    for name in node.input:
        values = constants.get(name)
        if values is None or values.dtype != np.int64 or not values.size:
            continue
        if values.min() < _INT32.min or values.max() > _INT32.max:
            raise _refuse(node, "with whole numbers that need 64 bits")


def _check_border(model: ModelProto, types: Mapping[str, int]) -> None:
    """Check uint8 at inputs and outputs alone, with casts between them and floats, and int8."""
    outputs = {value.name for value in model.graph.output}
    for node in model.graph.node:
        cast = node.op_type == "Cast"
        for name in node.input:
            kind = types.get(name)
            if kind == TensorProto.UINT8 and not (cast and types[node.output[0]] in _FLOATS):
                raise _refuse(node, "on uint8 values")
            if kind == TensorProto.INT8 and node.op_type not in (
                "DequantizeLinear",
                "QuantizeLinear",
            ):
                raise _refuse(node, "on int8 values")
        for name in node.output:
            if types.get(name) == TensorProto.UINT8 and not (cast and name in outputs):
                raise _refuse(node, "to uint8 values inside of the graph")


def _refuse(node: NodeProto, how: str) -> GateError:
    return GateError(
        f"TensorRT does not support the operator {node.op_type} {how} (node {node.name or '?'}): "
        "change what the network computes, or export it for another target"
    )
