"""The scales of a converted program, read off the program itself."""

import json
import operator
from typing import Any

from torch.fx import GraphModule, Node
from torch.nn import Module

from edge_mef.calibration.quantize import Program
from edge_mef.calibration.recipe import ACTIVATION_LEVELS

SCALES_FILE = "scales.json"
Scales = dict[str, dict[str, Any]]


def scales_of(program: Program) -> Scales:
    """Return {layer: {"activation": scale, "weights": scales of the output channels}}.

    A level of the activation stands for `scale`; zero points are 0. Layers that stayed in float
    are not there.
    """
    from edge_mef.calibration.quantizer import all_convolutions, operands

    graph = program.graph
    found: Scales = {}
    for name, node in all_convolutions(graph):
        activation, weight = operands(node)[:2]
        if _is_dequantize(activation, "per_tensor") and _is_dequantize(weight, "per_channel"):
            found[name] = {
                "activation": _constant(graph, operands(activation)[1]),
                "weights": _constant(graph, operands(weight)[1]),
            }
    return found


def encode_scales(scales: Scales) -> bytes:
    """Return `scales.json`."""
    document = {
        "schema_version": 1,
        "levels": list(ACTIVATION_LEVELS),
        "zero_point": 0,
        "layers": scales,
    }
    return (json.dumps(document, indent=1) + "\n").encode()


def _is_dequantize(value: Any, kind: str) -> bool:
    return isinstance(value, Node) and f"dequantize_{kind}" in str(value.target)


def _constant(graph: GraphModule, value: Any) -> float | list[float]:
    tensor = value
    if isinstance(value, Node):
        holder: Module = graph
        tensor = operator.attrgetter(str(value.target))(holder).tolist()
    if isinstance(tensor, list):
        return [float(v) for v in tensor]
    return float(tensor)
