"""What each kind of network is trained on: its samples and its loss."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edge_mef.application import Coefficients
from edge_mef.colour import COLOUR_SPACES, ColourSpace
from edge_mef.data.pairs import PairDataset, luma_and_chroma
from edge_mef.data.scenes import Scene
from edge_mef.data.stacks import StackDataset
from edge_mef.edge_pipeline import apply_whole
from edge_mef.losses.fusion import FusionWeights, fusion_terms
from edge_mef.losses.gif import GifLoss
from edge_mef.losses.mef_ssim import mef_ssim
from edge_mef.losses.tone import tone_loss
from edge_mef.models.table import NetworkSpec
from edge_mef.train_settings import CropSettings, TrainSettings
from edge_mef.view import view_of_planes


class LumaObjective:
    """Pairs, on luma: the GIF loss, and MEF-SSIM and tone where they have a weight."""

    def __init__(self, colour: ColourSpace, structure: float, tone: float) -> None:
        self.colour, self.structure, self.tone = colour, structure, tone
        self.gif = GifLoss()

    def dataset(self, scenes: Sequence[Scene], crops: CropSettings, seed: int) -> PairDataset:
        """Samples of two exposures."""
        return PairDataset(scenes, crops, seed)

    def inputs(self, samples: list[Tensor]) -> list[Tensor]:
        """What the network is given for samples (2, 3, size, size)."""
        return [luma_and_chroma(torch.stack(samples), self.colour)[0]]

    def fused(self, network: nn.Module, given: Tensor) -> Tensor:
        """What the network makes of one of its inputs: luma (B, 1, H, W) in grey levels."""
        luma: Tensor = network(given)
        return luma * 255.0

    def loss(self, network: nn.Module, samples: list[Tensor]) -> Tensor:
        """The loss of samples (2, 3, size, size)."""
        luma, chroma = luma_and_chroma(torch.stack(samples), self.colour)
        fused = network(luma)
        loss: Tensor = self.gif.to(luma.device)(fused, luma, chroma).total
        if self.structure:
            loss = loss + self.structure * (1.0 - mef_ssim(fused * 255.0, luma * 255.0).mean())
        if self.tone:
            loss = loss + self.tone * tone_loss(fused, luma)
        return loss


class EdgeObjective:
    """Stacks of any number of exposures, in colour: see `edge_mef.losses.fusion`."""

    def __init__(self, weights: FusionWeights) -> None:
        self.weights = weights

    def dataset(self, scenes: Sequence[Scene], crops: CropSettings, seed: int) -> StackDataset:
        """Samples of two to seven exposures."""
        return StackDataset(scenes, crops, seed)

    def inputs(self, samples: list[Tensor]) -> list[Tensor]:
        """What the network is given for samples (N, 3, size, size), one by one."""
        return [view_of_planes(sample) / 255.0 for sample in samples]

    def fused(self, network: nn.Module, given: Tensor) -> Tensor:
        """What the network makes of views (N, 3, side, side): themselves fused, in grey levels."""
        predicted = Coefficients(*network(given))
        return apply_whole(list(torch.split(given * 255.0, 1)), predicted)

    def loss(self, network: nn.Module, samples: list[Tensor]) -> Tensor:
        """The mean loss of samples (N, 3, size, size), each with its own N."""
        losses = [self._sample_loss(network, sample) for sample in samples]
        return torch.stack(losses).mean()

    def _sample_loss(self, network: nn.Module, sample: Tensor) -> Tensor:
        predicted = Coefficients(*network(*self.inputs([sample])))
        lifted = apply_whole(list(torch.split(sample, 1)), predicted)
        return fusion_terms((lifted - 0.5) / 255.0, sample / 255.0).total(self.weights)


Objective = LumaObjective | EdgeObjective


def make_objective(spec: NetworkSpec, settings: TrainSettings) -> Objective:
    """Return what a network is trained on with these settings."""
    s = settings
    if spec.domain == "luma":
        return LumaObjective(COLOUR_SPACES[spec.colour], s.mef_ssim_weight, s.tone_weight)
    return EdgeObjective(
        FusionWeights(
            structure=s.mef_ssim_weight,
            fidelity=s.fidelity_weight,
            tone=s.tone_weight,
            colour=s.colour_weight,
            range=s.range_weight,
        )
    )
