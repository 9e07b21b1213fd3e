"""Writing an ONNX model node by node."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from edge_mef.export.onnx import IR_VERSION, OPSET


class Graph:
    """Nodes and constants in the order in which they are added; names are numbered."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, operator: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        name = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def split(self, name: str, parts: int) -> list[str]:
        """Split along the first axis into parts of one and return their names."""
        names = [f"{name}_{part}" for part in range(parts)]
        self.nodes.append(helper.make_node("Split", [name], names, axis=0, num_outputs=parts))
        return names

    def constant(self, value: ArrayLike) -> str:
        """Add a constant and return its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name


def float_values(shapes: Mapping[str, Sequence[int | str]]) -> list[ValueInfoProto]:
    """Describe float32 inputs or outputs; a text is the name of a size that varies."""
    return [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    ]


def checked_model(
    graph: Graph,
    name: str,
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
) -> ModelProto:
    """Make a model of a graph's nodes and check it."""
    body = helper.make_graph(graph.nodes, name, inputs, outputs, graph.constants)
    model = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="edge-mef",
    )
    onnx.checker.check_model(model, full_check=True)
    return model
