"""The pipeline of networks that predict on a view and are applied at full size."""

import torch
from torch import Tensor, nn

from edge_mef.application import (
    WHITE,
    Coefficients,
    blend,
    interpolate,
    lift,
    to_levels,
    to_pixels,
    to_planes,
)
from edge_mef.view import SceneView, view_of_planes


class EdgePipeline(nn.Module):
    """Exposures in, one fused frame out, in one piece.

    It computes what its stages compute one after another (see `edge_mef.export.stages`): the view
    of each exposure, the network on all views, and the application, there tile by tile.

    Args:
        network: views (N, 3, side, side) to `Coefficients`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.view = network, SceneView()

    def forward(self, *exposures: Tensor) -> Tensor:
        """Fuse N exposures (1, H, W, 3) uint8 RGB, darkest first, to (1, H, W, 3) uint8 RGB."""
        return to_pixels(self._lifted(*exposures))

    def fuse_levels(self, *exposures: Tensor) -> Tensor:
        """Like `forward`, before rounding: (1, H, W, 3) float32 from 0 to 255."""
        return (self._lifted(*exposures) - 0.5).clamp(0.0, 255.0).permute(0, 2, 3, 1)

    def fuse_planes(self, *planes: Tensor) -> Tensor:
        """Fuse N times (1, 3, H, W) float32, 0 to 255, to (1, 3, H, W) whole grey levels."""
        views = torch.cat([view_of_planes(plane) / WHITE for plane in planes])
        return to_levels(apply_whole(list(planes), predict(self.network, views)))

    def _lifted(self, *exposures: Tensor) -> Tensor:
        views = torch.cat([self.view(exposure) for exposure in exposures])
        predicted = predict(self.network, views)
        planes = [to_planes(exposure) for exposure in exposures]
        return apply_whole(planes, predicted)


def predict(network: nn.Module, views: Tensor) -> Coefficients:
    """Run the network in its own precision; the coefficients are float32."""
    predicted = network(views.to(input_type(network)))
    return Coefficients(*(part.to(torch.float32) for part in predicted))


def input_type(network: nn.Module) -> torch.dtype:
    """The type that a network takes: its parameters', unless it says another."""
    found: torch.dtype | None = getattr(network, "input_type", None)
    return found or next(network.parameters()).dtype


def apply_whole(planes: list[Tensor], predicted: Coefficients) -> Tensor:
    """N times (1, 3, H, W), 0 to 255, to the fused (1, 3, H, W), half a level too high."""
    height, width = planes[0].shape[-2:]
    parts = (predicted.gains, predicted.slopes, lift(predicted.offset))
    gains, slopes, lifted = (interpolate(part, height, width) for part in parts)
    return blend(planes, torch.split(gains, 1), torch.split(slopes, 1)) + lifted
