"""edge-mef doctor."""

from dataclasses import asdict

import typer

from edge_mef.cli.options import Json
from edge_mef.cli.reporting import print_json, print_table


def doctor(json: Json = False) -> None:
    """Say what works on this machine, and what to install for the rest."""
    from edge_mef.diagnosis import diagnose

    diagnosis = diagnose()
    if json:
        print_json(asdict(diagnosis))
    else:
        rows = [*diagnosis.machine.items(), *diagnosis.versions.items()]
        print_table("this machine", ("what", "value"), rows)
        found = [(f.kind, f.name, "yes" if f.works else "no", f.detail) for f in diagnosis.findings]
        print_table("what works", ("kind", "name", "works", "detail"), found)
    if not diagnosis.can_fuse:
        raise typer.Exit(3)
