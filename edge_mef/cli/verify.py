"""edge-mef verify."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_mef.cli.building import shown_builds
from edge_mef.cli.options import BundleArgument, Json, Threads
from edge_mef.cli.reporting import print_json, print_table
from edge_mef.cli.summary import SUMMARY, summarize

if TYPE_CHECKING:
    from edge_mef.export.parity import VerifyResult
    from edge_mef.manifest import CheckEntry

_COLUMNS = (
    "artefact", "runtime", "against", "scene", "max diff", "PSNR dB", "MEF-SSIM", "s", "gate", ""
)  # fmt: skip


def verify(
    bundle: BundleArgument = None,
    data: Annotated[
        str | None, typer.Option("--data", help="Scenes to compare on; rendered ones if none.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many scenes.")] = 10,
    longest_side: Annotated[
        int | None,
        typer.Option("--longest-side", min=16, help="Reduce the scenes of --data to this."),
    ] = None,
    threads: Threads = None,
    write: Annotated[
        bool, typer.Option("--write/--no-write", help="Put the result into the bundle.")
    ] = True,
    details: Annotated[
        bool, typer.Option("--details", help="Show every comparison, not only those that failed.")
    ] = False,
    json: Json = False,
) -> None:
    """Check a bundle's files, and compare its artefacts with the network they were made from."""
    from edge_mef.export.parity import verify_bundle

    with shown_builds(shown=not json):
        result = verify_bundle(
            bundle, data=data, limit=limit, longest_side=longest_side, threads=threads, write=write
        )
    report(result, json, details)


def report(result: "VerifyResult", json: bool, details: bool = False) -> None:
    """Print the checks, for each artefact or each alone; leave with 1 where one failed."""
    if json:
        print_json(result.verification.model_dump(mode="json") | {"notes": result.notes})
    else:
        manifest = result.bundle.manifest
        print_table(_title(result), SUMMARY, summarize(manifest, result.verification.checks))
        checks = result.verification.checks
        shown = checks if details else [check for check in checks if not check.passed]
        if shown:
            print_table("checks" if details else "failed", _COLUMNS, [_row(c) for c in shown])
        for note in result.notes:
            typer.echo(f"note: {note}")
    if not result.verification.passed:
        raise typer.Exit(1)


def _title(result: "VerifyResult") -> str:
    manifest = result.bundle.manifest
    size = sum(entry.size for entry in manifest.files.values())
    folder = Path(result.bundle.folder)
    return f"{folder}: {manifest.network.name} {manifest.precision}, {size / 1024:.0f} KiB"


def _row(check: "CheckEntry") -> tuple[object, ...]:
    return (
        check.artefact,
        check.runtime,
        check.reference,
        check.scene,
        check.max_difference,
        "equal" if check.psnr is None else f"{check.psnr:.1f}",
        "" if check.mef_ssim_drop is None else f"{-check.mef_ssim_drop:+.4f}",
        f"{check.seconds:.2f}",
        check.gate,
        "ok" if check.passed else "FAILED",
    )
