"""edge-mef export."""

from pathlib import Path
from typing import Annotated

import typer

from edge_mef.cli.options import (
    Channels,
    Json,
    Kernels,
    Model,
    Weights,
    parse_kernels,
    parse_size,
    parse_sizes,
)
from edge_mef.cli.reporting import print_json
from edge_mef.cli.verify import report
from edge_mef.errors import InputError


def export(
    target: Annotated[str, typer.Option("--target", help="See edge-mef doctor.")] = "onnx",
    model: Model = "ffmef-edge",
    weights: Weights = None,
    channels: Channels = None,
    kernel_sizes: Kernels = None,
    precision: Annotated[str, typer.Option("--precision", help="fp32 or fp16.")] = "fp32",
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
    check: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Compare with torch afterwards.")
    ] = True,
    json: Json = False,
) -> None:
    """Export a network as a bundle that runs without torch."""
    from edge_mef.export.options import CoreMLOptions, TargetOptions
    from edge_mef.export.targets import check_target

    if precision not in ("fp32", "fp16"):
        raise InputError(f"expected the precision fp32 or fp16, found '{precision}'")
    if rounding not in ("nearest", "truncate"):
        raise InputError(f"expected the rounding nearest or truncate, found '{rounding}'")
    sides, kernels = parse_size(size), parse_kernels(kernel_sizes)
    coreml = CoreMLOptions(ios=ios, sizes=parse_sizes(sizes), weights_only=weights_only)
    check_target(target)
    from edge_mef.export.build import ExportSettings, export_bundle
    from edge_mef.export.parity import verify_bundle

    settings = ExportSettings(
        model=model,
        weights=weights,
        channels=channels,
        kernel_sizes=kernels,
        precision=precision,  # type: ignore[arg-type]
        size=sides,
        exposures=exposures,
        rounding=rounding,  # type: ignore[arg-type]
        options=TargetOptions(coreml=coreml),
    )
    bundle = export_bundle(output or Path(f"{model}-{target}"), settings, target=target)
    if check:
        report(verify_bundle(bundle.folder), json)
    elif json:
        print_json(bundle.manifest.model_dump(mode="json"))
    else:
        typer.echo(f"{bundle.folder}: {model}, {precision}, {bundle.manifest.contract.size_text}")
