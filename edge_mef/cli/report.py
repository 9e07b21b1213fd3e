"""edge-mef report."""

from pathlib import Path
from typing import Annotated

import typer

from edge_mef.cli.options import Threads
from edge_mef.cli.reporting import printable


def report(
    records: Annotated[
        list[str],
        typer.Argument(metavar="RECORD", help="A .json, a .jsonl, FILE@ID, or a folder."),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The report: .html, or .md for a pull request."),
    ],
    exposure: Annotated[
        list[Path] | None,
        typer.Option("--exposure", help="A picture to fuse for the slider; repeat it."),
    ] = None,
    bundle: Annotated[
        list[Path] | None,
        typer.Option("--bundle", help="The folder of a bundle that was measured; repeat it."),
    ] = None,
    no_pictures: Annotated[
        bool, typer.Option("--no-pictures", help="Fuse nothing, and show no slider.")
    ] = False,
    threads: Threads = None,
) -> None:
    """Write records as one self-contained page: tables, plots, pictures, and where all is from."""
    from edge_mef.benchmarks.report.build import write_report

    written = write_report(
        records,
        output,
        exposures=exposure or (),
        bundles=bundle or (),
        pictures=not no_pictures,
        threads=threads,
    )
    for note in written.notes:
        typer.echo(printable(f"note: {note}"), err=True)
    what = "1 record" if written.records == 1 else f"{written.records} records"
    groups = "1 group" if written.groups == 1 else f"{written.groups} groups"
    typer.echo(f"{output}: {what} in {groups}, {written.size / 1e6:.2f} MB")
