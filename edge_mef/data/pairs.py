"""Training samples: a darker and a brighter exposure of a scene, cropped, scaled and flipped."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from edge_mef.colour import ColourSpace
from edge_mef.data.scenes import Frame, Scene
from edge_mef.errors import InputError
from edge_mef.train_settings import CropSettings


class PairDataset(Dataset[Tensor]):
    """Scenes, held in memory, as (2, 3, size, size) float32 RGB from 0 to 255, darker first.

    The sample of (epoch, index) is always the same for a seed, whatever ran before: a resumed
    training sees what an uninterrupted one would have seen.
    """

    def __init__(
        self, scenes: Sequence[Scene], crops: CropSettings, seed: int, longest_side: int = 768
    ) -> None:
        self.crops, self.seed, self.epoch = crops, seed, 0
        self.frames = read_frames(scenes, longest_side)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Tensor:
        rng = np.random.Generator(np.random.PCG64([self.seed, self.epoch, index]))
        frames = self.frames[index]
        pair = choose_pair(len(frames), rng, self.crops.extremes)
        cropped = crop_frames([frames[i] for i in pair], rng, self.crops)
        return torch.from_numpy(np.stack(cropped)).permute(0, 3, 1, 2).to(torch.float32)


def read_frames(scenes: Sequence[Scene], longest_side: int) -> list[tuple[Frame, ...]]:
    """Read all frames of scenes to be cropped, reduced; `InputError` where one is too small."""
    read = [scene.read(longest_side) for scene in scenes]
    for scene, frames in zip(scenes, read, strict=True):
        if min(frames[0].shape[:2]) < 16:
            raise InputError(f"scene {scene.name} is too small to crop: 16 pixels are needed")
    return read


def choose_pair(count: int, rng: np.random.Generator, extremes: float) -> tuple[int, int]:
    """Choose two of `count` exposures, darker first: the extremes, or any two."""
    if count == 2 or rng.random() < extremes:
        return 0, count - 1
    low, high = sorted(rng.choice(count, size=2, replace=False).tolist())
    return low, high


def crop_frames(
    frames: Sequence[Frame], rng: np.random.Generator, crops: CropSettings
) -> list[Frame]:
    """Cut the same random part out of all frames, scale it to the sample's size and flip it."""
    height, width = frames[0].shape[:2]
    h = max(16, round(height * rng.uniform(crops.smallest, 1.0)))
    w = max(16, round(width * rng.uniform(crops.smallest, 1.0)))
    top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    flips = tuple(slice(None, None, -1 if rng.random() < 0.5 else 1) for _ in range(2))
    size = (crops.size, crops.size)
    cut = [frame[top : top + h, left : left + w][flips] for frame in frames]
    scaled = [cv2.resize(np.ascontiguousarray(f), size, interpolation=cv2.INTER_AREA) for f in cut]
    return [np.ascontiguousarray(frame, np.uint8) for frame in scaled]


def luma_and_chroma(pairs: Tensor, colour: ColourSpace) -> tuple[Tensor, Tensor]:
    """(B, N, 3, H, W) RGB from 0 to 255 to luma (B, N, H, W) over 255 and centred chroma.

    The chroma is (B, N, 2, H, W), in grey levels around 0.
    """
    matrix = torch.tensor(colour.to_ycc, dtype=pairs.dtype, device=pairs.device)
    ycc = torch.einsum("kc,bnchw->bnkhw", matrix, pairs)
    return (ycc[:, :, 0] + colour.offset[0]) / 255.0, ycc[:, :, 1:]
