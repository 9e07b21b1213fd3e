"""The TensorRT flavour of the portable ONNX model: the same arithmetic, in its words.

TensorRT computes nothing on uint8: a uint8 input must go through a Cast first, and a uint8 output
must come from one. The portable model moves uint8 pixels about before it casts them, which costs a
CPU less; moving commutes with casting, so the casts are put at the border and the values stay the
same to the bit. All else is put the way the oldest parser that we build with (TensorRT 8.6) reads:
opset 17, whole shapes (it takes no notice of Shape's start and end), and quantized weights as
floats with a QuantizeLinear behind them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from edge_mef.errors import GateError
from edge_mef.export.opset import (
    attribute,
    constants_of,
    drop_unused,
    lower_opset,
    remove_attributes,
)
from edge_mef.export.trt_operators import check_known, check_operators

# What only moves values, and so may as well move floats.
_MOVES = {
    "Concat",
    "Expand",
    "Flatten",
    "Gather",
    "Identity",
    "Reshape",
    "Slice",
    "Split",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
}
_LARGEST_DIMS = 8


def tensorrt_model(portable: ModelProto) -> ModelProto:
    """Return the TensorRT flavour of a model with uint8 inputs and outputs.

    Raises:
        GateError: it computes on uint8, or with something that TensorRT does not support.
    """
    check_known(portable)
    model = ModelProto()
    model.CopyFrom(portable)
    del model.graph.value_info[:]
    _cast_at_the_border(model)
    _take_whole_shapes(model)
    _quantize_weights(model)
    model = lower_opset(model)
    for node in model.graph.node:
        if node.op_type == "Reshape":  # no size is ever 0
            remove_attributes(node, "allowzero")
    onnx.checker.check_model(model, full_check=True)
    check_operators(model)
    return model


def _cast_at_the_border(model: ModelProto) -> None:
    """Cast behind every input and before every output, and nowhere else from or to uint8."""
    mover = _CastMover()
    nodes = [mover.cast_input(value.name) for value in model.graph.input]
    nodes += [kept for node in model.graph.node for kept in mover.move(node)]
    for value in model.graph.output:
        nodes.append(mover.cast_output(value.name))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


class _CastMover:
    """Follows uint8 values through the nodes, which come in order.

    `levels` names the values that were uint8 and are floats now; `uncut` those that were cut off to
    uint8, which now only the cast at the output does. `renamed` says what to read instead.
    """

    def __init__(self) -> None:
        self.levels: set[str] = set()
        self.uncut: set[str] = set()
        self.renamed: dict[str, str] = {}

    def cast_input(self, name: str) -> NodeProto:
        self.levels.add(name)
        self.renamed[name] = f"{name}_levels"
        return _cast(name, self.renamed[name], f"cast_{name}", TensorProto.FLOAT)

    def cast_output(self, name: str) -> NodeProto:
        if name not in self.uncut:
            raise GateError(f"expected the output {name} to be cast to uint8, found other values")
        return _cast(self.renamed[name], name, f"cast_{name}", TensorProto.UINT8)

    def move(self, node: NodeProto) -> Iterator[NodeProto]:
        """Yield the node, reading what it should now, unless it is a cast done at the border."""
        kinds = [kind for kind in (self.levels, self.uncut) if kind.intersection(node.input)]
        target = attribute(node, "to") if node.op_type == "Cast" else None
        node.input[:] = [self.renamed.get(name, name) for name in node.input]
        if target == TensorProto.UINT8 and not kinds:
            self.uncut.add(node.output[0])
            self.renamed[node.output[0]] = node.input[0]
        elif target == TensorProto.FLOAT and kinds == [self.levels]:
            self.renamed[node.output[0]] = node.input[0]
        else:
            self._follow(node, kinds)
            yield node

    def _follow(self, node: NodeProto, kinds: list[set[str]]) -> None:
        if not kinds or (kinds == [self.levels] and node.op_type in ("Cast", "Shape")):
            return
        if len(kinds) > 1 or node.op_type not in _MOVES:
            raise GateError(
                f"TensorRT computes nothing on uint8, and the operator {node.op_type} "
                f"({node.name}) does: cast to float first"
            )
        for index, name in enumerate(node.output):
            kinds[0].add(name)
            # The name itself may be that of an output of the graph, which its cast needs.
            node.output[index] = self.renamed[name] = f"{name}_moved"


def _cast(source: str, result: str, name: str, to: int) -> NodeProto:
    return helper.make_node("Cast", [source], [result], name=name, to=to)


def _take_whole_shapes(model: ModelProto) -> None:
    """Write Shape with start and end as Shape and Gather."""
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        start, end = attribute(node, "start", 0), attribute(node, "end")
        nodes.append(node)
        if node.op_type != "Shape" or (start == 0 and end is None):
            continue
        places = range(_LARGEST_DIMS)[slice(start, end)]
        if end is None or not places:
            raise GateError(f"expected Shape to name the sizes it takes, found start={start}")
        remove_attributes(node, "start", "end")
        output, node.output[0] = node.output[0], f"{node.output[0]}_whole"
        index = f"{output}_places"
        model.graph.initializer.append(numpy_helper.from_array(np.array(places, np.int64), index))
        gather = [node.output[0], index]
        nodes.append(helper.make_node("Gather", gather, [output], name=f"{node.name}_taken"))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _quantize_weights(model: ModelProto) -> None:
    """Put every int8 constant as floats and a QuantizeLinear that gives the same int8 again.

    Weights of layers that compute in half precision are put as the half values that they stand for.
    """
    constants = constants_of(model)
    dequantized: dict[str, NDArray[Any]] = {}
    readers = _readers(model)
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in dequantized:
            values = dequantized[node.input[0]].astype(np.float16)
            model.graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
            continue
        is_weight = node.op_type == "DequantizeLinear" and node.input[0] in constants
        if is_weight and _is_halved(readers[node.output[0]]):
            levels, spread = _levels(node, constants)
            dequantized[node.output[0]] = np.asarray(levels * spread, np.float32)
            continue
        if is_weight:
            nodes.append(_quantize_constant(model, node, constants))
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    drop_unused(model)


def _quantize_constant(
    model: ModelProto, node: NodeProto, constants: dict[str, NDArray[Any]]
) -> NodeProto:
    name = node.input[0]
    levels, spread = _levels(node, constants)
    values = np.asarray(levels * spread, np.float32)
    if not np.array_equal(np.rint(values / spread), levels):
        raise GateError(f"the weights {name} do not survive quantizing again")
    floats = f"{name}_floats"
    model.graph.initializer.append(numpy_helper.from_array(values, floats))
    quantized = helper.make_node(
        "QuantizeLinear",
        [floats, *node.input[1:]],
        [f"{name}_levels"],
        name=f"{node.name}_weights",
        axis=int(attribute(node, "axis", 1)),
    )
    node.input[0] = quantized.output[0]
    return quantized


def _levels(node: NodeProto, constants: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], Any]:
    """The int8 levels of a DequantizeLinear as float32, and what they are multiplied by."""
    levels = np.asarray(constants[node.input[0]], np.float32)
    scale, axis = constants[node.input[1]], int(attribute(node, "axis", 1))
    shape = [-1 if dim == axis % levels.ndim else 1 for dim in range(levels.ndim)]
    return levels, scale.reshape(shape) if scale.ndim else scale


def _is_halved(readers: Sequence[NodeProto]) -> bool:
    """Whether nothing but casts to half precision reads a value."""
    return bool(readers) and all(
        reader.op_type == "Cast" and attribute(reader, "to") == TensorProto.FLOAT16
        for reader in readers
    )


def _readers(model: ModelProto) -> dict[str, list[NodeProto]]:
    found: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            found.setdefault(name, []).append(node)
    return found
