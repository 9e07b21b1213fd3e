"""edge-mef train."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from edge_mef.cli.options import Channels, Data, Json, Kernels, Model, parse_kernels
from edge_mef.cli.reporting import print_json
from edge_mef.errors import missing_extra


def train(
    data: Data,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the training; runs/MODEL.")
    ] = None,
    model: Model = "ffmef-edge",
    channels: Channels = None,
    kernel_sizes: Kernels = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1)] = None,
    batch: Annotated[int | None, typer.Option("--batch", min=1, help="Samples a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", min=0.0)] = None,
    final_rate: Annotated[
        float | None,
        typer.Option("--final-rate", min=0.0, help="Rate at the end, relative (cosine)."),
    ] = None,
    mef_ssim_weight: Annotated[
        float | None,
        typer.Option("--mef-ssim-weight", min=0.0, help="So much of 1 - MEF-SSIM."),
    ] = None,
    tone_weight: Annotated[
        float | None, typer.Option("--tone-weight", min=0.0, help="So much of the tone loss.")
    ] = None,
    fidelity_weight: Annotated[
        float | None, typer.Option("--fidelity-weight", min=0.0, help="Of fidelity to a source.")
    ] = None,
    colour_weight: Annotated[
        float | None, typer.Option("--colour-weight", min=0.0, help="Of the colour loss.")
    ] = None,
    range_weight: Annotated[
        float | None, typer.Option("--range-weight", min=0.0, help="Of values out of range.")
    ] = None,
    crop: Annotated[
        int | None, typer.Option("--crop", min=64, max=4096, help="Side of the samples.")
    ] = None,
    smallest: Annotated[
        float | None,
        typer.Option(
            "--smallest-crop", min=0.05, max=1.0, help="Smallest share of a scene's side."
        ),
    ] = None,
    extremes: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="How often darkest and brightest are taken."),
    ] = None,
    validation_side: Annotated[int | None, typer.Option("--validation-side", min=64)] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, max=2**63 - 1)] = None,
    init: Annotated[Path | None, typer.Option("--init", help="Start from these weights.")] = None,
    qat: Annotated[
        bool, typer.Option("--qat", help="Train the weights of --init for int8.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the output folder.")] = False,
    device: Annotated[str | None, typer.Option("--device", help="cpu, cuda or cuda:1.")] = None,
    json: Json = False,
) -> None:
    """Train a network on unlabelled brackets and keep the weights that validate best.

    What is not given is as recommended for the network.
    """
    from edge_mef.train_settings import train_settings

    settings = train_settings(
        model,
        channels=channels,
        kernel_sizes=parse_kernels(kernel_sizes),
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        final_rate=final_rate,
        mef_ssim_weight=mef_ssim_weight,
        tone_weight=tone_weight,
        fidelity_weight=fidelity_weight,
        colour_weight=colour_weight,
        range_weight=range_weight,
        qat=qat,
        seed=seed,
        validation_side=validation_side,
        size=crop,
        smallest=smallest,
        extremes=extremes,
    )
    try:
        from edge_mef.training import train as run
    except ModuleNotFoundError as error:
        raise missing_extra("edge-mef train", error.name or "torch", "train") from error
    command = shlex.join(["edge-mef", *sys.argv[1:]])
    result = run(
        data,
        output or Path("runs") / model,
        settings=settings,
        init=init,
        resume=resume,
        device=device,
        command=command,
    )
    if result is None:
        return
    if json:
        print_json(vars(result))
    else:
        typer.echo(
            f"{result.weights}: epoch {result.best_epoch}, validation {result.measure} "
            f"{result.best_score:.4f}"
        )
