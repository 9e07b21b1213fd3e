"""FFMEF-edge: filters predicted from a small view of the scene and applied at full size.

In the spirit of filter-dominated fusion (Zheng et al., CVPR Workshops 2023) a network predicts what
each exposure's pixels are multiplied with; but it sees only a view of fixed size, and its filters
are 1x1, affine in the exposures' mean luma (see `edge_mef.application`). All exposures pass
through the same weights, so any number of them can be fused, and each sees its darker and its
brighter neighbour, so their order counts.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edge_mef.application import LUMA, Coefficients
from edge_mef.models.weights import Tensors

CELL = 2  # pixels of the view on a side
_INPUTS = 5  # luma, that of the neighbours, the mean over exposures, saturation
_OUTPUTS = 4
_SHARPNESS = 4.0
_CENTRE = 0.5


class FFMEFEdge(nn.Module):
    """Views of N exposures, darkest first, to the coefficients of every cell.

    Args:
        channels: width of the finest features; deeper ones have twice as many.
        kernel_sizes: none; the filters are 1x1.
    """

    def __init__(self, channels: int = 8, kernel_sizes: Sequence[int] = ()) -> None:
        super().__init__()
        wide = 2 * channels
        self.stem = nn.Conv2d(_INPUTS, channels, 3, stride=2, padding=1)
        self.down1 = nn.Conv2d(channels, wide, 3, stride=2, padding=1)
        self.down2 = nn.Conv2d(wide, wide, 3, stride=2, padding=1)
        self.share2 = nn.Conv2d(3 * wide, wide, 1)
        self.down3 = nn.Conv2d(wide, wide, 3, stride=2, padding=1)
        self.scene = nn.Conv2d(wide, wide, 1)
        self.share3 = nn.Conv2d(3 * wide, wide, 3, padding=1)
        self.up2 = nn.Conv2d(wide, wide, 3, padding=1)
        self.up1 = nn.Conv2d(wide, channels, 3, padding=1)
        self.up0 = nn.Conv2d(channels, channels, 3, padding=1)
        self.head = nn.Conv2d(channels, _OUTPUTS, 3, padding=1)
        self._initialize()

    def forward(self, views: Tensor) -> Coefficients:
        """(N, 3, side, side) RGB from 0 to 1 to coefficients for cells of two by two pixels.

        The side must be divisible by 16.
        """
        features = self._features(self._inputs(views))
        logits, lean, offset, boost = self.head(features).split(1, dim=1)
        # Gains are shares of one common gain, and slopes only trade one exposure for another.
        shares = torch.softmax(_SHARPNESS * logits, dim=0)
        common = boost.mean(0, keepdim=True).clamp(-1.0, 1.0).exp()
        slopes = 2.0 * (lean - lean.mean(0, keepdim=True))
        return Coefficients(shares * common, slopes, offset.mean(0, keepdim=True))

    def _inputs(self, views: Tensor) -> Tensor:
        luma = F.conv2d(views, views.new_tensor(LUMA).reshape(1, 3, 1, 1))
        order = torch.arange(luma.shape[0], device=luma.device)
        darker = luma.index_select(0, (order - 1).clamp_min(0))
        brighter = luma.index_select(0, (order + 1).clamp_max(luma.shape[0] - 1))
        mean = luma.mean(0, keepdim=True).expand_as(luma)
        saturation = views.amax(1, keepdim=True) - views.amin(1, keepdim=True)
        return torch.cat([luma, darker, brighter, mean, saturation], dim=1) - _CENTRE

    def _features(self, inputs: Tensor) -> Tensor:
        fine = F.relu(self.stem(inputs))
        half = F.relu(self.down1(fine))
        quarter = F.relu(self.share2(_with_others(F.relu(self.down2(half)))))
        eighth = F.relu(self.down3(quarter))
        eighth = F.relu(eighth + self.scene(eighth.mean((2, 3), keepdim=True)))
        eighth = F.relu(self.share3(_with_others(eighth)))
        rising = F.relu(self.up2(_doubled(eighth) + quarter))
        rising = F.relu(self.up1(_doubled(rising) + half))
        return F.relu(self.up0(_doubled(rising) + fine))

    def _initialize(self) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        # Near-zero outputs make the plain mean of the exposures the starting point.
        with torch.no_grad():
            self.head.weight.mul_(0.02)

    @staticmethod
    def settings_of(tensors: Tensors) -> tuple[int, tuple[int, ...]]:
        """Return (channels, kernel sizes) of saved tensors."""
        return int(tensors["stem.weight"].shape[0]), ()


def _with_others(features: Tensor) -> Tensor:
    """Append the mean and the maximum over exposures to each exposure's features."""
    mean = features.mean(0, keepdim=True).expand_as(features)
    largest = features.amax(0, keepdim=True).expand_as(features)
    return torch.cat([features, mean, largest], dim=1)


def _doubled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
