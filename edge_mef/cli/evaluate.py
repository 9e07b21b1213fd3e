"""edge-mef evaluate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_mef.cli.options import Data, Json, parse_names
from edge_mef.cli.progress import Bar
from edge_mef.cli.reporting import arrows, finite, finite_values, print_json, print_table
from edge_mef.errors import InputError

if TYPE_CHECKING:
    from edge_mef.evaluation import Evaluation

_COLUMNS = 4  # methods side by side; more would not fit a terminal


def evaluate(
    data: Data,
    bundle: Annotated[
        list[str] | None, typer.Option("--bundle", help="Bundles; the default one if none.")
    ] = None,
    weights: Annotated[
        list[Path] | None, typer.Option("--weights", help="Weight files, run in torch.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", help="The network of --weights; alone, its bundle that comes with us."
        ),
    ] = None,
    peers: Annotated[
        bool, typer.Option("--peers", help="What else a user could pick, such as OpenCV's Mertens.")
    ] = False,
    published: Annotated[
        Path | None, typer.Option("--published", help="FFMEF as published, with these weights.")
    ] = None,
    split: Annotated[str, typer.Option("--split", help="train, calib or val.")] = "val",
    longest_side: Annotated[
        int | None, typer.Option("--longest-side", min=64, help="Reduce the scenes to this.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option("--metrics", help="Only these, such as MEF_SSIM,VIF.")
    ] = None,
    all_exposures: Annotated[
        bool,
        typer.Option("--all-exposures", help="All exposures, not only darkest and brightest."),
    ] = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write scene, method, metric, value here.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Write a contact sheet of all pictures here.")
    ] = None,
    json: Json = False,
) -> None:
    """Fuse every scene with every method; print the mean of each metric, and mean ranks."""
    from edge_mef.evaluation import evaluate_methods

    with Bar("evaluating") as bar:
        result = evaluate_methods(
            data,
            bundles=_bundles(bundle, weights, model),
            weights=weights or [],
            model=model,
            peers=peers,
            published=published,
            split=split,
            longest_side=longest_side,
            metrics=parse_names(metrics),
            all_exposures=all_exposures,
            csv=csv,
            sheet=sheet,
            progress=bar.update,
        )
    try:
        _write(result, csv, sheet)
    finally:  # what took so long is shown even where it cannot be written
        _report(result, json, "all exposures" if all_exposures else "two exposures")
    if result.failed:
        raise typer.Exit(2)


def _bundles(
    bundle: list[str] | None, weights: list[Path] | None, model: str | None
) -> "list[str | Path | None]":
    from edge_mef.bundle import bundled

    if weights:
        return [*(bundle or [])]
    if bundle and model is not None:
        raise InputError("--model names the network of --weights: leave it out beside --bundle")
    if model is not None:
        return [bundled(model)]
    return [*bundle] if bundle else [None]


def _write(result: "Evaluation", csv: Path | None, sheet: Path | None) -> None:
    from edge_mef.saving import write_atomically, write_picture

    if not result.values:
        return
    if csv is not None:
        write_atomically(csv, result.to_csv())
    if sheet is not None and result.sheet is not None:
        write_picture(sheet, result.sheet)


def _report(result: "Evaluation", json: bool, exposures: str) -> None:
    if json:
        print_json(_describe(result))
    else:
        _print_tables(result, exposures)
        for note in result.notes:
            typer.echo(f"note: {note}", err=True)
    for scene, why in result.failed:
        typer.echo(f"error: {scene} is left out: {' '.join(why.split())}", err=True)


def _describe(result: "Evaluation") -> dict[str, Any]:
    ranks, means = result.mean_ranks(), result.means()
    return {
        "metrics": result.metrics,
        "methods": [
            {"method": name, "mean_rank": rank, "means": finite_values(means[name])}
            for name, rank in ranks.items()
        ],
        "values": [
            {"scene": scene, "method": method, "metric": metric, "value": finite(value)}
            for scene, method, metric, value in result.rows()
        ],
        "failed": [{"scene": scene, "error": why} for scene, why in result.failed],
        "notes": result.notes,
    }


def _print_tables(result: "Evaluation", exposures: str) -> None:
    """Print metrics by method, best mean rank first, a few methods side by side."""
    from edge_mef.metrics import METRICS

    ranks, means = result.mean_ranks(), result.means()
    methods = sorted(ranks, key=ranks.__getitem__)
    count = len(result.values)
    title = f"{count} scene{'' if count == 1 else 's'}, {exposures}"
    up, down = arrows()
    for start in range(0, len(methods), _COLUMNS):
        shown = methods[start : start + _COLUMNS]
        # Of one method there is no rank.
        rows = [("mean rank", down, *(ranks[name] for name in shown))] if len(methods) > 1 else []
        rows += [
            (
                metric,
                up if METRICS[metric].better == "larger" else down,
                *(means[name][metric] for name in shown),
            )
            for metric in result.metrics
        ]
        print_table(title, ("", "better", *shown), rows)
