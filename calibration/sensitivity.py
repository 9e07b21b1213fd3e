"""How much each layer suffers from int8, and which few must stay in half precision.

Quality is that of the fused calibration scenes: the PSNR against the float pipeline's pictures, and
what is lost of MEF-SSIM. A layer's sensitivity is that quality with this layer alone in int8.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn
from torch.fx import GraphModule

from edge_mef.calibration.quantize import Program, convert, layers
from edge_mef.calibration.recipe import QuantRecipe
from edge_mef.errors import GateError
from edge_mef.metrics.pixels import psnr
from edge_mef.metrics.scoring import mef_ssim_of

Frame = NDArray[np.uint8]
Fuse = Callable[[nn.Module], list[Frame]]
Progress = Callable[[str, int, int], None]  # what, done, of how many
_MOST_KEPT = 0.5  # of the layers; beyond, int8 is not what was asked for


@dataclass(frozen=True)
class Score:
    """PSNR in dB, and loss of MEF-SSIM: of the worst of some scenes, or what they must reach."""

    psnr: float
    drop: float

    @property
    def text(self) -> str:
        """The score, for people."""
        return f"{self.psnr:.1f} dB, MEF-SSIM -{self.drop:.4f}"

    def used(self, goal: "Score") -> float:
        """Return which share it takes of the noise or the loss that a goal allows."""
        noise: float = 10.0 ** ((goal.psnr - self.psnr) / 10.0)
        return max(noise, self.drop / goal.drop)

    def reaches(self, goal: "Score") -> bool:
        """Say whether it is as good as a goal in both."""
        return self.used(goal) <= 1.0


Judge = Callable[[nn.Module], Score]


@dataclass(frozen=True)
class Mixed:
    """A quantized program that meets its goal.

    `sensitivity` is empty where all layers could be quantized, else of every layer, worst first;
    `kept` are in half precision. `score` is the program's on the calibration scenes.
    """

    program: Program
    kept: tuple[str, ...]
    score: Score
    sensitivity: Mapping[str, Score]


class Quality:
    """Scores networks by the scenes that they fuse, against the float network.

    Args:
        fuse: fuses all scenes with the network that it is given.
        network: the float network.
        scenes: the exposures, (H, W, 3) uint8 RGB each. MEF-SSIM leaves out those too small for it.
    """

    def __init__(self, fuse: Fuse, network: nn.Module, scenes: Sequence[Sequence[Frame]]) -> None:
        self._fuse, self._scenes, self._expected = fuse, scenes, fuse(network)
        self._similar = [mef_ssim_of(*pair) for pair in zip(scenes, self._expected, strict=True)]

    def __call__(self, network: nn.Module) -> Score:
        """Return the worst over the scenes."""
        found = self._fuse(network)
        pairs = zip(self._scenes, found, self._similar, strict=True)
        similar = [(before, mef_ssim_of(scene, fused)) for scene, fused, before in pairs]
        drops = [before - now for before, now in similar if before is not None and now is not None]
        return Score(min(map(psnr, self._expected, found)), max((0.0, *drops)))


def layer_sensitivity(
    traced: GraphModule,
    recipe: QuantRecipe,
    ranges: Mapping[str, float],
    judge: Judge,
    progress: Progress | None = None,
) -> dict[str, Score]:
    """Return the quality with one layer in int8 at a time."""
    names, found = layers(traced), {}
    for index, name in enumerate(names):
        if progress is not None:
            progress(f"sensitivity of {name}", index, len(names))
        found[name] = judge(convert(traced, recipe, ranges, [n for n in names if n != name]))
    return found


def worst_first(sensitivity: Mapping[str, Score], goal: Score) -> dict[str, Score]:
    """Order layers by how much of a goal each one uses up, the most first."""
    return dict(sorted(sensitivity.items(), key=lambda item: -item[1].used(goal)))


def meet_gate(
    traced: GraphModule,
    recipe: QuantRecipe,
    ranges: Mapping[str, float],
    judge: Judge,
    goal: Score,
    kept: Sequence[str] = (),
    *,
    least: Score | None = None,
    progress: Progress | None = None,
) -> Mixed:
    """Quantize all layers but `kept`; keep the worst ones too, as few as reach the goal.

    At most half of the layers are kept. If they do not reach the goal, but `least`, they will do.

    Raises:
        GateError: they do not reach that either.
    """
    program = convert(traced, recipe, ranges, kept)
    score = judge(program)
    if score.reaches(goal):
        return Mixed(program, tuple(kept), score, {})
    found = worst_first(layer_sensitivity(traced, recipe, ranges, judge, progress), goal)
    order = [*kept, *(name for name in found if name not in kept)]

    def keep(count: int) -> Mixed:
        program = convert(traced, recipe, ranges, order[:count])
        return Mixed(program, tuple(order[:count]), judge(program), found)

    most = max(len(kept), int(_MOST_KEPT * len(order)))
    best = keep(most)
    if not best.score.reaches(goal):
        if least is not None and best.score.reaches(least):
            return best
        raise GateError(
            f"expected int8 to reach {(least or goal).text} on the calibration scenes, found "
            f"{best.score.text} with {most} of {len(order)} layers in half precision: train for "
            "it (edge-mef train --qat), choose another calibration set, or export fp16"
        )
    fewest = len(kept)  # does not reach it
    while len(best.kept) - fewest > 1:
        tried = keep((fewest + len(best.kept)) // 2)
        if tried.score.reaches(goal):
            best = tried
        else:
            fewest = len(tried.kept)
    return best
