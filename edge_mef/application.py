"""Applying predicted coefficients to full-size pixels, one tile at a time.

Every exposure gets a gain that is affine in the exposures' mean luma, so that it can change
abruptly where the picture does although its coefficients are smooth; an offset sets the tone. As in
guided filters (He et al., ECCV 2010) and bilateral learning (Gharbi et al., SIGGRAPH 2017) that
takes a few multiply-adds a pixel and no statistic of the frame.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)
_WHITE = 255.0


class Coefficients(NamedTuple):
    """What is predicted for the cells of a view, or interpolated to pixels.

    `gains` and `slopes` are (N, 1, h, w), one per exposure; `offset` is (1, 1, h, w), in units of
    white.
    """

    gains: Tensor
    slopes: Tensor
    offset: Tensor


class Application(nn.Module):
    """A tile of every exposure and the cells around it to the tile of the fused frame.

    The pixels' places in the view are computed from their places in the frame, so a pixel comes out
    the same in whatever tile it lies.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(
        self,
        exposures: Sequence[Tensor],
        gains: Sequence[Tensor],
        slopes: Sequence[Tensor],
        offset: Tensor,
        place: Tensor,
    ) -> Tensor:
        """Fuse one tile.

        Args:
            exposures: N times (1, h, w, 3) uint8 RGB, darkest first.
            gains, slopes: N times (1, 1, r, c), the view's cells from a first row and column on;
                with the cells that hold the tile's pixels and one more on each side.
            offset: (1, 1, r, c).
            place: int64 (6,): the tile's first row and column, the frame's height and width, and
                the first row and column of the cells.

        Returns:
            (1, h, w, 3) uint8 RGB.
        """
        height, width = exposures[0].shape[1:3]
        rows, columns = offset.shape[2:]
        down = self._hats(height, rows, place[0], place[2], place[4])
        across = self._hats(width, columns, place[1], place[3], place[5]).T

        def spread(cells: Tensor) -> Tensor:
            return torch.matmul(down, torch.matmul(cells, across))

        planes = [to_planes(exposure) for exposure in exposures]
        fused = blend(planes, [spread(g) for g in gains], [spread(s) for s in slopes])
        return to_pixels(fused + spread(lift(offset)))

    def _hats(
        self, pixels: int, cells: int, first: Tensor, length: Tensor, first_cell: Tensor
    ) -> Tensor:
        """Weights (pixels, cells) of linear interpolation between the centres of cells."""
        places = torch.arange(pixels) + first
        centres = (places.to(torch.float32) + 0.5) * self.side / length.to(torch.float32) - 0.5
        centres = centres.clamp(0.0, self.side - 1.0)
        columns = (torch.arange(cells) + first_cell).to(torch.float32)
        return (1.0 - (centres.unsqueeze(1) - columns).abs()).clamp_min(0.0)


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
    weights = planes[0].new_tensor(LUMA).reshape(1, 3, 1, 1) / (_WHITE * len(planes))
    first = F.conv2d(planes[0], weights, planes[0].new_tensor([-0.5]))
    return _sum([first, *(F.conv2d(plane, weights) for plane in planes[1:])])


def _sum(terms: Sequence[Tensor]) -> Tensor:
    return sum(terms[1:], start=terms[0])


def interpolate(cells: Tensor, height: int, width: int) -> Tensor:
    """(B, 1, r, c) over a whole frame to its pixels, as `Application` does tile by tile."""
    return F.interpolate(cells, size=(height, width), mode="bilinear", align_corners=False)


def lift(offset: Tensor) -> Tensor:
    """The offset in grey levels and half a level more, so that cutting off rounds."""
    return offset * _WHITE + 0.5


def to_pixels(lifted: Tensor) -> Tensor:
    """(1, 3, h, w) grey levels, half a level too high, to the nearest in (1, h, w, 3) uint8."""
    return lifted.clamp(0.0, _WHITE).to(torch.uint8).permute(0, 2, 3, 1)
