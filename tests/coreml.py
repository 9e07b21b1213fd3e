"""Core ML in tests: conversions, and packages that somebody changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from edge_mef.contract import FusionContract
from edge_mef.edge_pipeline import EdgePipeline
from edge_mef.export.artefacts import Artefact, Conversion
from edge_mef.export.options import CoreMLOptions, TargetOptions
from edge_mef.manifest import Precision
from edge_mef.models import create_model, find_network
from edge_mef.models.weights import shipped_weights
from edge_mef.pipeline import FusionPipeline, make_pipeline
from edge_mef.runtimes.mil_package import quiet_coremltools

ABOUT = {"name": "the network", "source": "us", "license": "Apache-2.0", "version": "1.2.3"}
MODEL = "Data/com.apple.CoreML/model.mlmodel"
WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"


def own_pipeline(name: str) -> FusionPipeline | EdgePipeline:
    """A network with our weights, in fp32."""
    spec = find_network(name)
    weights = shipped_weights(spec.weights.format(channels=spec.default_channels))
    return make_pipeline(spec, create_model(name, weights=weights))


def conversion(
    name: str,
    precision: Precision = "fp32",
    *,
    pipeline: FusionPipeline | EdgePipeline | None = None,
    sizes: tuple[tuple[int, int], ...] = ((64, 96),),
    **options: Any,
) -> Conversion:
    """What the Core ML target is given, for frames of these sizes."""
    found = pipeline or own_pipeline(name)
    if precision == "fp16" and pipeline is None:
        found.network.half()
    told = TargetOptions(coreml=CoreMLOptions(sizes=sizes, **options))
    return Conversion(found, FusionContract(2), precision, told, {}, ABOUT)


def write_package(artefact: Artefact, folder: Path) -> Path:
    """Write a package's files below a folder; return where it is."""
    for name, data in artefact.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / artefact.entry.file


def change_spec(package: Path, change: Callable[[Any], None]) -> None:
    """Change a saved package's specification."""
    with quiet_coremltools():
        from coremltools.proto import Model_pb2
    spec = Model_pb2.Model()
    spec.ParseFromString((package / MODEL).read_bytes())
    change(spec)
    (package / MODEL).write_bytes(spec.SerializeToString())


def operations(spec: Any) -> list[Any]:
    """Return the operations of a specification's only block."""
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    return list(block.operations)


class _Held(nn.Module):
    """A converted program as a network: it has a parameter, and no modes."""

    def __init__(self, program: nn.Module) -> None:
        super().__init__()
        self.program = program
        self.kept = nn.Parameter(torch.zeros(1))

    def forward(self, views: Tensor) -> Any:
        return self.program(views)

    def train(self, mode: bool = True) -> "_Held":
        return self


def quantized_pipeline(scenes: list[tuple[Tensor, ...]]) -> EdgePipeline:
    """Our ffmef-edge with all convolutions in int8, calibrated on a few scenes (1, H, W, 3)."""
    pipeline = own_pipeline("ffmef-edge")
    assert isinstance(pipeline, EdgePipeline)
    with quiet_coremltools(), torch.no_grad():
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

        traced: ExportedProgram = torch.export.export(
            pipeline.network, (torch.rand(2, 3, 192, 192),)
        )
        watched = prepare_pt2e(traced.module(), _every_convolution())
        pipeline.network = _Held(watched)
        for scene in scenes:
            pipeline(*scene)
        pipeline.network = _Held(convert_pt2e(watched))
    return pipeline


def _every_convolution() -> Any:
    from torchao.quantization.pt2e import MinMaxObserver, PerChannelMinMaxObserver
    from torchao.quantization.pt2e.quantizer import (
        QuantizationAnnotation,
        QuantizationSpec,
        Quantizer,
    )

    pixels = QuantizationSpec(
        dtype=torch.int8,
        observer_or_fake_quant_ctr=MinMaxObserver.with_args(eps=2**-16),
        quant_min=-128,
        quant_max=127,
        qscheme=torch.per_tensor_symmetric,
    )
    weights = QuantizationSpec(
        dtype=torch.int8,
        observer_or_fake_quant_ctr=PerChannelMinMaxObserver.with_args(eps=2**-16),
        quant_min=-127,
        quant_max=127,
        qscheme=torch.per_channel_symmetric,
        ch_axis=0,
    )

    class EveryConvolution(Quantizer):  # type: ignore[misc]
        def annotate(self, model: Any) -> Any:
            for node in model.graph.nodes:
                if node.target == torch.ops.aten.conv2d.default:
                    specs = {node.args[0]: pixels, node.args[1]: weights}
                    node.meta["quantization_annotation"] = QuantizationAnnotation(
                        input_qspec_map=specs, _annotated=True
                    )
            return model

        def validate(self, model: Any) -> None:
            pass

    return EveryConvolution()
