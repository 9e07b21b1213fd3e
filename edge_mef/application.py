"""Applying predicted coefficients to full-size pixels.

Every exposure gets a gain that is affine in the exposures' mean luma, so that it can change
abruptly where the picture does although its coefficients are smooth; an offset sets the tone. As in
guided filters (He et al., ECCV 2010) and bilateral learning (Gharbi et al., SIGGRAPH 2017) that
takes a few multiply-adds a pixel and no statistic of the frame.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from edge_mef.colour import BT601_FULL

LUMA = BT601_FULL.to_ycc[0]
WHITE = 255.0
GUIDE_CENTRE = 0.5


class Coefficients(NamedTuple):
    """What is predicted for the cells of a view, or interpolated to pixels.

    `gains` and `slopes` are (N, 1, h, w), one per exposure; `offset` is (1, 1, h, w), in units of
    white.
    """

    gains: Tensor
    slopes: Tensor
    offset: Tensor


def to_planes(exposure: Tensor) -> Tensor:
    """(1, h, w, 3) uint8 to (1, 3, h, w) float32, 0 to 255."""
    return exposure.permute(0, 3, 1, 2).to(torch.float32)


def blend(planes: Sequence[Tensor], gains: Sequence[Tensor], slopes: Sequence[Tensor]) -> Tensor:
    """Sum of (gain + slope (guide - 1/2)) times each exposure; the guide is their mean luma.

    Args:
        planes: N times (B, 3, h, w), 0 to 255.
        gains, slopes: N times (B, 1, h, w).
    """
    guide = _guide(planes)
    terms = [
        plane * (gain + slope * guide)
        for plane, gain, slope in zip(planes, gains, slopes, strict=True)
    ]
    return _sum(terms)


def _guide(planes: Sequence[Tensor]) -> Tensor:
    """The mean luma of the exposures over 255, less a half."""
    weights = planes[0].new_tensor(LUMA).reshape(1, 3, 1, 1) / (WHITE * len(planes))
    first = F.conv2d(planes[0], weights, planes[0].new_tensor([-GUIDE_CENTRE]))
    return _sum([first, *(F.conv2d(plane, weights) for plane in planes[1:])])


def _sum(terms: Sequence[Tensor]) -> Tensor:
    return sum(terms[1:], start=terms[0])


def interpolate(cells: Tensor, height: int, width: int) -> Tensor:
    """Cells (B, 1, r, c) over a whole frame to its pixels (B, 1, height, width)."""
    return F.interpolate(cells, size=(height, width), mode="bilinear", align_corners=False)


def lift(offset: Tensor) -> Tensor:
    """The offset in grey levels and half a level more, so that cutting off rounds."""
    return offset * WHITE + 0.5


def to_levels(lifted: Tensor) -> Tensor:
    """(1, 3, h, w) grey levels, half a level too high, to the nearest whole ones, in float32."""
    return lifted.clamp(0.0, WHITE).floor()


def to_pixels(lifted: Tensor) -> Tensor:
    """(1, 3, h, w) grey levels, half a level too high, to the nearest in (1, h, w, 3) uint8."""
    return lifted.clamp(0.0, WHITE).to(torch.uint8).permute(0, 2, 3, 1)
