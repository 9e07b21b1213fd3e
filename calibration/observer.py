"""The ranges of weights and activations: what calibration sees, or what was stored."""

from typing import Any

import torch
from torch import Tensor

from edge_mef.calibration.quiet import quiet
from edge_mef.calibration.recipe import QuantRecipe

with quiet():  # importing it is not quiet either
    from torchao.quantization.pt2e import MinMaxObserver, PerChannelMinMaxObserver


def half_scale(scale: Tensor) -> Tensor:
    """The nearest scale that half precision holds, so that every target has the same one.

    Core ML stores scales in half precision beside half values; others would keep single.
    """
    return scale.to(torch.float16).to(scale.dtype)


class ChannelObserver(PerChannelMinMaxObserver):  # type: ignore[misc]
    """The largest magnitude of every output channel of a weight."""

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        """Return scales and zero points, which are 0."""
        scale, zero_point = super().calculate_qparams()
        return half_scale(scale), zero_point


class RangeObserver(MinMaxObserver):  # type: ignore[misc]
    """Keeps the largest magnitude over scenes, of all values or of a percentile of each scene."""

    min_val: Tensor
    max_val: Tensor

    def __init__(self, recipe: QuantRecipe, **settings: Any) -> None:
        super().__init__(**settings)
        self.recipe = recipe

    def forward(self, x: Tensor) -> Tensor:
        """Look at one scene's values; they go on unchanged."""
        if x.numel():
            found = self._magnitude(x.detach().abs().float())
            self.widen(float(found))
        return x

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        """Return the scale and the zero point, which is 0."""
        scale, zero_point = super().calculate_qparams()
        return half_scale(scale), zero_point

    @property
    def magnitude(self) -> float:
        """The largest magnitude so far; 0 before the first."""
        return float(self.max_val) if torch.isfinite(self.max_val) else 0.0

    def widen(self, magnitude: float) -> None:
        """Make the range at least -magnitude to magnitude."""
        largest = max(magnitude, self.magnitude)
        self.min_val.copy_(torch.tensor(-largest))
        self.max_val.copy_(torch.tensor(largest))

    def _magnitude(self, sizes: Tensor) -> Tensor:
        if self.recipe.observer == "minmax":
            return sizes.max()
        rank = max(1, round(self.recipe.percentile / 100.0 * sizes.numel()))
        return sizes.flatten().kthvalue(rank).values
