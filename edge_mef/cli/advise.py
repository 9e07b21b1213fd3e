"""edge-mef advise."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_mef.cli.building import shown_builds
from edge_mef.cli.options import Json, Threads
from edge_mef.cli.progress import Bar
from edge_mef.cli.reporting import finite, print_json, print_table

if TYPE_CHECKING:
    from edge_mef.benchmarks.advice import Candidate
    from edge_mef.benchmarks.precision import Advice


def advise(
    model: Annotated[
        str | None, typer.Option("--model", help="A network to export; ffmef-edge if none.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", help="Its .safetensors file; our own if none.")
    ] = None,
    calibration: Annotated[
        str | None,
        typer.Option("--calibration", help="Scenes for int8; rendered ones if none."),
    ] = None,
    bundle: Annotated[
        list[str] | None,
        typer.Option("--bundle", help="Choose among these bundles and export nothing."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help="Scenes to compare on, of the split val; rendered if none."),
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", help="HxW of the timed frame; else 1080x1920.")
    ] = None,
    threads: Threads = None,
    repeats: Annotated[
        int, typer.Option("--repeats", min=3, max=10000, help="Timed calls of each.")
    ] = 10,
    json: Json = False,
) -> None:
    """Measure fp32, fp16 and int8 on every runtime of this machine, and say which to take."""
    from edge_mef.benchmarks.precision import advise_precision

    with Bar("advising") as bar, shown_builds(shown=False):
        advice = advise_precision(
            model,
            weights,
            calibration=calibration,
            bundles=bundle or [],
            data=data,
            size=size,
            threads=threads,
            repeats=repeats,
            progress=bar.update,
        )
    if json:
        print_json(_describe(advice))
    else:
        _print_advice(advice)
    if advice.winner is None:
        raise typer.Exit(1)


def _print_advice(advice: "Advice") -> None:
    from edge_mef.benchmarks.advice import noise

    columns = ("", "median ms", "noise ms", "PSNR dB", "MEF-SSIM", "weights KiB", "gate")
    rows = [
        (
            f"{'> ' if c is advice.winner else '  '}{c.name}",
            f"{c.timing.median:.1f}",
            f"{noise(c.timing):.1f}",
            "equal" if finite(c.quality.psnr) is None else f"{c.quality.psnr:.1f}",
            c.quality.change,
            "unknown" if c.weight_bytes is None else f"{c.weight_bytes / 1024:.1f}",
            "ok" if c.quality.holds else "FAILED",
        )
        for c in advice.candidates
    ]
    height, width = advice.size
    scenes = f"{advice.scenes} scene{'' if advice.scenes == 1 else 's'}"
    title = f"{advice.exposures} exposures of {height}x{width}; quality on {scenes}"
    print_table(title, columns, rows)
    typer.echo(advice.text)
    for note in advice.notes:
        typer.echo(f"note: {note}", err=True)


def _describe(advice: "Advice") -> dict[str, Any]:
    from edge_mef.toolchain import toolchain_versions

    return {
        "winner": None if advice.winner is None else advice.winner.name,
        "advice": advice.text,
        "size": advice.size,
        "exposures": advice.exposures,
        "scenes": advice.scenes,
        "candidates": [_describe_one(candidate) for candidate in advice.candidates],
        "notes": advice.notes,
        "toolchain": toolchain_versions(),
    }


def _describe_one(candidate: "Candidate") -> dict[str, Any]:
    from edge_mef.benchmarks.advice import noise

    timing, quality = candidate.timing, candidate.quality
    return {
        "name": candidate.name,
        "bundle": candidate.bundle,
        "precision": candidate.precision,
        "runtime": candidate.runtime,
        "artefact": candidate.artefact,
        "median_ms": timing.median,
        "noise_ms": noise(timing),
        "p90_ms": timing.percentile(90.0),
        "psnr": finite(quality.psnr),
        "max_difference": quality.difference,
        "mef_ssim_difference": quality.mef_ssim,
        "gate": quality.gate,
        "passed": quality.holds,
        "weight_bytes": candidate.weight_bytes,
    }
