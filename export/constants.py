"""Making constants of a traced program plain, before a converter sees it.

coremltools folds constants as well, but it makes single precision of half on the way. Packed
weights stay packed: what dequantizes them is left in the graph.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, InputSpec, TensorArgument

_UNPACKS = "quantized_decomposed.dequantize"
_ARITHMETIC = tuple(getattr(torch.ops.aten, name).Tensor for name in ("add", "sub", "mul", "div"))


def fold_constants(program: ExportedProgram) -> ExportedProgram:
    """Replace every computed constant that the rest needs by its value, in place."""
    graph, values = program.graph_module.graph, _given(program)
    for node in graph.nodes:
        if _is_foldable(node, values):
            values[node] = _compute(node, values)
    for node in list(graph.nodes):
        folded = node.op == "call_function" and isinstance(values.get(node), Tensor)
        if folded and any(user not in values for user in node.users):
            node.replace_all_uses_with(_lift(program, node.name, values[node], node.meta["val"]))
    graph.eliminate_dead_code()
    program.graph_module.recompile()
    return program


def type_scalars(program: ExportedProgram) -> ExportedProgram:
    """Give the numbers in half-precision arithmetic their type, in place.

    A converter that takes a plain 0.5 for single precision makes all that follows single.
    """
    for node in list(program.graph_module.graph.nodes):
        if node.target not in _ARITHMETIC or node.meta["val"].dtype != torch.float16:
            continue
        for place, argument in enumerate(node.args[:2]):
            if isinstance(argument, int | float):
                number = torch.tensor(argument, dtype=torch.float16)
                fake = node.meta["val"].new_empty(())
                name = f"{node.name}_{place}"
                node.update_arg(place, _lift(program, name, number, fake))
    program.graph_module.recompile()
    return program


def _given(program: ExportedProgram) -> dict[fx.Node, Any]:
    """The values of the placeholders that are parameters, buffers and constants."""
    stored: Mapping[str, Any] = {**program.state_dict, **program.constants}
    specs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
    return {
        node: stored[specs[node.name].target or ""]
        for node in program.graph_module.graph.nodes
        if node.op == "placeholder" and specs[node.name].kind != InputKind.USER_INPUT
    }


def _is_foldable(node: fx.Node, values: Mapping[fx.Node, Any]) -> bool:
    if node.op != "call_function" or not isinstance(node.meta.get("val"), Tensor | list):
        return False
    if str(node.target).startswith(_UNPACKS):
        return False
    return all(used in values for used in node.all_input_nodes)


def _compute(node: fx.Node, values: Mapping[fx.Node, Any]) -> Any:
    args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda used: values[used])
    assert callable(node.target)
    with torch.no_grad():
        return node.target(*args, **kwargs)


def _lift(program: ExportedProgram, name: str, value: Tensor, example: Tensor) -> fx.Node:
    """Put a new constant before the other inputs; `example` is its fake tensor."""
    name = f"constant_of_{name}"
    graph = program.graph_module.graph
    with graph.inserting_before(next(iter(graph.nodes))):
        constant: fx.Node = graph.placeholder(name)
    constant.meta["val"] = example
    spec = InputSpec(InputKind.CONSTANT_TENSOR, TensorArgument(constant.name), name)
    program.graph_signature.input_specs.insert(0, spec)
    program.constants[name] = value.detach().contiguous().clone()
    return constant
