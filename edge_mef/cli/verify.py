"""edge-mef verify."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_mef.cli.building import shown_builds
from edge_mef.cli.options import BundleArgument, Json, Threads
from edge_mef.cli.reporting import print_json, print_table

if TYPE_CHECKING:
    from edge_mef.export.parity import VerifyResult


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
    json: Json = False,
) -> None:
    """Check a bundle's files, and compare its artefacts with the network they were made from."""
    from edge_mef.export.parity import verify_bundle

    with shown_builds(shown=not json):
        result = verify_bundle(
            bundle, data=data, limit=limit, longest_side=longest_side, threads=threads, write=write
        )
    report(result, json)


def report(result: "VerifyResult", json: bool) -> None:
    """Print the checks; leave with 1 where one failed."""
    if json:
        print_json(result.verification.model_dump(mode="json") | {"notes": result.notes})
    else:
        _print_checks(result)
    if not result.verification.passed:
        raise typer.Exit(1)


def _print_checks(result: "VerifyResult") -> None:
    folder = Path(result.bundle.folder)
    columns = ("artefact", "runtime", "against", "scene", "max diff", "PSNR dB", "gate", "")
    rows = [
        (
            check.artefact,
            check.runtime,
            check.reference,
            check.scene,
            check.max_difference,
            "equal" if check.psnr is None else f"{check.psnr:.1f}",
            check.gate,
            "ok" if check.passed else "FAILED",
        )
        for check in result.verification.checks
    ]
    manifest = result.bundle.manifest
    size = sum(entry.size for entry in manifest.files.values())
    title = f"{folder}: {manifest.network.name} {manifest.precision}, {size / 1024:.0f} KiB"
    print_table(title, columns, rows)
    for note in result.notes:
        typer.echo(f"note: {note}")
