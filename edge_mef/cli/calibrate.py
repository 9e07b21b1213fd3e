"""edge-mef calibrate."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from edge_mef.cli.building import shown_builds
from edge_mef.cli.losses import print_losses
from edge_mef.cli.options import Channels, Json, Kernels, Weights, parse_kernels
from edge_mef.cli.progress import Bar
from edge_mef.cli.reporting import print_json, print_table
from edge_mef.errors import InputError, missing_extra

if TYPE_CHECKING:
    from edge_mef.calibration.sets import CalibrationSet
    from edge_mef.manifest import LossEntry

Losses: TypeAlias = "dict[str, LossEntry]"


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
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Measure what int8 costs each layer.")
    ] = False,
    model: Annotated[
        str | None, typer.Option("--model", help="Of this network; ffmef-edge if none.")
    ] = None,
    weights: Weights = None,
    channels: Channels = None,
    kernel_sizes: Kernels = None,
    json: Json = False,
) -> None:
    """Choose the scenes that int8 quantization is calibrated with, and say what they cover."""
    from edge_mef.calibration.sets import open_calibration_set
    from edge_mef.saving import check_output

    if not sensitivity and (model or weights or channels or kernel_sizes):
        raise InputError(
            "--model, --weights, --channels and --kernel-sizes are for --sensitivity: add it"
        )
    if save is not None:
        check_output(save, endings=(".json",))
    if sheet is not None:
        check_output(sheet)
    measure = None
    if sensitivity:
        kernels = parse_kernels(kernel_sizes)
        measure = _measurement(model or "ffmef-edge", weights, channels, kernels, shown=not json)
    with Bar("choosing") as bar:
        chosen = open_calibration_set(
            source,
            count=count,
            exposures=exposures,
            longest_side=longest_side,
            outputs=[path for path in (save, sheet) if path is not None],
            progress=bar.update,
        )
    losses: Losses = {}
    try:
        _write(chosen, save, sheet)
        if measure is not None:
            losses = measure(chosen)
    finally:  # what was found is shown even where it cannot be written
        _report(chosen, losses, json)


def _write(chosen: "CalibrationSet", save: Path | None, sheet: Path | None) -> None:
    from edge_mef.saving import write_atomically, write_picture

    if save is not None:
        write_atomically(save, chosen.record().to_json())
    if sheet is not None:
        write_picture(sheet, chosen.sheet())


def _measurement(
    model: str,
    weights: Path | None,
    channels: int | None,
    kernels: tuple[int, ...] | None,
    *,
    shown: bool,
) -> Callable[["CalibrationSet"], Losses]:
    """Open the network, before any scene is read, and return what measures its layers."""
    from edge_mef.models.table import find_network

    find_network(model)  # a wrong name is told before a missing package
    try:
        from edge_mef.export.build import ExportSettings, loss_entry, open_network
        from edge_mef.export.quantization import QuantSettings, measure_sensitivity
    except ModuleNotFoundError as error:
        raise missing_extra("--sensitivity", error.name or "torch", "export") from error
    network = open_network(ExportSettings(model, weights, channels, kernels))

    def measure(chosen: "CalibrationSet") -> Losses:
        with shown_builds(shown=shown):
            found = measure_sensitivity(find_network(model), network, chosen, QuantSettings())
        return {layer: loss_entry(score) for layer, score in found.items()}

    return measure


def _report(chosen: "CalibrationSet", losses: Losses, json: bool) -> None:
    if json:
        added = {name: loss.model_dump(mode="json") for name, loss in losses.items()}
        print_json(
            chosen.record().model_dump(mode="json") | ({"sensitivity": added} if added else {})
        )
        return
    _print_scenes(chosen)
    _print_coverage(chosen)
    print_losses(losses)
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
