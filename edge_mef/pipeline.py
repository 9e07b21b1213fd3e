"""The whole computation from uint8 exposures to the fused uint8 frame, as one torch module.

Everything is inside: colour conversion, network, chroma fusion, clamp and rounding. What is
exported is this module, so no runtime needs pre- or post-processing of its own.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from edge_mef.colour import BT601_LIMITED, COLOUR_SPACES, ColourSpace
from edge_mef.edge_pipeline import EdgePipeline, input_type
from edge_mef.models.table import NetworkSpec

Rounding = Literal["nearest", "truncate"]
_CHROMA_EPS = 1e-6


def make_pipeline(
    spec: NetworkSpec, network: nn.Module, rounding: Rounding = "nearest"
) -> "FusionPipeline | EdgePipeline":
    """Return the pipeline for a network, in evaluation mode; uint8 frames in, one out."""
    if spec.domain == "view":
        return EdgePipeline(network).eval()
    return FusionPipeline(network, COLOUR_SPACES[spec.colour], rounding).eval()


class FusionPipeline(nn.Module):
    """Exposures in, one fused frame out.

    Args:
        network: a luma network, (B, N, H, W) in [0, 1] luma, darkest first, to (B, 1, H, W).
        colour: the luma-chroma space that the network was trained in.
        rounding: "nearest" grey level, or "truncate" as the published FFMEF code does.
    """

    to_ycc: Tensor
    to_rgb: Tensor
    offset: Tensor

    def __init__(
        self,
        network: nn.Module,
        colour: ColourSpace = BT601_LIMITED,
        rounding: Rounding = "nearest",
    ) -> None:
        super().__init__()
        self.network, self.colour, self.rounding = network, colour, rounding
        self.register_buffer("to_ycc", torch.tensor(colour.to_ycc), persistent=False)
        self.register_buffer("to_rgb", torch.tensor(colour.to_rgb), persistent=False)
        self.register_buffer("offset", torch.tensor(colour.offset), persistent=False)

    def forward(self, *exposures: Tensor) -> Tensor:
        """Fuse N exposures (1, H, W, 3) uint8 RGB, darkest first, to (1, H, W, 3) uint8 RGB."""
        return self._round(self.fuse_levels(*exposures)).to(torch.uint8)

    def fuse_levels(self, *exposures: Tensor) -> Tensor:
        """Like `forward`, before rounding: (1, H, W, 3) float32 from 0 to 255."""
        rgb = torch.cat(exposures, dim=0).permute(0, 3, 1, 2).to(torch.float32)
        return self._fuse_rgb(rgb).permute(0, 2, 3, 1)

    def fuse_planes(self, *planes: Tensor) -> Tensor:
        """Fuse N times (1, 3, H, W) float32, 0 to 255, to (1, 3, H, W) whole grey levels."""
        return self._round(self._fuse_rgb(torch.cat(planes, dim=0)))

    def _round(self, levels: Tensor) -> Tensor:
        return torch.round(levels) if self.rounding == "nearest" else torch.floor(levels)

    def _fuse_rgb(self, rgb: Tensor) -> Tensor:
        """(N, 3, H, W) to (1, 3, H, W), float32 from 0 to 255, not rounded."""
        ycc = self._convert(rgb, self.to_ycc) + self.offset.reshape(1, 3, 1, 1)
        luma = self._fuse_luma(ycc[:, :1])
        chroma = fuse_chroma(ycc[:, 1:] - self.offset[1:].reshape(1, 2, 1, 1))
        centred = torch.cat([luma - self.offset[0], chroma], dim=1)
        return self._convert(centred, self.to_rgb).clamp(0.0, 255.0)

    def _fuse_luma(self, luma: Tensor) -> Tensor:
        frames = (luma / 255.0).permute(1, 0, 2, 3).to(input_type(self.network))
        fused: Tensor = self.network(frames)
        return fused.to(torch.float32).clamp(0.0, 1.0) * 255.0

    @staticmethod
    def _convert(planes: Tensor, matrix: Tensor) -> Tensor:
        return nn.functional.conv2d(planes, matrix.reshape(3, 3, 1, 1))


def fuse_chroma(chroma: Tensor) -> Tensor:
    """Equation 1 of the FFMEF paper, on chroma around zero: sum(c |c|) / sum(|c|).

    (N, 2, H, W) in grey levels, centred on neutral, to (1, 2, H, W). Written around zero it equals
    the paper's form around 128 and needs no special case: where all are neutral, so is the result.
    """
    weights = chroma.abs()
    total = weights.sum(0, keepdim=True).clamp_min(_CHROMA_EPS)
    return (chroma * weights).sum(0, keepdim=True) / total
