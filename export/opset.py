"""An ONNX model of opset 18 in the words of opset 17, for readers that know no newer one.

onnx's own converter gives up on models like ours (it has no way back for Pad and for axes that are
inputs), so the few operators that changed are rewritten here; anything else that changed is
refused.
"""

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, defs, helper, numpy_helper

from edge_mef.errors import GateError

OLD_OPSET = 17
OLD_IR_VERSION = 8  # that of the onnx release which brought opset 17
_AXES_MOVED = (
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSumSquare",
)
Constants = Mapping[str, NDArray[Any]]


def lower_opset(model: ModelProto) -> ModelProto:
    """Return the model in opset 17 and IR version 8; the one given stays as it is.

    Raises:
        GateError: an operator is used in a way that opset 17 has no words for.
    """
    lowered = ModelProto()
    lowered.CopyFrom(model)
    constants = constants_of(lowered)
    stated = next(o for o in lowered.opset_import if o.domain in ("", "ai.onnx"))
    for node in lowered.graph.node:
        if _changed(node.op_type, stated.version):
            _rewriter(node.op_type)(node, constants)
    drop_unused(lowered)
    stated.version = min(stated.version, OLD_OPSET)
    lowered.ir_version = min(lowered.ir_version, OLD_IR_VERSION)
    return lowered


def constants_of(model: ModelProto) -> dict[str, NDArray[Any]]:
    """Return the initializers of a model by name."""
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def drop_unused(model: ModelProto) -> None:
    """Remove the initializers that no node reads."""
    used = {name for node in model.graph.node for name in node.input}
    kept = [t for t in model.graph.initializer if t.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def attribute(node: NodeProto, name: str, default: Any = None) -> Any:
    """Return the value of a node's attribute, texts as str."""
    found = next((a for a in node.attribute if a.name == name), None)
    value = default if found is None else helper.get_attribute_value(found)
    return value.decode() if isinstance(value, bytes) else value


def remove_attributes(node: NodeProto, *names: str) -> None:
    """Remove attributes of a node where it has them."""
    kept = [a for a in node.attribute if a.name not in names]
    del node.attribute[:]
    node.attribute.extend(kept)


def _changed(operator: str, version: int) -> bool:
    if version <= OLD_OPSET:
        return False
    now = defs.get_schema(operator, version).since_version
    return now > OLD_OPSET


def _rewriter(operator: str) -> Callable[[NodeProto, Constants], None]:
    if operator in _AXES_MOVED:
        return _axes_to_attribute
    known = {"Split": _lower_split, "Resize": _lower_resize, "Pad": _lower_pad}
    if operator not in known:
        raise _impossible(operator, f"it was last changed after opset {OLD_OPSET}")
    return known[operator]


def _axes_to_attribute(node: NodeProto, constants: Constants) -> None:
    axes = node.input[1] if len(node.input) > 1 else ""
    if axes and axes not in constants:
        raise _impossible(node.op_type, "its axes are computed")
    if not axes and attribute(node, "noop_with_empty_axes", 0):
        raise _impossible(node.op_type, "it reduces nothing")
    remove_attributes(node, "noop_with_empty_axes")
    del node.input[1:]
    if axes:
        values = [int(axis) for axis in constants[axes].ravel()]
        node.attribute.append(helper.make_attribute("axes", values))


def _lower_split(node: NodeProto, constants: Constants) -> None:
    """Without the attribute, all outputs share the axis evenly, as torch's own splits do."""
    remove_attributes(node, "num_outputs")


def _lower_resize(node: NodeProto, constants: Constants) -> None:
    policy = attribute(node, "keep_aspect_ratio_policy", "stretch")
    if attribute(node, "antialias", 0) or policy != "stretch" or attribute(node, "axes"):
        raise _impossible("Resize", "it smooths, keeps proportions or names axes")
    remove_attributes(node, "antialias", "keep_aspect_ratio_policy")


def _lower_pad(node: NodeProto, constants: Constants) -> None:
    if len(node.input) > 3 and node.input[3]:
        raise _impossible("Pad", "it names axes")


def _impossible(operator: str, why: str) -> GateError:
    return GateError(
        f"the operator {operator} cannot be written in ONNX opset {OLD_OPSET}, because {why}: "
        "change what the network computes"
    )
