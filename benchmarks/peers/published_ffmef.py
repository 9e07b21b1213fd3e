"""The published FFMEF as its authors run it: the peer for value and time.

Zheng et al., CVPR Workshops 2023. What the published program does and our pipeline avoids is kept:
float colours by array arithmetic, one encoder pass per exposure, transposed convolutions, one
filter head call per exposure and level, taps copied to channels-last before they meet the patches,
patches unfolded for every kernel size (1x1 included), products summed and folded back.
"""

import copy
from os import PathLike

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from edge_mef.errors import InputError
from edge_mef.exposures import exposures_from_arrays
from edge_mef.models import create_model
from edge_mef.models.ffmef import FFMEF, Attention, FilterPredictor, NormedConv
from edge_mef.models.weights import shipped_weights

Frame = NDArray[np.uint8]

# BT.601, limited range, in the authors' digits; once more than in `edge_mef.colour`, so that this
# peer and our pipeline check each other.
_TO_YCC = (
    (0.256789, 0.504129, 0.097906),
    (-0.148223, -0.290992, 0.439215),
    (0.439215, -0.367789, -0.071426),
)
_OFFSET = (16.0, 128.0, 128.0)


class PublishedFFMEF:
    """The published formulation on uint8 frames, in torch, on the CPU.

    Args:
        weights: a .safetensors file with the authors' parameter names or ours; the weights that
            come with EdgeMEF where left out.

    Raises:
        InputError: the file is not there or holds another network.
    """

    name = "FFMEF as published"

    def __init__(self, weights: str | PathLike[str] | None = None) -> None:
        path = shipped_weights("ffmef-4.safetensors") if weights is None else weights
        network = create_model("ffmef", weights=path)
        assert isinstance(network, FFMEF)
        self.network = UnfoldedFFMEF(network).eval()

    def __call__(self, *exposures: Frame) -> Frame:
        """Fuse two frames (H, W, 3) uint8 RGB, darker first, to (H, W, 3) uint8 RGB, truncated.

        Raises:
            InputError: other than two frames, or frames of different sizes or types.
        """
        if len(exposures) != 2:
            raise InputError(
                f"the published FFMEF fuses 2 exposures, found {len(exposures)}: pass the darkest "
                "and the brightest"
            )
        under, over = exposures_from_arrays(exposures, sort=False).frames
        with torch.inference_mode():
            first, second = convert_to_ycc(under), convert_to_ycc(over)
            luma = torch.stack([first[0], second[0]]).unsqueeze(0) / 255.0
            fused = self.network(luma).clamp(0.0, 1.0)[0, 0] * 255.0
            cb, cr = (fuse_chroma(first[k], second[k]) for k in (1, 2))
            return convert_to_rgb(fused, cb, cr)


class UnfoldedFFMEF(nn.Module):
    """The published network with the parameters of an `edge_mef` FFMEF, as they are now."""

    def __init__(self, network: FFMEF) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        for up in (self.network.encoder.up1, self.network.encoder.up2):
            up.conv = _plain_transposed(up)

    def forward(self, luma: Tensor) -> Tensor:
        """Like FFMEF, for one scene: (1, 2, H, W) luma to (1, 1, H, W), unclamped."""
        net = self.network
        under, over = luma[:, :1], luma[:, 1:]
        first, second = net.encoder(net.stem(under)), net.encoder(net.stem(over))
        levels = []
        for level, (f0, f1) in enumerate(zip(first, second, strict=True)):
            attention, predictor = net.attention[level], net.predictors[level]
            assert isinstance(attention, Attention)
            assert isinstance(predictor, FilterPredictor)
            both = torch.cat([f0, f1], dim=1)
            a0, a1 = torch.sigmoid(attention.maps(F.relu(attention.squeeze(both)))).chunk(2, 1)
            levels.append(_filter(predictor, f0 * a0, under) + _filter(predictor, f1 * a1, over))
        scales = net.level_scales
        return scales[0] * levels[0] + scales[1] * levels[1] + scales[2] * levels[2]


def convert_to_ycc(frame: Frame) -> Tensor:
    """Convert (H, W, 3) uint8 RGB to (3, H, W) float32 Y, Cb, Cr in grey levels, not rounded."""
    red, green, blue = torch.from_numpy(frame.astype(np.float32)).unbind(-1)
    rows = zip(_TO_YCC, _OFFSET, strict=True)
    return torch.stack([r * red + g * green + b * blue + offset for (r, g, b), offset in rows])


def convert_to_rgb(y: Tensor, cb: Tensor, cr: Tensor) -> Frame:
    """Convert planes (H, W) in grey levels to (H, W, 3) uint8 RGB, clipped and truncated."""
    y, cb, cr = 1.164383 * (y - 16), cb - 128, cr - 128
    rgb = torch.stack([y + 1.596027 * cr, y - 0.391762 * cb - 0.812969 * cr, y + 2.01723 * cb], -1)
    return np.asarray(rgb.clamp(0, 255).to(torch.uint8).numpy(), np.uint8)


def fuse_chroma(first: Tensor, second: Tensor) -> Tensor:
    """Equation 1 of the paper on two planes (H, W); 128 where both are neutral."""
    weights = (first - 128).abs(), (second - 128).abs()
    fused = (first * weights[0] + second * weights[1]) / (weights[0] + weights[1])
    return torch.where(fused.isnan(), torch.full_like(fused, 128.0), fused)


def _plain_transposed(up: NormedConv) -> nn.ConvTranspose2d:
    """Return the transposed convolution that ours is computed as a plain one for."""
    conv = nn.ConvTranspose2d(up.conv.in_channels, up.conv.out_channels, 3, padding=1)
    conv.load_state_dict(up.conv.state_dict())
    return conv


def _filter(predictor: FilterPredictor, features: Tensor, luma: Tensor) -> Tensor:
    batch, _, height, width = luma.shape
    k = predictor.kernel
    hidden = F.relu(predictor.conv2(F.relu(predictor.conv1(features))))
    taps = predictor.to_taps(hidden).permute(0, 2, 3, 1).repeat(1, 1, 1, 1)
    taps = taps.view(batch, height * width, k * k).permute(0, 2, 1)
    patches = F.unfold(luma, k, padding=k // 2)
    filtered = (taps * patches).sum(1).unsqueeze(1)
    return F.fold(filtered, (height, width), 1)
