"""Float network to the one converted int8 program that every exporter takes.

traced = trace_network(network, example)
ranges = observe(traced, recipe, run)        # or ranges that were stored
program = convert(traced, recipe, ranges)    # used in place of the network in its pipeline
"""

import copy
import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.fx import GraphModule, Node
from typing_extensions import Self

from edge_mef.calibration.quiet import quiet
from edge_mef.calibration.recipe import QuantRecipe
from edge_mef.errors import GateError
from edge_mef.models.table import NetworkSpec

Ranges = dict[str, float]
_LUMA_EXAMPLE = (97, 131)


class Program(nn.Module):
    """A traced network in the place of the one that it was traced from.

    Traced modules refuse `eval` and `train`; this one ignores them. It takes and gives float32,
    whatever it computes in.
    """

    input_type = torch.float32

    def __init__(self, graph: GraphModule) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, x: Tensor) -> Any:
        """What the network computes."""
        return self.graph(x)

    def train(self, mode: bool = True) -> Self:
        """Change nothing: the trace is of a network in evaluation mode."""
        return self


def trace_network(spec: NetworkSpec, network: nn.Module) -> GraphModule:
    """Trace a network for any number of exposures and any size that it takes."""
    low, high = spec.exposures
    if spec.domain == "view":
        from edge_mef.view import VIEW_SIDE

        example = torch.zeros(3, 3, VIEW_SIDE, VIEW_SIDE)
        shapes: dict[int, Any] = {0: Dim("exposures", min=low, max=high)}
    else:
        example = torch.zeros(1, low, *_LUMA_EXAMPLE)
        shapes = {2: Dim("height", min=1, max=32768), 3: Dim("width", min=1, max=32768)}
    with torch.no_grad(), quiet():
        traced = torch.export.export(network.eval(), (example,), dynamic_shapes=(shapes,))
    graph: GraphModule = traced.module()
    return graph


def layers(traced: GraphModule) -> list[str]:
    """The names of the layers that can be quantized, in the order of running."""
    from edge_mef.calibration.quantizer import convolutions

    return list(dict.fromkeys(name for name, _ in convolutions(traced)))


def observe(traced: GraphModule, recipe: QuantRecipe, run: Callable[[nn.Module], None]) -> Ranges:
    """Return the largest magnitude of every layer's input.

    Args:
        traced: of `trace_network`; stays as it is.
        recipe: where ranges end.
        run: runs the network that it is given on every calibration scene.
    """
    prepared, observers = _prepared(traced, recipe, ())
    with torch.no_grad():
        run(Program(prepared))
    return {name: observer.magnitude for name, observer in observers.items()}


def convert(
    traced: GraphModule,
    recipe: QuantRecipe,
    ranges: Mapping[str, float],
    kept: Collection[str] = (),
) -> Program:
    """Return the int8 program; layers in `kept` compute in half precision, from int8 weights.

    Raises:
        GateError: a layer has no range, or nothing is left to be quantized.
    """
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e

    from edge_mef.calibration.half_layers import halve

    prepared, observers = _prepared(traced, recipe, kept)
    if not observers:
        raise GateError("expected layers to quantize, found none: keep fewer in float")
    for name, observer in observers.items():
        if name not in ranges:
            raise GateError(f"the layer '{name}' was not seen while calibrating")
        observer.widen(ranges[name])
    _observe_weights(prepared)
    with quiet():
        converted = convert_pt2e(prepared)
    halve(converted, kept)
    return Program(converted)


def _prepared(
    traced: GraphModule, recipe: QuantRecipe, kept: Collection[str]
) -> tuple[GraphModule, dict[str, Any]]:
    """A copy with observers, and the observer of each layer's input."""
    with quiet():
        from torchao.quantization.pt2e.quantize_pt2e import prepare_pt2e

        from edge_mef.calibration.quantizer import SymmetricInt8, convolutions, operands

        prepared = prepare_pt2e(copy.deepcopy(traced), SymmetricInt8(recipe, kept))
    observers = {}
    for name, node in convolutions(prepared):
        source = operands(node)[0]
        if name not in kept and isinstance(source, Node) and source.op == "call_module":
            observers[name] = prepared.get_submodule(str(source.target))
    return prepared, observers


def _observe_weights(prepared: GraphModule) -> None:
    """Show every observer of a weight its weight; no data is needed for that."""
    from edge_mef.calibration.quantizer import convolutions, operands

    with torch.no_grad():
        for _, node in convolutions(prepared):
            weight = operands(node)[1]
            if isinstance(weight, Node) and weight.op == "call_module":
                value = _constant(prepared, operands(weight)[0])
                prepared.get_submodule(str(weight.target))(value)


def _constant(graph: GraphModule, node: Any) -> Any:
    """The value of a node that depends on nothing that comes in."""
    if not isinstance(node, Node):
        return node
    if node.op == "get_attr":
        return operator.attrgetter(str(node.target))(graph)
    arguments = [_constant(graph, value) for value in node.args]
    call: Any = node.target
    return call(*arguments)
