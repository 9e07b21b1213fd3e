"""How much each layer suffers from int8, and which few must stay in half precision.

Quality is the PSNR of the fused calibration scenes against the float pipeline's. A layer's
sensitivity is that quality with this layer alone in int8: the lower, the more it suffers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn
from torch.fx import GraphModule

from edge_mef.calibration.quantize import Program, convert, layers
from edge_mef.calibration.recipe import QuantRecipe
from edge_mef.errors import GateError
from edge_mef.metrics.pixels import psnr

Frame = NDArray[np.uint8]
Fuse = Callable[[nn.Module], list[Frame]]
_MOST_KEPT = 0.5  # of the layers; beyond, int8 is not what was asked for


@dataclass(frozen=True)
class Mixed:
    """A quantized program that meets its gate.

    `sensitivity` is empty where all layers could be quantized; `kept` are in half precision.
    `psnr` is the smallest over the calibration scenes.
    """

    program: Program
    kept: tuple[str, ...]
    psnr: float
    sensitivity: Mapping[str, float]


class Quality:
    """PSNR of fused scenes in dB, against those of the float network."""

    def __init__(self, fuse: Fuse, network: nn.Module) -> None:
        self._fuse, self._expected = fuse, fuse(network)

    def __call__(self, network: nn.Module) -> float:
        """Return the smallest over the scenes."""
        return min(map(psnr, self._expected, self._fuse(network)))


def layer_sensitivity(
    traced: GraphModule, recipe: QuantRecipe, ranges: Mapping[str, float], quality: Quality
) -> dict[str, float]:
    """Return the quality with one layer in int8 at a time, the worst layer first."""
    names = layers(traced)
    found = {
        name: quality(convert(traced, recipe, ranges, [n for n in names if n != name]))
        for name in names
    }
    return dict(sorted(found.items(), key=lambda item: item[1]))


def meet_gate(
    traced: GraphModule,
    recipe: QuantRecipe,
    ranges: Mapping[str, float],
    quality: Quality,
    gate: float,
    kept: Sequence[str] = (),
) -> Mixed:
    """Quantize all layers but `kept`; keep the worst ones too, one by one, until `gate` dB hold.

    Raises:
        GateError: not even with half of the layers in half precision.
    """
    keep = list(kept)
    program = convert(traced, recipe, ranges, keep)
    reached = quality(program)
    if reached >= gate:
        return Mixed(program, tuple(keep), reached, {})
    sensitivity = layer_sensitivity(traced, recipe, ranges, quality)
    most = int(_MOST_KEPT * len(sensitivity))
    for name in sensitivity:
        if name in keep:
            continue
        if len(keep) >= most:
            break
        keep.append(name)
        program = convert(traced, recipe, ranges, keep)
        reached = quality(program)
        if reached >= gate:
            return Mixed(program, tuple(keep), reached, sensitivity)
    raise GateError(
        f"expected int8 to reach {gate:.0f} dB, found {reached:.1f} dB with {len(keep)} of "
        f"{len(sensitivity)} layers in half precision: train for it (edge-mef train --qat), choose "
        "another calibration set, or export fp16"
    )
