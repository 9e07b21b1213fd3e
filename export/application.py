"""The application stage as an ONNX model, written down node by node.

It holds no weights, one is needed for every number of exposures, and it has to be quick; so it is
not converted from torch, which takes seconds each. `verify` compares it with the torch pipeline.

Inputs: N times `exposure_i` (1, 3, height, width) uint8 RGB, the tile, darkest first; `cells`
(2 N + 1, rows, columns) float32, for the cells that the tile's pixels lie between N gains, N slopes
(they add up to 0, so the last is not used) and the offset in grey levels; `down` (height, rows) and
`across` (columns, width), the weights of the tile's pixels on these cells. Output: `fused`, the
tile (1, 3, height, width) uint8. Planes go in and come out because runtimes take pixels apart
faster than ONNX's Transpose does. A pixel's weights do not depend on the tile, and those of further
cells are 0, so it comes out the same in whatever tile it lies.
"""

from collections.abc import Sequence

import numpy as np
from onnx import ModelProto, TensorProto, helper

from edge_mef.application import GUIDE_CENTRE, LUMA, WHITE
from edge_mef.export.graph import Graph, checked_model, float_values

_TILE = (1, 3, "height", "width")


def application_model(count: int) -> ModelProto:
    """Return the application for `count` exposures."""
    graph = Graph()
    planes = [
        graph.add("Cast", [f"exposure_{index}"], to=TensorProto.FLOAT) for index in range(count)
    ]
    guide = _guide(graph, planes)
    maps = _maps(graph, count)
    leans = [graph.add("Mul", [slope, guide]) for slope in maps[count:-1]]
    gains = [graph.add("Add", pair) for pair in zip(maps[: count - 1], leans, strict=True)]
    gains.append(graph.add("Sub", [maps[count - 1], _sum(graph, leans)]))
    terms = [graph.add("Mul", pair) for pair in zip(planes, gains, strict=True)]
    levels = graph.add("Add", [_sum(graph, terms), maps[-1]])
    # Rounds and saturates in one pass.
    step = [graph.constant(np.float32(1.0)), graph.constant(np.uint8(0))]
    graph.add("QuantizeLinear", [levels, *step], "fused")
    return _model(graph, count)


def _maps(graph: Graph, count: int) -> list[str]:
    """N gains, N - 1 slopes and the offset, each spread over the tile's pixels (1, h, w)."""
    # All along the width at once; along the height each by itself, or they would be copied apart.
    widened = graph.split(graph.add("MatMul", ["cells", "across"]), 2 * count + 1)
    used = [*widened[: 2 * count - 1], widened[-1]]
    return [graph.add("MatMul", ["down", part]) for part in used]


def _guide(graph: Graph, planes: Sequence[str]) -> str:
    """The mean luma of the exposures over white, less a half."""
    weights = np.array(LUMA, np.float32).reshape(1, 3, 1, 1) / np.float32(WHITE * len(planes))
    kernel = graph.constant(weights)
    centre = graph.constant(np.array([-GUIDE_CENTRE], np.float32))
    first = graph.add("Conv", [planes[0], kernel, centre])
    return _sum(graph, [first, *(graph.add("Conv", [plane, kernel]) for plane in planes[1:])])


def _sum(graph: Graph, terms: Sequence[str]) -> str:
    total = terms[0]
    for term in terms[1:]:
        total = graph.add("Add", [total, term])
    return total


def _model(graph: Graph, count: int) -> ModelProto:
    exposures = [
        helper.make_tensor_value_info(f"exposure_{index}", TensorProto.UINT8, _TILE)
        for index in range(count)
    ]
    floats = {
        "cells": (2 * count + 1, "rows", "columns"),
        "down": ("height", "rows"),
        "across": ("columns", "width"),
    }
    output = helper.make_tensor_value_info("fused", TensorProto.UINT8, _TILE)
    return checked_model(
        graph, f"application_{count}", [*exposures, *float_values(floats)], [output]
    )
