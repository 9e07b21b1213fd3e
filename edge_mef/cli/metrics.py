"""edge-mef metrics."""

from pathlib import Path
from typing import Annotated

import typer

from edge_mef.cli.options import Json, parse_names
from edge_mef.cli.reporting import arrows, finite_values, print_json, print_table
from edge_mef.errors import InputError


def metrics(
    pictures: Annotated[
        list[Path],
        typer.Argument(
            metavar="UNDER OVER [MORE...] FUSED",
            help="Two or more exposures in any order, then the fused picture.",
        ),
    ],
    reference: Annotated[
        Path | None,
        typer.Option("--reference", help="Compare with this picture too; exposures are optional."),
    ] = None,
    names: Annotated[
        str | None, typer.Option("--names", help="Only these, such as MEF_SSIM,VIF.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure a fused picture with the metrics of fusion papers, without torch."""
    from edge_mef.metrics.files import measure_files

    *exposures, fused = pictures
    if len(exposures) == 1 or (not exposures and reference is None):
        raise InputError(
            f"expected UNDER OVER FUSED, found {len(pictures)} picture"
            f"{'s' if exposures else ''}: name the exposures first and the fused picture last"
        )
    scores = measure_files(fused, exposures, reference=reference, names=parse_names(names))
    if json:
        against = {"exposures": scores.exposures, "reference": scores.reference}
        print_json(
            {"fused": fused, "size": scores.size}
            | {k: finite_values(v) for k, v in against.items()}
        )
        return
    if scores.exposures:
        _print(f"{fused.name} against {len(exposures)} exposures", scores.exposures)
    if scores.reference and reference is not None:
        _print(f"{fused.name} against {reference.name}", scores.reference)


def _print(title: str, values: dict[str, float]) -> None:
    from edge_mef.metrics.table import METRICS

    up, down = arrows()
    rows = [
        (name, value, up if METRICS[name].better == "larger" else down, METRICS[name].title)
        for name, value in values.items()
    ]
    print_table(title, ("metric", "value", "better", "what it is"), rows)
