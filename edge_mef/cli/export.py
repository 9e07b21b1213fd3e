"""edge-mef export."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from edge_mef.cli.building import shown_builds
from edge_mef.cli.options import (
    Channels,
    Json,
    Kernels,
    Model,
    Weights,
    parse_kernels,
    parse_observer,
    parse_size,
    parse_sizes,
)
from edge_mef.cli.reporting import print_json
from edge_mef.cli.trt_options import (
    Accelerator,
    BuilderLevel,
    EngineProfile,
    HardwareCompatible,
    RequireEngine,
    VersionCompatible,
    Workspace,
    tensorrt_options,
)
from edge_mef.cli.verify import report
from edge_mef.errors import InputError


def export(
    target: Annotated[str, typer.Option("--target", help="See edge-mef doctor.")] = "onnx",
    model: Model = "ffmef-edge",
    weights: Weights = None,
    channels: Channels = None,
    kernel_sizes: Kernels = None,
    precision: Annotated[str, typer.Option("--precision", help="fp32, fp16 or int8.")] = "fp32",
    calibration: Annotated[
        str | None,
        typer.Option(
            "--calibration",
            help="Scenes for int8, as edge-mef calibrate takes them; else rendered.",
        ),
    ] = None,
    observer: Annotated[
        str | None,
        typer.Option("--observer", help="minmax, or a percentile; else the network's own."),
    ] = None,
    ranges: Annotated[
        Path | None, typer.Option("--ranges", help="A file that keeps the ranges of int8.")
    ] = None,
    keep: Annotated[
        str | None, typer.Option("--keep", help="Layers that int8 leaves in fp16: a,b,c.")
    ] = None,
    size: Annotated[str, typer.Option("--size", help="HxW, or dynamic for any size.")] = "dynamic",
    exposures: Annotated[int | None, typer.Option("--exposures", help="Frames a bracket.")] = None,
    rounding: Annotated[
        str, typer.Option("--rounding", help="nearest, or truncate as the FFMEF authors do.")
    ] = "nearest",
    ios: Annotated[int, typer.Option("--ios", help="Core ML: oldest system, 17 or 18.")] = 17,
    sizes: Annotated[
        str | None, typer.Option("--sizes", help="Core ML: one package for each, HxW,HxW.")
    ] = None,
    weights_only: Annotated[
        bool, typer.Option("--weights-only", help="Core ML: int8 weights, fp16 activations.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The bundle's folder; else NAME-TARGET.")
    ] = None,
    require_engine: RequireEngine = False,
    profile: EngineProfile = None,
    workspace: Workspace = None,
    builder_level: BuilderLevel = 3,
    dla: Accelerator = None,
    version_compatible: VersionCompatible = False,
    hardware_compatible: HardwareCompatible = False,
    check: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Compare with torch afterwards.")
    ] = True,
    json: Json = False,
) -> None:
    """Export a network as a bundle that runs without torch."""
    from edge_mef.export.options import CoreMLOptions, TargetOptions
    from edge_mef.export.targets import check_target

    if precision not in ("fp32", "fp16", "int8"):
        raise InputError(f"expected the precision fp32, fp16 or int8, found '{precision}'")
    if precision != "int8" and (calibration or ranges or keep or observer):
        raise InputError(
            "--calibration, --observer, --ranges and --keep are for --precision int8: add it"
        )
    if rounding not in ("nearest", "truncate"):
        raise InputError(f"expected the rounding nearest or truncate, found '{rounding}'")
    sides, kernels = parse_size(size), parse_kernels(kernel_sizes)
    coreml = CoreMLOptions(ios=ios, sizes=parse_sizes(sizes), weights_only=weights_only)
    check_target(target)
    tensorrt = tensorrt_options(
        target,
        require_engine=require_engine,
        profile=profile,
        sides=sides,
        workspace=workspace,
        level=builder_level,
        dla=dla,
        version_compatible=version_compatible,
        hardware_compatible=hardware_compatible,
    )
    from edge_mef.export.build import ExportSettings, export_bundle
    from edge_mef.export.parity import verify_bundle
    from edge_mef.export.quantization import QuantSettings

    settings = ExportSettings(
        model=model,
        weights=weights,
        channels=channels,
        kernel_sizes=kernels,
        precision=precision,  # type: ignore[arg-type]
        size=sides,
        exposures=exposures,
        rounding=rounding,  # type: ignore[arg-type]
        options=TargetOptions(coreml=coreml, tensorrt=tensorrt),
        quantization=QuantSettings(
            scenes=calibration,
            recipe=None if observer is None else parse_observer(observer),
            ranges=ranges,
            kept=_parts(keep),
        ),
    )
    folder = output or Path(f"{model}-{target}")
    with shown_builds(shown=not json) as builds:
        bundle = export_bundle(folder, settings, target=target)
        if bundle.manifest.quantization is not None and not json:
            for note in bundle.manifest.quantization.notes:
                typer.echo(note)
        result = verify_bundle(bundle.folder) if check else None
    if result is not None:
        report(replace(result, notes=(*builds.notes * json, *result.notes)), json)
    elif json:
        print_json(bundle.manifest.model_dump(mode="json"))
    else:
        typer.echo(f"{bundle.folder}: {model}, {precision}, {bundle.manifest.contract.size_text}")


def _parts(text: str | None) -> tuple[str, ...]:
    """The names in "a,b,c", each once."""
    names = (part.strip() for part in (text or "").split(","))
    return tuple(dict.fromkeys(name for name in names if name))
