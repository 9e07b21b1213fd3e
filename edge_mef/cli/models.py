"""edge-mef models."""

from dataclasses import asdict

from edge_mef.cli.options import Json
from edge_mef.cli.reporting import print_json, print_table


def models(json: Json = False) -> None:
    """List the networks, and the bundles that come with EdgeMEF."""
    from edge_mef.bundle import bundled_names
    from edge_mef.models.table import NETWORKS

    if json:
        print_json({name: asdict(row) for name, row in NETWORKS.items()})
        return
    bundles = bundled_names()
    rows = [
        (
            row.name,
            row.task,
            " to ".join(map(str, sorted(set(row.exposures)))),
            "yes" if row.tileable else "no",
            "yes" if row.name in bundles else "no",
            row.summary,
            row.source,
        )
        for row in NETWORKS.values()
    ]
    columns = ("network", "task", "exposures", "tileable", "bundled", "what it does", "source")
    print_table("networks", columns, rows)
