"""The weights of a frame's pixels on the cells, as an ONNX model written down node by node.

Input: `size`, int64, the height and width of a frame. Outputs: `down` (height, cells) and `across`
(cells, width), linear interpolation between the centres of the cells.
"""

import numpy as np
from onnx import ModelProto, TensorProto, helper

from edge_mef.export.graph import Graph, checked_model, float_values


def weights_model(cells: int) -> ModelProto:
    """Return the weights of pixels on cells x cells cells over a frame."""
    graph = Graph()
    _hats(graph, cells, 0, "down")
    graph.add("Transpose", [_hats(graph, cells, 1)], "across", perm=[1, 0])
    outputs: dict[str, tuple[int | str, ...]] = {
        "down": ("height", cells),
        "across": (cells, "width"),
    }
    size = helper.make_tensor_value_info("size", TensorProto.INT64, (2,))
    return checked_model(graph, "weights", [size], float_values(outputs))


def _hats(graph: Graph, cells: int, axis: int, output: str = "") -> str:
    """Linear interpolation between the centres of cells: (pixels, cells), rows add up to 1."""
    zero, one = graph.constant(np.int64(0)), graph.constant(np.int64(1))
    half = graph.constant(np.float32(0.5))
    length = graph.add("Gather", ["size", graph.constant(np.int64(axis))], axis=0)
    pixels = graph.add("Cast", [graph.add("Range", [zero, length, one])], to=TensorProto.FLOAT)
    # In this order whole numbers stay exact up to the division.
    centres = graph.add("Add", [pixels, half])
    centres = graph.add("Mul", [centres, graph.constant(np.float32(cells))])
    centres = graph.add("Div", [centres, graph.add("Cast", [length], to=TensorProto.FLOAT)])
    centres = graph.add("Sub", [centres, half])
    limits = [graph.constant(np.float32(limit)) for limit in (0.0, cells - 1.0)]
    centres = graph.add("Clip", [centres, *limits])
    column = graph.add("Unsqueeze", [centres, graph.constant(np.array([1]))])
    distance = graph.add("Sub", [column, graph.constant(np.arange(cells, dtype=np.float32))])
    nearness = graph.add("Sub", [graph.constant(np.float32(1.0)), graph.add("Abs", [distance])])
    return graph.add("Relu", [nearness], output)
