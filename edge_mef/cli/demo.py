"""edge-mef demo."""

from pathlib import Path
from typing import Annotated

import typer

from edge_mef.errors import missing_extra


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for all results.")] = Path(
        "demo-out"
    ),
    height: Annotated[int, typer.Option("--height", min=64)] = 600,
    width: Annotated[int, typer.Option("--width", min=64)] = 800,
) -> None:
    """Render a bracket, export a bundle, verify it, fuse, and show it beside OpenCV's Mertens."""
    from edge_mef.export.targets import TARGETS, missing_package

    package = missing_package(TARGETS["onnx"])
    if package is not None:
        raise missing_extra("edge-mef demo", package, "export")
    from edge_mef.demo import run_demo

    typer.echo("rendering a window-lit room, exporting, verifying, fusing ...")
    result = run_demo(output, height=height, width=width)
    size = f"{result.size[0]}x{result.size[1]}"
    typer.echo(f"bundle:  {result.bundle} ({result.bundle_bytes / 1024:.0f} KiB)")
    typer.echo(f"verify:  {result.checks} comparisons with torch passed")
    for name, timing in (("EdgeMEF", result.ours), ("Mertens", result.mertens)):
        worst = timing.percentile(90.0)
        typer.echo(f"{name}: {timing.median:.0f} ms median, {worst:.0f} ms p90 at {size}")
    typer.echo(f"look at: {result.sheet}")
