"""Tone: keep the brightness of each neighbourhood near that of its better exposed frame.

MEF-SSIM does not look at brightness, and GIF's smooth areas follow colour saturation, which favours
the brighter frame until its highlights are gone. This term compares local means alone, so it
leaves detail to the others. The weights are the well-exposedness of Mertens, Kautz and Van Reeth
(Pacific Graphics 2007), a Gaussian around mid-grey.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW = 16
SIGMA = 0.2


def tone_loss(fused: Tensor, luma: Tensor) -> Tensor:
    """Mean distance of local means from the well-exposed mixture of the exposures.

    Args:
        fused: (B, 1, H, W) luma, 0 to 1; sides of at least `WINDOW`.
        luma: (B, N, H, W) exposures, 0 to 1.

    Returns:
        A scalar.
    """
    means = _local_means(luma)
    weights = torch.exp(-((means - 0.5) ** 2) / (2.0 * SIGMA**2))
    wanted = (weights * means).sum(1, keepdim=True) / weights.sum(1, keepdim=True)
    return (_local_means(fused) - wanted).abs().mean()


def _local_means(planes: Tensor) -> Tensor:
    return F.avg_pool2d(planes, WINDOW, stride=WINDOW // 2)
