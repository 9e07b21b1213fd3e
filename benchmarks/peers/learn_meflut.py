"""Learn the tables of the lookup-table fusion, without references.

    python -m edge_mef.benchmarks.peers.learn_meflut --data FOLDER -o FILE

The parameters are the table entries alone. They start equal, which is the plain mean of the frames,
and Adam moves them towards the highest MEF-SSIM of the fused luma, scene by scene, through the same
guided filter that the peer runs. MEFLUT (Jiang et al., ICCV 2023) learns a network first and reads
its tables off that; with so few parameters it is not needed.
"""

import math
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from edge_mef.benchmarks.peers.meflut import FLOOR, RADIUS, Frame, MeflutFusion, reduce_luma
from edge_mef.benchmarks.peers.meflut_tables import (
    LEVELS,
    MeflutTables,
    WeightTable,
    write_tables,
)
from edge_mef.data.scenes import RENDERED_SIZE, Scene, choose, choose_evenly, load_scenes
from edge_mef.errors import EdgeMefError, InputError
from edge_mef.losses.mef_ssim import MIN_SIDE, mef_ssim
from edge_mef.metrics import evaluate
from edge_mef.render.brackets import random_bracket

COUNTS = (2, 3, 4)
FIRST_SEED = 1000  # far from those that rendered data and tests begin with


@dataclass(frozen=True)
class LearnSettings:
    """Everything that decides the tables, besides the data.

    `eps` is the guided filter's. MEFLUT's is 1, which only smooths the weights; tables learned with
    it end lower. `smoothness` is the sigma, in levels, of the Gaussian that makes the table from
    the parameters: levels that few pixels have follow their neighbours. The learning rate falls to
    zero along half a cosine. Where fewer than `fewest_scenes` have N exposures, rendered brackets
    are added up to that many.
    """

    steps: int = 200
    batch: int = 3
    learning_rate: float = 0.03
    smoothness: float = 12.0
    eps: float = 1e-3
    longest_side: int = 384
    fewest_scenes: int = 32
    seed: int = 0


@dataclass(frozen=True)
class Sample:
    """The luma of N exposures, darkest first, at both resolutions; grey levels 0 to 255.

    full: (N, H, W) float32. reduced: (N, h, w) int64.
    """

    full: Tensor
    reduced: Tensor


def learn_tables(data: str | Path, settings: LearnSettings) -> MeflutTables:
    """Learn tables for 2, 3 and 4 exposures from the split "train".

    Args:
        data: scenes, as `load_scenes` takes them.

    Raises:
        InputError: no scene to learn from, or one that is too small for MEF-SSIM.
    """
    scenes = choose(load_scenes(data), "train")
    read = [scene.read(settings.longest_side) for scene in scenes]
    for scene, frames in zip(scenes, read, strict=True):
        check_sides(scene, frames)
    weights: dict[int, WeightTable] = {}
    used: dict[str, dict[str, int]] = {}
    for count in COUNTS:
        given = [frames for frames in read if len(frames) >= count]
        rendered = render_brackets(settings.fewest_scenes - len(given), count)
        weights[count] = learn_table([*given, *rendered], count, settings).numpy()
        used[str(count)] = {"given": len(given), "rendered": len(rendered)}
    return MeflutTables(weights, settings.eps, {"settings": asdict(settings), "scenes": used})


def render_brackets(number: int, count: int) -> list[tuple[Frame, ...]]:
    """Render brackets of `count` exposures, that many or none; always the same ones."""
    height, width = RENDERED_SIZE
    return [
        random_bracket(FIRST_SEED + index, height=height, width=width, frames=count).exposures
        for index in range(number)
    ]


def learn_table(scenes: Sequence[Sequence[Frame]], count: int, settings: LearnSettings) -> Tensor:
    """Learn one table (N, 256) float32 from scenes of N exposures or more, (H, W, 3) uint8 RGB."""
    rng = np.random.Generator(np.random.PCG64([settings.seed, count]))
    entries, blur = initial_table(count).requires_grad_(), smoothing(settings.smoothness)
    optimizer = torch.optim.Adam([entries], lr=settings.learning_rate, betas=(0.9, 0.99))
    console = Console(stderr=True)
    steps = track(
        range(settings.steps),
        f"{count} exposures",
        console=console,
        disable=not console.is_terminal,
    )
    for step in steps:
        fraction = step / settings.steps
        optimizer.param_groups[0]["lr"] = (
            settings.learning_rate * (1 + math.cos(math.pi * fraction)) / 2
        )
        optimizer.zero_grad()
        for index in rng.choice(len(scenes), min(settings.batch, len(scenes)), replace=False):
            sample = make_sample(choose_frames(scenes[index], count, rng))
            loss = 1 - score(sample, entries @ blur, settings.eps)
            (loss / settings.batch).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            entries.clamp_(0.0, 1.0)
    return (entries @ blur).detach()


def initial_table(count: int) -> Tensor:
    """The plain mean, (N, 256); starting from well-exposedness ended lower."""
    return torch.full((count, LEVELS), 0.5)


def smoothing(sigma: float) -> Tensor:
    """Return the matrix (256, 256) that blurs tables (N, 256) from the right."""
    levels = torch.arange(LEVELS, dtype=torch.float32)
    taps = torch.exp(-((levels[:, None] - levels) ** 2) / (2 * sigma**2))
    return taps / taps.sum(0)


def choose_frames(scene: Sequence[Frame], count: int, rng: np.random.Generator) -> list[Frame]:
    """Choose N frames of a scene: the darkest, the brightest, and any between them, in order."""
    between = rng.choice(np.arange(1, len(scene) - 1), size=count - 2, replace=False)
    return [scene[index] for index in (0, *sorted(between.tolist()), len(scene) - 1)]


def check_sides(scene: Scene, frames: Sequence[Frame]) -> None:
    """Raise `InputError` unless MEF-SSIM can be computed on a scene's frames."""
    height, width, _ = frames[0].shape
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"expected scenes with sides of {MIN_SIDE} pixels or more, found {height}x{width} in "
            f"{scene.name}: take larger scenes, or reduce them less"
        )


def make_sample(frames: Iterable[Frame]) -> Sample:
    """Convert frames (H, W, 3) uint8 RGB to their luma, as the peer sees it."""
    frames = list(frames)
    full = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])
    reduced = np.stack([reduce_luma(frame) for frame in frames])
    return Sample(torch.from_numpy(full).float(), torch.from_numpy(reduced).long())


def score(sample: Sample, table: Tensor, eps: float) -> Tensor:
    """MEF-SSIM of the luma fused with a table (N, 256); a scalar that can be differentiated."""
    weights = upsample(sample, _look_up(sample.reduced, table), eps).abs() + FLOOR
    fused = (weights * sample.full).sum(0) / weights.sum(0)
    return mef_ssim(fused[None, None], sample.full[None]).squeeze()


def _look_up(reduced: Tensor, table: Tensor) -> Tensor:
    return torch.stack([row[levels] for row, levels in zip(table, reduced, strict=True)])


def upsample(sample: Sample, weights: Tensor, eps: float) -> Tensor:
    """Bring weights (N, h, w) to (N, H, W), as `meflut.fit_lines` and its caller do."""
    guide = sample.reduced / 255.0
    slope = _mean(guide * weights) - _mean(guide) * _mean(weights)
    slope = slope / (_mean(guide * guide) - _mean(guide) ** 2 + eps)
    lines = torch.stack([slope, _mean(weights) - slope * _mean(guide)])
    size = sample.full.shape[-2:]
    slope, intercept = F.interpolate(lines, size, mode="bilinear", align_corners=False)
    upsampled: Tensor = slope * (sample.full / 255.0) + intercept
    return upsampled


def _mean(planes: Tensor) -> Tensor:
    return F.avg_pool2d(
        planes[None], 2 * RADIUS + 1, stride=1, padding=RADIUS, count_include_pad=False
    )[0]


def validate(fusion: MeflutFusion, scenes: Iterable[Scene]) -> dict[int, float]:
    """Mean MEF-SSIM of the finished pictures in full size, by number of exposures.

    Of a scene with more frames, evenly spread ones are taken, darkest and brightest among them.
    """
    found: dict[int, list[float]] = {count: [] for count in fusion.tables.weights}
    for scene in scenes:
        frames = scene.read()
        check_sides(scene, frames)
        for count in found:
            if len(frames) >= count:
                taken = choose_evenly(frames, count)
                found[count].append(evaluate(taken, fusion(*taken), ["MEF_SSIM"])["MEF_SSIM"])
    return {count: float(np.mean(values)) for count, values in found.items() if values}


def learn_file(data: str, output: Path, settings: LearnSettings, command: str = "") -> MeflutTables:
    """Learn tables, write them, measure them as the peer runs them, and note that in the file."""
    held_out = choose(load_scenes(data), "val")
    tables = learn_tables(data, settings)
    write_tables(output, tables)
    scores = validate(MeflutFusion(output), held_out)
    said = {
        "command": command,
        "validation_mef_ssim": {str(n): round(v, 4) for n, v in scores.items()},
    }
    tables = replace(tables, about={**said, **tables.about})
    write_tables(output, tables)
    return tables


def main(
    data: Annotated[str, typer.Option("--data", help="Scenes, as edge-mef train takes them.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The JSON file to write.")],
    steps: Annotated[int, typer.Option(min=1, help="Steps for each table.")] = 200,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Learn the tables of the lookup-table fusion, for 2, 3 and 4 exposures."""
    command = shlex.join(["python", "-m", "edge_mef.benchmarks.peers.learn_meflut", *sys.argv[1:]])
    try:
        tables = learn_file(data, output, LearnSettings(steps=steps, seed=seed), command)
    except EdgeMefError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    for count, value in tables.about["validation_mef_ssim"].items():
        typer.echo(f"{count} exposures: validation MEF-SSIM {value:.4f}")


if __name__ == "__main__":
    typer.run(main)
