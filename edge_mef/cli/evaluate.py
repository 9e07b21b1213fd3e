"""edge-mef evaluate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_mef.cli.options import Data, Json
from edge_mef.cli.reporting import print_json, print_table
from edge_mef.errors import missing_extra

if TYPE_CHECKING:
    from edge_mef.evaluation import Evaluation


def evaluate(
    data: Data,
    bundle: Annotated[
        list[str] | None, typer.Option("--bundle", help="Bundles; the default one if none.")
    ] = None,
    weights: Annotated[
        list[Path] | None, typer.Option("--weights", help="Weight files of --model.")
    ] = None,
    model: Annotated[str, typer.Option("--model", help="The network of --weights.")] = "ffmef",
    peers: Annotated[bool, typer.Option("--peers", help="OpenCV's Mertens as well.")] = False,
    split: Annotated[str, typer.Option("--split", help="train, calib or val.")] = "val",
    longest_side: Annotated[
        int | None, typer.Option("--longest-side", min=64, help="Reduce the scenes to this.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Write a contact sheet of all pictures here.")
    ] = None,
    json: Json = False,
) -> None:
    """Fuse the darkest and brightest exposure of every scene and print the MEF-SSIM of each."""
    try:
        import edge_mef.validation  # noqa: F401
    except ModuleNotFoundError as error:
        raise missing_extra("edge-mef evaluate", error.name or "torch", "train") from error
    from edge_mef.evaluation import evaluate_methods
    from edge_mef.saving import write_picture

    result = evaluate_methods(
        data,
        bundles=bundle or ([] if weights else [None]),
        weights=weights or [],
        model=model,
        peers=peers,
        split=split,
        longest_side=longest_side,
        sheet=sheet,
    )
    _print_scores(result, json)
    if sheet is not None and result.sheet is not None:
        write_picture(sheet, result.sheet)
        typer.echo(f"{sheet}: contact sheet", err=json)


def _print_scores(result: "Evaluation", json: bool) -> None:
    if json:
        print_json(result.scores)
        return
    names = list(result.scores)
    scenes = list(result.scores[names[0]])
    rows = [(scene, *(result.scores[name][scene] for name in names)) for scene in scenes]
    rows.append(("mean", *(result.mean(name) for name in names)))
    print_table(f"MEF-SSIM, {len(scenes)} scenes", ("scene", *names), rows)
