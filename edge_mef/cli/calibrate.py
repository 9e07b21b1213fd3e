"""edge-mef calibrate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_mef.cli.options import Json
from edge_mef.cli.progress import Bar
from edge_mef.cli.reporting import print_json, print_table

if TYPE_CHECKING:
    from edge_mef.calibration.sets import CalibrationSet


def calibrate(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A folder of brackets, a manifest.csv, rendered:COUNT, or a video whose frames "
            "alternate in exposure.",
        ),
    ],
    count: Annotated[int, typer.Option("--count", help="Scenes to choose, 4 or more.")] = 16,
    exposures: Annotated[int, typer.Option("--exposures", help="Frames of each scene.")] = 2,
    longest_side: Annotated[
        int, typer.Option("--longest-side", help="Reduce the frames to this, in pixels.")
    ] = 640,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write the set's record here, as .json.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Write a contact sheet of the scenes here.")
    ] = None,
    json: Json = False,
) -> None:
    """Choose the scenes that int8 quantization is calibrated with, and say what they cover."""
    from edge_mef.calibration.sets import open_calibration_set
    from edge_mef.saving import check_output

    if save is not None:
        check_output(save, endings=(".json",))
    if sheet is not None:
        check_output(sheet)
    with Bar("choosing") as bar:
        chosen = open_calibration_set(
            source,
            count=count,
            exposures=exposures,
            longest_side=longest_side,
            outputs=[path for path in (save, sheet) if path is not None],
            progress=bar.update,
        )
    try:
        _write(chosen, save, sheet)
    finally:  # what was found is shown even where it cannot be written
        _report(chosen, json)


def _write(chosen: "CalibrationSet", save: Path | None, sheet: Path | None) -> None:
    from edge_mef.saving import write_atomically, write_picture

    if save is not None:
        write_atomically(save, chosen.record().to_json())
    if sheet is not None:
        write_picture(sheet, chosen.sheet())


def _report(chosen: "CalibrationSet", json: bool) -> None:
    if json:
        print_json(chosen.record().model_dump(mode="json"))
        return
    _print_scenes(chosen)
    _print_coverage(chosen)
    typer.echo(f"digest: {chosen.digest}")
    for note in chosen.notes:
        typer.echo(f"note: {note}", err=True)


def _print_scenes(chosen: "CalibrationSet") -> None:
    from edge_mef.calibration.features import FEATURES

    rows = [
        (number, scene.name, *(f"{value:.2f}" for value in scene.features.values))
        for number, scene in enumerate(chosen.scenes, start=1)
    ]
    print_table(chosen.summary, ("", "scene", *FEATURES), rows)


def _print_coverage(chosen: "CalibrationSet") -> None:
    coverage = chosen.coverage
    rows = [
        (name, _span(one.candidates), _span(one.selection), f"{one.share:.0%}")
        for name, one in coverage.features.items()
    ]
    print_table("coverage", ("feature", "all scenes", "chosen", "covered"), rows)
    typer.echo(
        f"farthest scene from its nearest chosen one: {coverage.farthest:.2f} standard deviations"
    )


def _span(span: tuple[float, float]) -> str:
    return "{:.2f} to {:.2f}".format(*span)
