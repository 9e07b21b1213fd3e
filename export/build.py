"""Weights to bundle: trace the pipeline once, convert it, and write all that a device needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from safetensors.numpy import save
from torch import nn

from edge_mef.bundle import Bundle, check_bundle_output, describe_files, write_bundle
from edge_mef.colour import COLOUR_SPACES
from edge_mef.contract import LARGEST_SIDE, FusionContract
from edge_mef.errors import InputError
from edge_mef.export.golden import GOLDEN_FILE, Golden, encode_golden, golden_exposures
from edge_mef.export.memory import bytes_per_pixel
from edge_mef.export.onnx import OnnxArtefact, convert_to_onnx, trace_program
from edge_mef.export.targets import check_target
from edge_mef.manifest import SCHEMA_VERSION, ArtefactEntry, Manifest, NetworkEntry, Precision
from edge_mef.models import NetworkSpec, create_model, find_network
from edge_mef.models.create import network_settings
from edge_mef.models.weights import Tensors, shipped_weights, weights_digest
from edge_mef.pipeline import FusionPipeline, Rounding
from edge_mef.toolchain import toolchain_versions
from edge_mef.validation import torch_fuse

ONNX_FILE = "model.onnx"
WEIGHTS_FILE = "weights.safetensors"


@dataclass(frozen=True)
class ExportSettings:
    """What to export; None takes the network's default.

    `size` is (height, width), or None for any size. `weights` is a file, None for our own.
    """

    model: str = "ffmef"
    weights: Path | None = None
    channels: int | None = None
    kernel_sizes: Sequence[int] | None = None
    precision: Precision = "fp32"
    size: tuple[int, int] | None = None
    exposures: int | None = None
    rounding: Rounding = "nearest"


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
    check_target(target)
    spec, contract = find_network(settings.model), make_contract(settings)
    check_bundle_output(Path(output))
    network = _network(settings, spec)
    reference = FusionPipeline(network, COLOUR_SPACES[spec.colour], settings.rounding).eval()
    golden = _golden(reference, contract)
    tensors = _tensors(network)
    artefact = convert_to_onnx(
        trace_program(_in_precision(reference, settings), contract), contract
    )
    contents = {
        ONNX_FILE: artefact.data,
        WEIGHTS_FILE: save(tensors),
        GOLDEN_FILE: encode_golden(golden),
    }
    manifest = _manifest(Path(output).name, settings, contract, tensors, artefact)
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
    return FusionContract(exposures, height, width, spec.size_multiple)


def _in_precision(pipeline: FusionPipeline, settings: ExportSettings) -> FusionPipeline:
    """Put the network in the precision asked for; colour conversion and norms stay in fp32."""
    if settings.precision == "fp16":
        pipeline.network.half()
    return pipeline


def _network(settings: ExportSettings, spec: NetworkSpec) -> nn.Module:
    weights = settings.weights
    if weights is None:
        weights = shipped_weights(spec.weights)
        wanted = (
            settings.channels or spec.default_channels,
            tuple(settings.kernel_sizes or spec.default_kernel_sizes),
        )
        if wanted != (spec.default_channels, spec.default_kernel_sizes):
            raise InputError(
                f"there are no own weights for {spec.name} with {wanted[0]} channels and kernels "
                f"{wanted[1]}: train them (edge-mef train) and pass --weights"
            )
    return create_model(spec.name, settings.channels, weights, kernel_sizes=settings.kernel_sizes)


def _golden(pipeline: FusionPipeline, contract: FusionContract) -> Golden:
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
    artefact: OnnxArtefact,
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
        memory_bytes_per_pixel=round(bytes_per_pixel(artefact.model), 1),
        artefacts=(
            ArtefactEntry(
                format="onnx",
                file=ONNX_FILE,
                precision=settings.precision,
                opset=artefact.opset,
                operators=artefact.operators,
            ),
        ),
        files={},
        toolchain=toolchain_versions(),
    )
