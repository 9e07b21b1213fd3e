"""What `ffmef-edge` is trained on, all of it said of the finished picture.

* structure: 1 - MEF-SSIM, which asks for the strongest local contrast among the exposures and does
  not see brightness;
* fidelity: grey levels near those of the exposure that shows most at the place, as Q_CV judges;
* tone: local means near the well-exposed mixture of the exposures' (see `edge_mef.losses.tone`);
* colour: chroma near the mixture that favours saturated exposures (equation 1 of the FFMEF paper),
  each first brought to the fused brightness, so that what is lifted from the dark keeps its colour;
* range: values that would be clipped.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from edge_mef.application import LUMA
from edge_mef.losses.mef_ssim import WINDOW, mef_ssim
from edge_mef.losses.tone import tone_loss

_CHROMA_EPS = 1e-4
_MOST_CHANGE = 2.0  # beyond it noise would be lifted with the colour
_BLOCK, _POWER, _FLOOR = 16, 2.5, 0.01
# MEF-SSIM's windows stay inside the picture; its rim would otherwise hardly be trained.
_MARGIN = 2 * (WINDOW - 1)


@dataclass(frozen=True)
class FusionWeights:
    """How much of each term; `edge_mef.train_settings` recommends."""

    structure: float
    fidelity: float
    tone: float
    colour: float
    range: float


@dataclass(frozen=True)
class FusionTerms:
    """The terms, scalars, before weighting."""

    structure: Tensor
    fidelity: Tensor
    tone: Tensor
    colour: Tensor
    range: Tensor

    def total(self, weights: FusionWeights) -> Tensor:
        """The weighted sum."""
        return (
            weights.structure * self.structure
            + weights.fidelity * self.fidelity
            + weights.tone * self.tone
            + weights.colour * self.colour
            + weights.range * self.range
        )


def fusion_terms(fused: Tensor, exposures: Tensor) -> FusionTerms:
    """Compare one fused picture with its exposures.

    Args:
        fused: (1, 3, H, W) RGB over 255, not yet clipped.
        exposures: (N, 3, H, W) RGB over 255, darkest first.
    """
    luma, fused_luma = _luma(exposures).transpose(0, 1), _luma(fused)
    # Slightly beyond the range there is still a gradient; far beyond, the range term has its own.
    clipped = _luma(fused.clamp(-0.02, 1.02))
    structure = 1.0 - mef_ssim(_padded(clipped) * 255.0, _padded(luma) * 255.0).mean()
    return FusionTerms(
        structure=structure,
        fidelity=_fidelity(fused_luma, luma),
        tone=tone_loss(fused_luma, luma),
        colour=(fused - fused_luma - _wanted_chroma(exposures, fused_luma)).abs().mean(),
        range=(fused - fused.clamp(0.0, 1.0)).abs().mean(),
    )


def _wanted_chroma(exposures: Tensor, fused_luma: Tensor) -> Tensor:
    luma = _luma(exposures)
    brightening = fused_luma.detach() / luma.clamp_min(_CHROMA_EPS)
    chroma = (exposures - luma) * brightening.clamp(1.0 / _MOST_CHANGE, _MOST_CHANGE)
    weights = chroma.abs() + _CHROMA_EPS
    return (chroma * weights).sum(0, keepdim=True) / weights.sum(0, keepdim=True)


def _fidelity(fused: Tensor, luma: Tensor) -> Tensor:
    """Mean squared distance to each exposure, by its share of the gradients of a block.

    After Q_CV (Chen and Varshney, 2007), which weighs the blocks of two sources by a high power of
    their gradients. There the strongest edges of a picture decide alone; here every block counts,
    by the sum of its gradients.
    """
    across = F.pad(luma[..., :, 1:] - luma[..., :, :-1], (0, 1)).abs()
    down = F.pad(luma[..., 1:, :] - luma[..., :-1, :], (0, 0, 0, 1)).abs()
    strength = F.avg_pool2d(across + down, _BLOCK) + _FLOOR
    shares = strength**_POWER / (strength**_POWER).sum(1, keepdim=True)
    counts = strength.sum(1, keepdim=True)
    distance = F.avg_pool2d((fused - luma) ** 2, _BLOCK)
    return (counts * shares * distance).sum() / counts.sum()


def _luma(rgb: Tensor) -> Tensor:
    return (rgb * rgb.new_tensor(LUMA).reshape(1, 3, 1, 1)).sum(1, keepdim=True)


def _padded(planes: Tensor) -> Tensor:
    return F.pad(planes, (_MARGIN,) * 4, mode="reflect")
