"""The pipeline as a Core ML model in memory."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram

from edge_mef.contract import FusionContract
from edge_mef.edge_pipeline import EdgePipeline
from edge_mef.errors import GateError
from edge_mef.export.constants import fold_constants, type_scalars
from edge_mef.export.options import CoreMLOptions
from edge_mef.manifest import Precision
from edge_mef.pipeline import FusionPipeline
from edge_mef.runtimes.mil_package import quiet_coremltools

SPECIFICATIONS = {17: 8, 18: 9}  # of Core ML, by the oldest iOS that reads them
_DONE = "_cast_fp16"  # what coremltools appends to names once it is through with them
_NETWORK = "network"  # what pipelines call theirs


class PlanarPipeline(nn.Module):
    """A pipeline as Core ML wants it: images are (1, 3, H, W) floats, whole numbers up to 255.

    Core ML makes 8 bits of the output by itself; whole numbers leave it nothing to decide.
    """

    def __init__(self, pipeline: FusionPipeline | EdgePipeline) -> None:
        super().__init__()
        self.pipeline = pipeline

    def forward(self, *planes: Tensor) -> Tensor:
        """Fuse N exposures, darkest first."""
        return self.pipeline.fuse_planes(*planes)


def convert_program(
    pipeline: nn.Module,
    contract: FusionContract,
    precision: Precision,
    options: CoreMLOptions,
    folder: Path,
) -> Any:
    """Trace and convert a pipeline for one size; returns coremltools' MLModel.

    Its files are in `folder`, which has to be there as long as it is used. The precision is that of
    the traced graph, casts and quantization included; the converter adds none of its own.

    Raises:
        GateError: the converter cannot do it.
    """
    assert isinstance(pipeline, FusionPipeline | EdgePipeline)
    height, width = contract.height, contract.width
    examples = tuple(torch.zeros(1, 3, height or 1, width or 1) for _ in contract.inputs)
    with torch.no_grad(), quiet_coremltools():
        import coremltools as ct

        traced = torch.export.export(PlanarPipeline(pipeline).eval(), examples)
        program = type_scalars(fold_constants(traced.run_decompositions({})))
        try:
            model = ct.convert(
                program,
                inputs=[_image(ct, name, (1, 3, height, width)) for name in contract.inputs],
                outputs=[ct.ImageType(contract.output, color_layout=ct.colorlayout.RGB)],
                minimum_deployment_target=getattr(ct.target, f"iOS{options.ios}"),
                compute_precision=_compute_precision(ct, traced, precision),
                skip_model_load=True,
                package_dir=str(folder / "converted.mlpackage"),
            )
        except Exception as error:  # its errors share no base class
            reason = " ".join(str(error).split())
            raise GateError(f"coremltools could not convert the pipeline: {reason}") from error
        return _with_packed_weights(ct, model) if options.weights_only else model


def _compute_precision(ct: Any, traced: ExportedProgram, precision: Precision) -> Any:
    """Leave types as they are traced, but what a quantized network does between its convolutions.

    That is in single precision, which the Neural Engine has not got.
    """
    if precision != "int8":
        return ct.precision.FLOAT32
    names = {node.name for node in traced.graph.nodes if _in_network(node)}
    return ct.transform.FP16ComputePrecision(lambda operation: _named(operation, names))


def _in_network(node: fx.Node) -> bool:
    stack = node.meta.get("nn_module_stack", {}).values()
    return any(_NETWORK in path.split(".") for path, _ in stack)


def _named(operation: Any, names: set[str]) -> bool:
    """Whether an operation is of the network; some have names of their own.

    Norms are left out: half precision does not keep the sums over a frame.
    """
    if operation is None or operation.op_type == "instance_norm":
        return False
    if operation.op_type in ("cast", "clip", "tile"):
        return _named(operation.x.op, names)
    if operation.op_type in ("quantize", "dequantize"):
        return True
    found = (operation.name, *(out.name for out in operation.outputs))
    return any(name.removesuffix(_DONE) in names for name in found)


def _image(ct: Any, name: str, shape: tuple[int | None, ...]) -> Any:
    return ct.ImageType(name, shape=shape, color_layout=ct.colorlayout.RGB, scale=1.0)


def _with_packed_weights(ct: Any, model: Any) -> Any:
    """Store the weights of convolutions in int8, one scale for every channel that comes out."""
    cto = ct.optimize.coreml
    # Smaller ones than this are the matrices of colour conversion.
    packed = cto.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=32)
    config = cto.OptimizationConfig(op_type_configs={"conv": packed})
    return cto.linear_quantize_weights(model, config)
