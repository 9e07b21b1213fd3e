"""Training samples with any number of exposures: real frames, and re-exposed ones between them."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from edge_mef.data.pairs import crop_frames, read_frames
from edge_mef.data.re_exposure import re_expose
from edge_mef.data.scenes import Frame, Scene
from edge_mef.train_settings import CropSettings

# How often a sample has so many exposures. Two are what most cameras take.
COUNTS = {2: 0.5, 3: 0.26, 4: 0.08, 5: 0.05, 6: 0.05, 7: 0.06}
_STOPS = (0.5, 1.5)


class StackDataset(Dataset[Tensor]):
    """Scenes, held in memory, as (N, 3, size, size) float32 RGB from 0 to 255, darkest first.

    The sample of (epoch, index) is always the same for a seed, as in `PairDataset`.
    """

    def __init__(
        self, scenes: Sequence[Scene], crops: CropSettings, seed: int, longest_side: int = 800
    ) -> None:
        self.crops, self.seed, self.epoch = crops, seed, 0
        self.frames = read_frames(scenes, longest_side)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Tensor:
        rng = np.random.Generator(np.random.PCG64([self.seed, self.epoch, index]))
        count = int(rng.choice(list(COUNTS), p=list(COUNTS.values())))
        stack = choose_stack(self.frames[index], count, rng, self.crops.extremes)
        cropped = crop_frames(stack, rng, self.crops)
        return torch.from_numpy(np.stack(cropped)).permute(0, 3, 1, 2).to(torch.float32)


def choose_stack(
    frames: Sequence[Frame], count: int, rng: np.random.Generator, extremes: float
) -> list[Frame]:
    """Choose or make `count` exposures, darkest first.

    With the probability `extremes` the darkest and the brightest frame are among them. Where there
    are fewer frames than asked for, others are re-exposed by half a stop to one and a half.
    """
    real = list(range(len(frames)))
    if len(real) > count:
        inner = real[1:-1] if rng.random() < extremes else real
        ends = [real[0], real[-1]] if inner != real else []
        real = ends + rng.choice(inner, count - len(ends), replace=False).tolist()
    chosen = [frames[i] for i in real]
    while len(chosen) < count:
        stops = rng.uniform(*_STOPS) * rng.choice([-1.0, 1.0])
        chosen.append(re_expose(frames[int(rng.integers(len(frames)))], stops))
    return sorted(chosen, key=lambda frame: float(frame.mean()))
