"""Weights to bundle: trace the pipeline once, convert it, and write all that a device needs."""

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from safetensors.numpy import save
from torch import nn

from edge_mef.bundle import Bundle, check_bundle_output, describe_files, write_bundle
from edge_mef.calibration.scales import SCALES_FILE, encode_scales
from edge_mef.calibration.sensitivity import Score
from edge_mef.colour import COLOUR_SPACES
from edge_mef.contract import LARGEST_SIDE, FusionContract
from edge_mef.edge_pipeline import EdgePipeline
from edge_mef.errors import InputError
from edge_mef.export.artefacts import Artefact, Conversion
from edge_mef.export.golden import GOLDEN_FILE, Golden, encode_golden, golden_exposures
from edge_mef.export.memory import bytes_per_pixel
from edge_mef.export.onnx import OnnxArtefact, convert_to_onnx, describe_model, trace_program
from edge_mef.export.options import TargetOptions
from edge_mef.export.proof import prove_onnx
from edge_mef.export.quantization import Quantized, QuantSettings, quantize
from edge_mef.export.stages import convert_stages
from edge_mef.export.targets import TargetRow, check_target
from edge_mef.manifest import (
    SCHEMA_VERSION,
    ArtefactEntry,
    LossEntry,
    Manifest,
    NetworkEntry,
    Precision,
    QuantizationEntry,
    Role,
)
from edge_mef.models import NetworkSpec, create_model, find_network
from edge_mef.models.create import network_settings
from edge_mef.models.weights import Tensors, own_widths, shipped_weights, weights_digest
from edge_mef.pipeline import FusionPipeline, Rounding, make_pipeline
from edge_mef.stages import ANALYSIS_FILE, VIEW_FILE
from edge_mef.stages import WEIGHTS_FILE as CELL_WEIGHTS_FILE
from edge_mef.toolchain import toolchain_versions
from edge_mef.validation import torch_fuse
from edge_mef.version import __version__

Pipeline = FusionPipeline | EdgePipeline
ONNX_FILE = "model.onnx"
_NETWORK = ("pipeline", "analysis")  # the roles that hold the network
WEIGHTS_FILE = "weights.safetensors"


@dataclass(frozen=True)
class ExportSettings:
    """What to export; None takes the network's default.

    `size` is (height, width), or None for any size. `weights` is a file, None for our own.
    """

    model: str = "ffmef-edge"
    weights: Path | None = None
    channels: int | None = None
    kernel_sizes: Sequence[int] | None = None
    precision: Precision = "fp32"
    size: tuple[int, int] | None = None
    exposures: int | None = None
    rounding: Rounding = "nearest"
    options: TargetOptions = field(default_factory=TargetOptions)
    quantization: QuantSettings = field(default_factory=QuantSettings)


def export_bundle(
    output: str | Path, settings: ExportSettings | None = None, *, target: str = "onnx"
) -> Bundle:
    """Export a network to a bundle.

    Args:
        output: the bundle's folder; an older bundle there is replaced, anything else is not.
        settings: network, weights, precision and size.
        target: a name of `edge_mef.export.targets.TARGETS`.

    Raises:
        InputError: unknown names, weights that do not fit, an impossible size or exposure count.
        MissingError: the target needs a package that is not installed.
        GateError: the converted model is not what was asked for.
        OutputError: the bundle cannot be written.
    """
    settings = settings or ExportSettings()
    row = check_target(target)
    spec, contract = find_network(settings.model), make_contract(settings)
    settings.options.check(target, contract, settings.precision)
    check_bundle_output(Path(output))
    network = open_network(settings)
    reference = make_pipeline(spec, network, settings.rounding)
    golden = _golden(reference, contract)
    tensors = _tensors(network)
    quantized = _quantized(spec, network, tensors, settings)
    if quantized is None:
        pipeline = _in_precision(reference, settings)
    else:
        pipeline = make_pipeline(spec, quantized.program, settings.rounding)
    models = _models(pipeline, contract)
    portable = {name: model.data for name, model in models.items()}
    conversion = Conversion(
        pipeline, contract, settings.precision, settings.options, portable, _about(spec)
    )
    added = _convert(row, conversion)
    contents = {
        **portable,
        **{name: data for artefact in added for name, data in artefact.files.items()},
        **({} if quantized is None else {SCALES_FILE: encode_scales(quantized.scales)}),
        WEIGHTS_FILE: save(tensors),
        GOLDEN_FILE: encode_golden(golden),
    }
    manifest = _manifest(Path(output).name, settings, contract, tensors, models, added)
    if quantized is not None:
        manifest = manifest.model_copy(update={"quantization": _entry_of(quantized)})
    listed = manifest.model_copy(update={"files": describe_files(contents)})
    return write_bundle(Path(output), listed, contents)


def make_contract(settings: ExportSettings) -> FusionContract:
    """Return the contract that these settings ask for; `InputError` where there is none."""
    spec = find_network(settings.model)
    low, high = spec.exposures
    exposures = low if settings.exposures is None else settings.exposures
    if not low <= exposures <= high:
        span = str(low) if low == high else f"{low} to {high}"
        raise InputError(f"{spec.name} fuses {span} exposures, found {exposures}")
    height, width = settings.size or (None, None)
    for side in (height, width):
        if side is not None and (not 1 <= side <= LARGEST_SIDE or side % spec.size_multiple):
            raise InputError(
                f"expected sides of 1 to {LARGEST_SIDE} divisible by {spec.size_multiple}, "
                f"found {height}x{width}"
            )
    if spec.domain != "view":
        return FusionContract(exposures, height, width, spec.size_multiple)
    if settings.rounding != "nearest":
        raise InputError(f"{spec.name} rounds to the nearest level, found '{settings.rounding}'")
    return FusionContract(exposures, height, width, spec.size_multiple, fewest=low, most=high)


def _models(pipeline: Pipeline, contract: FusionContract) -> dict[str, OnnxArtefact]:
    """Convert the pipeline in one piece and, where it has stages, each of them."""
    models = {ONNX_FILE: convert_to_onnx(trace_program(pipeline, contract), contract)}
    if isinstance(pipeline, EdgePipeline):
        stages = convert_stages(pipeline.network, contract.counts)
        models |= {name: describe_model(model) for name, model in stages.items()}
    return models


def _quantized(
    spec: NetworkSpec, network: nn.Module, tensors: Tensors, settings: ExportSettings
) -> Quantized | None:
    if settings.precision != "int8":
        return None
    return quantize(spec, network, weights_digest(tensors), settings.quantization)


def _entry_of(quantized: Quantized) -> QuantizationEntry:
    mixed = quantized.mixed
    return QuantizationEntry(
        recipe=quantized.recipe.text,
        calibration_digest=quantized.digest,
        layers=len(quantized.scales),
        kept=mixed.kept,
        loss=loss_entry(mixed.score),
        sensitivity={name: loss_entry(score) for name, score in mixed.sensitivity.items()},
        notes=quantized.notes,
    )


def loss_entry(score: Score) -> LossEntry:
    """Return a score as manifests have it."""
    psnr = None if math.isinf(score.psnr) else round(score.psnr, 2)
    return LossEntry(psnr=psnr, mef_ssim_drop=round(score.drop, 5))


def _convert(row: TargetRow, conversion: Conversion) -> Sequence[Artefact]:
    """Make what a target adds to the ONNX models."""
    if row.module is None:
        return ()
    found: Sequence[Artefact] = importlib.import_module(row.module).convert(conversion)
    return found


def _about(spec: NetworkSpec) -> dict[str, str]:
    return {
        "name": spec.name,
        "summary": spec.summary,
        "source": spec.source,
        "license": "Apache-2.0",
        "version": __version__,
    }


def _in_precision(pipeline: Pipeline, settings: ExportSettings) -> Pipeline:
    """Put the network in the precision asked for; colour conversion and norms stay in fp32."""
    if settings.precision == "fp16":
        pipeline.network.half()
    return pipeline


def open_network(settings: ExportSettings) -> nn.Module:
    """Return the float network of these settings.

    Raises:
        InputError: no such network, no own weights for it, or weights that do not fit.
    """
    spec, weights = find_network(settings.model), settings.weights
    if weights is None:
        channels = settings.channels or spec.default_channels
        kernels = tuple(settings.kernel_sizes or spec.default_kernel_sizes)
        if kernels != spec.default_kernel_sizes or channels not in own_widths(spec):
            raise InputError(
                f"there are no own weights for {spec.name} with {channels} channels and kernels "
                f"{kernels}: train them (edge-mef train) and pass --weights"
            )
        weights = shipped_weights(spec.weights.format(channels=channels))
    return create_model(spec.name, settings.channels, weights, kernel_sizes=settings.kernel_sizes)


def _golden(pipeline: Pipeline, contract: FusionContract) -> Golden:
    exposures = golden_exposures(contract)
    return Golden(exposures, torch_fuse(pipeline)(*exposures))


def _tensors(network: nn.Module) -> Tensors:
    state = network.state_dict()
    return {name: state[name].detach().float().numpy().copy() for name in sorted(state)}


def _network_entry(spec: NetworkSpec, tensors: Tensors) -> NetworkEntry:
    channels, kernel_sizes = network_settings(spec, tensors)
    return NetworkEntry(
        name=spec.name,
        task=spec.task,
        channels=channels,
        kernel_sizes=kernel_sizes,
        parameters=sum(value.size for value in tensors.values()),
        weights_file=WEIGHTS_FILE,
        weights_sha256=weights_digest(tensors),
        source=spec.source,
    )


def _manifest(
    name: str,
    settings: ExportSettings,
    contract: FusionContract,
    tensors: Tensors,
    models: Mapping[str, OnnxArtefact],
    added: Sequence[Artefact],
) -> Manifest:
    spec = find_network(settings.model)
    return Manifest(
        schema_version=SCHEMA_VERSION,
        name=name,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        network=_network_entry(spec, tensors),
        contract=contract,
        colour=COLOUR_SPACES[spec.colour],
        rounding=settings.rounding,
        precision=settings.precision,
        tileable=spec.tileable,
        memory_bytes_per_pixel=_memory(models),
        artefacts=(
            *(_entry(name, model, settings) for name, model in models.items()),
            *(artefact.entry for artefact in added),
        ),
        files={},
        toolchain=toolchain_versions(),
    )


def _entry(name: str, artefact: OnnxArtefact, settings: ExportSettings) -> ArtefactEntry:
    roles: dict[str, Role] = {
        ONNX_FILE: "pipeline",
        VIEW_FILE: "view",
        ANALYSIS_FILE: "analysis",
        CELL_WEIGHTS_FILE: "weights",
    }
    role = roles.get(name, "application")
    inputs = [value.name for value in artefact.model.graph.input]
    counted = sum(value.startswith("exposure_") for value in inputs)
    return ArtefactEntry(
        format="onnx",
        file=name,
        role=role,
        exposures=counted if role in ("pipeline", "application") else None,
        precision=settings.precision if role in _NETWORK else "fp32",
        version=artefact.opset,
        operators=artefact.operators,
        proof=prove_onnx(artefact.model, settings.precision) if role in _NETWORK else None,
    )


def _memory(models: Mapping[str, OnnxArtefact]) -> float:
    """Bytes per pixel: of the stages, only the fused frame grows with the frame's size."""
    if VIEW_FILE in models:
        return 3.0
    return round(bytes_per_pixel(models[ONNX_FILE].model), 1)
