"""Bundles with OpenVINO models beside their ONNX models, made without an export from torch."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from torch import nn

from edge_mef.bundle import Bundle, describe_files, load_bundle, write_bundle
from edge_mef.contract import FusionContract
from edge_mef.export.artefacts import Conversion
from edge_mef.export.openvino import convert
from edge_mef.export.options import TargetOptions
from edge_mef.manifest import Precision


def conversion_of(
    portable: Mapping[str, bytes], contract: FusionContract, precision: Precision = "fp32"
) -> Conversion:
    """What the exporter gets; the pipeline itself is not used by this target."""
    return Conversion(nn.Identity(), contract, precision, TargetOptions(), portable)


def portable_of(bundle: Bundle) -> dict[str, bytes]:
    """The ONNX models of a bundle by their names."""
    entries = bundle.manifest.artefacts
    return {a.file: bundle.path_of(a).read_bytes() for a in entries if a.format == "onnx"}


def add_openvino(source: str, folder: Path, portable: Mapping[str, bytes] | None = None) -> Bundle:
    """Write a copy of a bundle that comes with us to `folder`, its models in OpenVINO as well.

    With `portable` these models take the place of the bundle's, and both formats hold them.
    """
    loaded = load_bundle(source)
    models = portable_of(loaded) | dict(portable or {})
    precision: Precision = "fp32" if portable is None else "int8"
    added = convert(conversion_of(models, loaded.manifest.contract, precision))
    kept = {name: (loaded.folder / name).read_bytes() for name in loaded.manifest.files}
    contents = kept | models | {n: data for a in added for n, data in a.files.items()}
    entries = (*loaded.manifest.artefacts, *(a.entry for a in added))
    update = {"artefacts": entries, "files": describe_files(contents), "precision": precision}
    write_bundle(folder, loaded.manifest.model_copy(update=update), contents)
    return load_bundle(folder)


def quantized(data: bytes) -> bytes:
    """An ONNX model with its convolutions in int8: symmetric, weights per output channel.

    The step of all activations is 1/32, which covers -4 to 4.
    """
    model = onnx.load_model_from_string(data)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type == "Conv" and weights[node.input[1]].dims[1] != 3:
            node.input[0] = _quantize(model, nodes, node.input[0], 1 / 32)
            node.input[1] = _weights(model, nodes, weights[node.input[1]])
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def _constant(model: onnx.ModelProto, name: str, value: object) -> str:
    if all(tensor.name != name for tensor in model.graph.initializer):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), name))
    return name


def _quantize(model: onnx.ModelProto, nodes: list[onnx.NodeProto], name: str, scale: float) -> str:
    step = _constant(model, "step", np.float32(scale))
    zero = _constant(model, "zero", np.int8(0))
    output = f"{name}_{len(nodes)}_dequantized"
    short = f"{name}_{len(nodes)}_int8"
    nodes.append(onnx.helper.make_node("QuantizeLinear", [name, step, zero], [short]))
    nodes.append(onnx.helper.make_node("DequantizeLinear", [short, step, zero], [output]))
    return output


def _weights(model: onnx.ModelProto, nodes: list[onnx.NodeProto], tensor: onnx.TensorProto) -> str:
    values = onnx.numpy_helper.to_array(tensor)
    steps = np.maximum(np.abs(values).reshape(len(values), -1).max(axis=1), 1e-6) / 127
    stored = np.round(values / steps.reshape(-1, *[1] * (values.ndim - 1))).astype(np.int8)
    names = [
        _constant(model, f"{tensor.name}_int8", stored),
        _constant(model, f"{tensor.name}_steps", steps.astype(np.float32)),
        _constant(model, f"{tensor.name}_zeros", np.zeros(len(values), np.int8)),
    ]
    output = f"{tensor.name}_{len(nodes)}_dequantized"
    nodes.append(onnx.helper.make_node("DequantizeLinear", names, [output], axis=0))
    return output
