"""Which tensors of a traced network become int8: a quantizer for torchao's PT2E flow.

Quantized are the inputs and weights of convolutions with learned weights, transposed ones too.
Of layers that are kept only the weights are. Everything else stays in float: sums, norms,
divisions, softmax and resampling cost few operations and much precision, and fixed convolutions are
colour conversion or copies. Concatenations need no rule of their own: what they join is quantized
once, as the input of the convolution behind.
"""

from collections.abc import Collection, Iterator
from typing import Any

import torch
from torch.fx import GraphModule, Node

from edge_mef.calibration.observer import ChannelObserver, RangeObserver
from edge_mef.calibration.quiet import quiet
from edge_mef.calibration.recipe import ACTIVATION_LEVELS, WEIGHT_LEVELS, QuantRecipe

with quiet():  # importing it is not quiet either
    from torchao.quantization.pt2e.quantizer import (
        QuantizationAnnotation,
        QuantizationSpec,
        Quantizer,
    )

# The smallest scale: far below what any layer of these networks needs, but not 0.
SMALLEST_SCALE = 2.0**-20
_CONVOLUTIONS = {  # the axis of the weights' output channels
    "aten.conv2d.default": 0,
    "aten.conv_transpose2d.input": 1,
}


class SymmetricInt8(Quantizer):  # type: ignore[misc]
    """Annotates a traced network; of layers in `kept` only the weights, not what goes in."""

    def __init__(self, recipe: QuantRecipe, kept: Collection[str] = ()) -> None:
        super().__init__()
        self.recipe, self.kept = recipe, frozenset(kept)

    def annotate(self, model: GraphModule) -> GraphModule:
        """Mark the input and the weight of every convolution that becomes int8."""
        activation = self._activation()
        for name, node in convolutions(model):
            source, weight = operands(node)[:2]
            inputs = {weight: _weight(_CONVOLUTIONS[str(node.target)])}
            if name not in self.kept:
                inputs[source] = activation
            node.meta["quantization_annotation"] = QuantizationAnnotation(
                input_qspec_map=inputs, _annotated=True
            )
        return model

    def validate(self, model: GraphModule) -> None:
        """Nothing to refuse: every annotation is of the same kind."""

    def _activation(self) -> QuantizationSpec:
        observer = RangeObserver.with_args(recipe=self.recipe, eps=SMALLEST_SCALE)
        return QuantizationSpec(
            dtype=torch.int8,
            observer_or_fake_quant_ctr=observer,
            quant_min=ACTIVATION_LEVELS[0],
            quant_max=ACTIVATION_LEVELS[1],
            qscheme=torch.per_tensor_symmetric,
            is_dynamic=False,
        )


def _weight(axis: int) -> QuantizationSpec:
    return QuantizationSpec(
        dtype=torch.int8,
        observer_or_fake_quant_ctr=ChannelObserver.with_args(eps=SMALLEST_SCALE),
        quant_min=WEIGHT_LEVELS[0],
        quant_max=WEIGHT_LEVELS[1],
        qscheme=torch.per_channel_symmetric,
        ch_axis=axis,
        is_dynamic=False,
    )


def convolutions(model: GraphModule) -> Iterator[tuple[str, Node]]:
    """Yield (layer, node) of the convolutions with learned weights, in the order of running."""
    learned = {name for name, _ in model.named_parameters()}
    for name, node in all_convolutions(model):
        if _is_learned(operands(node)[1], learned):
            yield name, node


def all_convolutions(model: GraphModule) -> Iterator[tuple[str, Node]]:
    """Yield (layer, node) of every convolution; a converted one has no learned weights any more."""
    for node in model.graph.nodes:
        if str(node.target) in _CONVOLUTIONS:
            yield layer_of(node), node


def operands(node: Node) -> tuple[Any, ...]:
    """The positional arguments of a node."""
    return tuple(node.args)


def layer_of(node: Node) -> str:
    """The name of the module that a node came from."""
    stack: dict[str, Any] = node.meta.get("nn_module_stack") or {}
    names = [name for name, _ in stack.values() if name]
    return names[-1] if names else node.name


def _is_learned(value: Any, learned: Collection[str]) -> bool:
    """Whether a tensor is computed from parameters, and from nothing that comes in."""
    if not isinstance(value, Node) or value.op == "placeholder":
        return False
    if value.op == "get_attr":
        return value.target in learned
    sources = value.all_input_nodes
    return bool(sources) and all(_is_learned(source, learned) for source in sources)
