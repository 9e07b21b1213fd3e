"""Layers of a quantized program that int8 would cost too much: they compute in half precision."""

from collections.abc import Collection

import torch
from torch import nn
from torch.fx import GraphModule, Node

_HALF, _SINGLE = torch.float16, torch.float32


def halve(graph: GraphModule, kept: Collection[str]) -> None:
    """Let the layers named compute in float16, with casts around; changes `graph`."""
    from edge_mef.calibration.quantizer import all_convolutions, operands

    for _, node in [(n, c) for n, c in all_convolutions(graph) if n in kept]:
        arguments = [
            _cast(graph, node, value, _HALF) if isinstance(value, Node) else value
            for value in operands(node)
        ]
        node.args = tuple(arguments)
        with graph.graph.inserting_after(node):
            back = graph.graph.call_function(torch.ops.aten.to.dtype, (node, _SINGLE))
        for user in [user for user in node.users if user is not back]:
            user.replace_input_with(node, back)
    graph.recompile()


def _cast(graph: GraphModule, node: Node, value: Node, dtype: torch.dtype) -> Node:
    """Parameters are stored in half precision, so that the file shrinks; values are cast."""
    if value.op == "get_attr":
        name = f"{value.target}".replace(".", "_") + "_half"
        if not hasattr(graph, name):
            found = graph.get_parameter(str(value.target)).detach().to(dtype)
            graph.register_parameter(name, nn.Parameter(found, requires_grad=False))
        with graph.graph.inserting_before(node):
            return graph.graph.get_attr(name)
    with graph.graph.inserting_before(node):
        return graph.graph.call_function(torch.ops.aten.to.dtype, (value, dtype))
