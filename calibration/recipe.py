"""How a network is quantized; readable without torch."""

from dataclasses import dataclass
from typing import Literal

from edge_mef.errors import InputError

# Symmetric: of values the range is that of int8, of weights as far on both sides.
ACTIVATION_LEVELS = (-128, 127)
WEIGHT_LEVELS = (-127, 127)
Observer = Literal["minmax", "percentile"]


@dataclass(frozen=True)
class QuantRecipe:
    """What decides the scales, besides network, weights and calibration set.

    Activations are int8 per tensor, weights int8 per output channel, both symmetric: zero points
    are 0, as TensorRT wants them. `observer` is where an activation's range ends: at its largest
    magnitude ("minmax"), or at the `percentile` of the magnitudes of each scene, of which the
    largest counts ("percentile").
    """

    observer: Observer = "minmax"
    percentile: float = 99.99

    def __post_init__(self) -> None:
        if self.observer not in ("minmax", "percentile"):
            raise InputError(f"expected the observer minmax or percentile, found '{self.observer}'")
        if not 50.0 < self.percentile <= 100.0:
            raise InputError(f"expected a percentile above 50 to 100, found {self.percentile}")

    @property
    def text(self) -> str:
        """The recipe, for people and for keys of stored ranges."""
        return self.observer if self.observer == "minmax" else f"percentile {self.percentile:g}"
