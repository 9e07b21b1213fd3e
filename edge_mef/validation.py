"""How well a network fuses scenes that it has not seen: mean MEF-SSIM of its finished pictures."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge_mef.data.scenes import Frame, Scene
from edge_mef.errors import InputError
from edge_mef.losses.mef_ssim import MIN_SIDE, mef_ssim

Fuse = Callable[..., Frame]
# Luma of MATLAB's rgb2gray, which the public benchmark takes before its index.
_GREY = (0.298936021293775, 0.587043074451121, 0.114020904255103)


@dataclass(frozen=True)
class ScenePair:
    """The darkest and the brightest exposure of a scene, (H, W, 3) uint8 RGB."""

    scene: str
    under: Frame
    over: Frame


@dataclass(frozen=True)
class SceneScore:
    """The MEF-SSIM of one fused scene."""

    scene: str
    mef_ssim: float


def score(under: Frame, over: Frame, fused: Frame) -> float:
    """MEF-SSIM of a fused picture, in float64 on rounded grey, as the MEFB benchmark measures it.

    All (H, W, 3) uint8 RGB.
    """
    exposures = torch.stack([_grey(under), _grey(over)]).unsqueeze(0)
    return float(mef_ssim(_grey(fused).reshape(1, 1, *fused.shape[:2]), exposures))


def read_pair(scene: Scene, longest_side: int | None = None) -> ScenePair:
    """Read the darkest and brightest exposure of a scene, reduced to `longest_side`.

    Raises:
        InputError: unreadable, or too small for MEF-SSIM.
    """
    frames = scene.read(longest_side)
    height, width = frames[0].shape[:2]
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"scene {scene.name} is {height}x{width}, and MEF-SSIM needs sides of {MIN_SIDE} "
            "pixels: take larger scenes, or reduce them less"
        )
    return ScenePair(scene.name, frames[0], frames[-1])


def read_pairs(scenes: Iterable[Scene], longest_side: int | None = None) -> list[ScenePair]:
    """Read all scenes as `read_pair` does."""
    return [read_pair(scene, longest_side) for scene in scenes]


def score_pairs(fuse: Fuse, pairs: Iterable[ScenePair]) -> list[SceneScore]:
    """Fuse every pair and score the result."""
    return [
        SceneScore(pair.scene, score(pair.under, pair.over, fuse(pair.under, pair.over)))
        for pair in pairs
    ]


def mean_score(scores: Sequence[SceneScore]) -> float:
    """Return the mean over scenes."""
    return float(np.mean([s.mef_ssim for s in scores]))


def torch_fuse(pipeline: nn.Module) -> Fuse:
    """Make a function on arrays from a pipeline, running where its parameters are."""
    device = next(pipeline.parameters()).device

    def fuse(*exposures: Frame) -> Frame:
        with torch.inference_mode():
            frames = [torch.from_numpy(f.copy()).unsqueeze(0).to(device) for f in exposures]
            fused: Tensor = pipeline(*frames)
        result: NDArray[np.uint8] = fused[0].cpu().numpy()
        return result

    return fuse


def _grey(frame: Frame) -> Tensor:
    levels = np.floor(frame.astype(np.float64) @ np.array(_GREY) + 0.5)
    return torch.from_numpy(levels)
