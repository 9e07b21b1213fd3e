"""FFMEF in the published formulation, as the peer for value and time.

It runs on the parameters of an `edge_mef` FFMEF. What the published network does and ours avoids is
kept: one encoder pass per exposure, one filter head call per exposure and level, taps copied to
channels-last before they meet the patches, patches unfolded for every kernel size (1x1 included),
and products summed and folded back.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edge_mef.models.ffmef import FFMEF, Attention, FilterPredictor


class UnfoldedFFMEF(nn.Module):
    """Takes (1, 2, H, W) luma like FFMEF, and shares its parameters."""

    def __init__(self, network: FFMEF) -> None:
        super().__init__()
        self.network = network

    def forward(self, luma: Tensor) -> Tensor:
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


def _filter(predictor: FilterPredictor, features: Tensor, luma: Tensor) -> Tensor:
    batch, _, height, width = luma.shape
    k = predictor.kernel
    hidden = F.relu(predictor.conv2(F.relu(predictor.conv1(features))))
    taps = predictor.to_taps(hidden).permute(0, 2, 3, 1).repeat(1, 1, 1, 1)
    taps = taps.view(batch, height * width, k * k).permute(0, 2, 1)
    patches = F.unfold(luma, k, padding=k // 2)
    filtered = (taps * patches).sum(1).unsqueeze(1)
    return F.fold(filtered, (height, width), 1)
