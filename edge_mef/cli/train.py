"""edge-mef train."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from edge_mef.cli.options import Data, Json, parse_kernels
from edge_mef.cli.reporting import print_json
from edge_mef.errors import missing_extra


def train(
    data: Data,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the training.")] = Path(
        "runs/ffmef"
    ),
    model: Annotated[str, typer.Option("--model", help="The network.")] = "ffmef",
    channels: Annotated[int, typer.Option("--channels", help="Width of the features.")] = 4,
    kernel_sizes: Annotated[str, typer.Option("--kernel-sizes", help="Filter sizes.")] = "1,3,5",
    epochs: Annotated[int, typer.Option("--epochs", min=1)] = 30,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Pairs a step.")] = 2,
    learning_rate: Annotated[float, typer.Option("--learning-rate", min=0.0)] = 1e-3,
    final_rate: Annotated[
        float, typer.Option("--final-rate", min=0.0, help="Rate at the end, relative (cosine).")
    ] = 1.0,
    mef_ssim_weight: Annotated[
        float, typer.Option("--mef-ssim-weight", min=0.0, help="Add so much of 1 - MEF-SSIM.")
    ] = 0.0,
    tone_weight: Annotated[
        float, typer.Option("--tone-weight", min=0.0, help="Add so much of the tone loss.")
    ] = 0.0,
    crop: Annotated[
        int, typer.Option("--crop", min=64, max=4096, help="Side of the samples.")
    ] = 192,
    smallest: Annotated[
        float,
        typer.Option(
            "--smallest-crop", min=0.05, max=1.0, help="Smallest share of a scene's side."
        ),
    ] = 0.5,
    extremes: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="How often darkest and brightest are the pair.")
    ] = 0.5,
    validation_side: Annotated[int, typer.Option("--validation-side", min=64)] = 512,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1)] = 3407,
    init: Annotated[Path | None, typer.Option("--init", help="Start from these weights.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the output folder.")] = False,
    device: Annotated[str | None, typer.Option("--device", help="cpu, cuda or cuda:1.")] = None,
    json: Json = False,
) -> None:
    """Train a network on unlabelled brackets and keep the weights that validate best."""
    try:
        from edge_mef.data.pairs import CropSettings
        from edge_mef.training import TrainSettings
        from edge_mef.training import train as run
    except ModuleNotFoundError as error:
        raise missing_extra("edge-mef train", error.name or "torch", "train") from error

    settings = TrainSettings(
        model=model,
        channels=channels,
        kernel_sizes=parse_kernels(kernel_sizes) or (),
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        final_rate=final_rate,
        mef_ssim_weight=mef_ssim_weight,
        tone_weight=tone_weight,
        seed=seed,
        validation_side=validation_side,
        crops=CropSettings(crop, smallest, extremes),
    )
    command = shlex.join(["edge-mef", *sys.argv[1:]])
    result = run(
        data, output, settings=settings, init=init, resume=resume, device=device, command=command
    )
    if result is None:
        return
    if json:
        print_json(vars(result))
    else:
        typer.echo(
            f"{result.weights}: epoch {result.best_epoch}, validation MEF-SSIM "
            f"{result.best_score:.4f}"
        )
