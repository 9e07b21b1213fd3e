"""The application stage as an ONNX model, written down node by node.

It holds no weights, one is needed for every number of exposures, and it has to be quick; so it is
not converted from torch, which takes seconds each. `verify` compares it with the torch pipeline.

Inputs: N times `exposure_i` (1, 3, height, width) uint8 RGB, the tile, darkest first; `cells`
(2 N + 1, rows, columns) float32, for the cells that the tile's pixels lie between N gains, N slopes
and the lifted offset; `down` (height, rows) and `across` (columns, width), the pixels' weights on
these cells. Output: `fused`, the tile (1, 3, height, width) uint8. Planes go in and come out
because runtimes take pixels apart faster than ONNX's Transpose does. A pixel's weights do not
depend on the tile, and those of further cells are 0, so it comes out the same in whatever tile it
lies.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from edge_mef.application import GUIDE_CENTRE, LUMA, WHITE
from edge_mef.export.onnx import IR_VERSION, OPSET

_TILE = (1, 3, "height", "width")


def application_model(count: int) -> ModelProto:
    """Return the application for `count` exposures."""
    graph = _Graph()
    planes = [
        graph.add("Cast", [f"exposure_{index}"], to=TensorProto.FLOAT) for index in range(count)
    ]
    guide = _guide(graph, planes)
    maps = _maps(graph, 2 * count + 1)
    terms = []
    for plane, gain, slope in zip(planes, maps[:count], maps[count:-1], strict=True):
        lean = graph.add("Mul", [slope, guide])
        terms.append(graph.add("Mul", [plane, graph.add("Add", [gain, lean])]))
    lifted = graph.add("Add", [_sum(graph, terms), maps[-1]])
    limits = [graph.constant(np.float32(limit)) for limit in (0.0, WHITE)]
    graph.add("Cast", [graph.add("Clip", [lifted, *limits])], "fused", to=TensorProto.UINT8)
    return _model(graph, count)


class _Graph:
    """Nodes and constants in the order in which they are added; names are numbered."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, operator: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        name = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def split(self, name: str, parts: int) -> list[str]:
        names = [f"{name}_{part}" for part in range(parts)]
        self.nodes.append(helper.make_node("Split", [name], names, axis=0, num_outputs=parts))
        return names

    def constant(self, value: ArrayLike) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name


def _maps(graph: _Graph, count: int) -> list[str]:
    """Every map of cells (1, rows, columns) spread over the tile's pixels (1, height, width)."""
    # All along the width at once; along the height each by itself, or they would be copied apart.
    widened = graph.split(graph.add("MatMul", ["cells", "across"]), count)
    return [graph.add("MatMul", ["down", part]) for part in widened]


def _guide(graph: _Graph, planes: Sequence[str]) -> str:
    """The mean luma of the exposures over white, less a half."""
    weights = np.array(LUMA, np.float32).reshape(1, 3, 1, 1) / np.float32(WHITE * len(planes))
    kernel = graph.constant(weights)
    centre = graph.constant(np.array([-GUIDE_CENTRE], np.float32))
    first = graph.add("Conv", [planes[0], kernel, centre])
    return _sum(graph, [first, *(graph.add("Conv", [plane, kernel]) for plane in planes[1:])])


def _sum(graph: _Graph, terms: Sequence[str]) -> str:
    total = terms[0]
    for term in terms[1:]:
        total = graph.add("Add", [total, term])
    return total


def _model(graph: _Graph, count: int) -> ModelProto:
    exposures = [
        helper.make_tensor_value_info(f"exposure_{index}", TensorProto.UINT8, _TILE)
        for index in range(count)
    ]
    floats = {
        "cells": (2 * count + 1, "rows", "columns"),
        "down": ("height", "rows"),
        "across": ("columns", "width"),
    }
    maps = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in floats.items()
    ]
    output = helper.make_tensor_value_info("fused", TensorProto.UINT8, _TILE)
    name = f"application_{count}"
    body = helper.make_graph(graph.nodes, name, [*exposures, *maps], [output], graph.constants)
    model = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="edge-mef",
    )
    onnx.checker.check_model(model, full_check=True)
    return model
