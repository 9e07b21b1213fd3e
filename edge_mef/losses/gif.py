"""Gradient-driven image fidelity (GIF), the unsupervised loss of FFMEF (equations 5 to 11).

Zheng et al., "Efficient Multi-exposure Image Fusion via Filter-dominated Fusion and Gradient-driven
Unsupervised Learning", CVPR Workshops 2023. Where paper and published code differ, this follows the
paper:

* Equation 9: the saturation weights are a softmax over both exposures of |Cb - 128| + |Cr - 128| in
  grey levels. The published code measures chroma from 0 to 1, which makes the weights nearly equal,
  and overwrites the first exponential before the second weight is computed, so that the two do
  not sum to 1.
* The published code clamps the fused luma to [0, 1] before the loss, so that pixels outside get no
  gradient. The paper does not; neither does this.

Where the paper is silent the code decides: the gradient is the mean of the horizontal and vertical
Scharr responses (3, 10, 3) on grey levels, each limited to 255, over 255; the maps are not
truncated to integers, and borders are replicated for sources and fused image alike.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_SCHARR = ((-3.0, 0.0, 3.0), (-10.0, 0.0, 10.0), (-3.0, 0.0, 3.0))


@dataclass(frozen=True)
class GifSettings:
    """Weights of the terms (equation 6) and the threshold of the masks (equation 7)."""

    steep: float = 1.25
    smooth: float = 1.0
    overall: float = 2.0
    threshold: float = 0.5


@dataclass(frozen=True)
class GifTerms:
    """The three terms and their weighted sum, each a scalar."""

    steep: Tensor
    smooth: Tensor
    overall: Tensor
    total: Tensor


class GifLoss(nn.Module):
    """Equation 6; call it with the fused luma, both lumas and both chromas."""

    kernels: Tensor

    def __init__(self, settings: GifSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or GifSettings()
        horizontal = torch.tensor(_SCHARR)
        kernels = torch.stack([horizontal, horizontal.t()]).unsqueeze(1)
        self.register_buffer("kernels", kernels, persistent=False)

    def forward(self, fused: Tensor, luma: Tensor, chroma: Tensor) -> GifTerms:
        """Measure how faithfully the fused luma keeps both exposures.

        Args:
            fused: (B, 1, H, W) luma, 0 to 1, unclamped.
            luma: (B, 2, H, W) exposures, 0 to 1.
            chroma: (B, 2, 2, H, W): exposure, then Cb and Cr centred on 0, in grey levels.
        """
        s = self.settings
        sources = self.gradient(luma)
        masks = (F.max_pool2d(sources, 3, stride=1, padding=1) >= s.threshold).to(luma.dtype)
        steep = (masks * (fused - luma).abs()).mean(dim=(0, 2, 3)).sum()
        smooth = self._smooth(fused, luma, chroma, masks)
        strongest = sources.amax(1, keepdim=True)
        overall = (self.gradient(fused) - strongest).abs().mean()
        total = s.steep * steep + s.smooth * smooth + s.overall * overall
        return GifTerms(steep, smooth, overall, total)

    def gradient(self, planes: Tensor) -> Tensor:
        """Scharr gradient of (B, C, H, W) planes from 0 to 1; the same shape, 0 to 1."""
        batch, channels, height, width = planes.shape
        flat = planes.reshape(batch * channels, 1, height, width) * 255.0
        padded = F.pad(flat, (1, 1, 1, 1), mode="replicate")
        both = F.conv2d(padded, self.kernels.to(planes.dtype)).abs().clamp(max=255.0)
        return both.mean(1).reshape(batch, channels, height, width) / 255.0

    @staticmethod
    def _smooth(fused: Tensor, luma: Tensor, chroma: Tensor, masks: Tensor) -> Tensor:
        weights = saturation_weights(chroma)
        target = (weights * luma).sum(1, keepdim=True)
        flat = 1.0 - masks.amax(1, keepdim=True)
        return (flat * (fused - target).abs()).mean()


def saturation_weights(chroma: Tensor) -> Tensor:
    """Equation 9: two softmaxes over the exposures of |Cb - 128| + |Cr - 128|.

    (B, N, 2, H, W) chroma centred on 0, in grey levels, to (B, N, H, W) weights that sum to 1.
    """
    saturation = chroma.abs().sum(2)
    return saturation.softmax(1).softmax(1)
