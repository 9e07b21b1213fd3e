"""The stages of a tileable pipeline as ONNX models of their own.

`view` takes one frame, `analysis` the views of all frames, `application` a tile of all frames and
the cells around it; there is one application for every number of exposures, without any weights.
A runtime that calls them one after another fuses frames of any size in bounded memory.
"""

from collections.abc import Mapping

import torch
from onnx import ModelProto
from torch import Tensor, nn
from torch.export import Dim

from edge_mef.application import lift
from edge_mef.contract import LARGEST_SIDE
from edge_mef.edge_pipeline import predict
from edge_mef.export.application import application_model
from edge_mef.export.onnx import convert_program, quiet_converter
from edge_mef.models.ffmef_edge import CELL
from edge_mef.stages import ANALYSIS_FILE, VIEW_FILE, application_file
from edge_mef.view import VIEW_SIDE, SceneView

CELLS = VIEW_SIDE // CELL
_EXAMPLE_FRAME = (97, 131)


def convert_stages(network: nn.Module, counts: tuple[int, int]) -> dict[str, ModelProto]:
    """Return the models of all stages by file name.

    Args:
        network: views to coefficients.
        counts: the smallest and largest number of exposures.
    """
    models = {VIEW_FILE: _view(), ANALYSIS_FILE: _analysis(network, counts[1])}
    for count in range(counts[0], counts[1] + 1):
        models[application_file(count)] = application_model(count)
    return models


class _View(nn.Module):
    """A frame (1, H, W, 3) to its view, and its pixels' weights on the cells.

    The weights are (H, CELLS) and (CELLS, W).
    """

    def __init__(self) -> None:
        super().__init__()
        self.view = SceneView()

    def forward(self, exposure: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        height, width = exposure.shape[1:3]
        return self.view(exposure), cell_weights(height), cell_weights(width).T


class _Analysis(nn.Module):
    """Views (N, 3, side, side) to the cells (2 N + 1, CELLS, CELLS) of the applications."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, views: Tensor) -> Tensor:
        predicted = predict(self.network, views)
        parts = [predicted.gains, predicted.slopes, lift(predicted.offset)]
        return torch.cat(parts).squeeze(1)


def cell_weights(length: int) -> Tensor:
    """Linear interpolation between the centres of CELLS cells over `length` pixels, as weights.

    (length, CELLS) float32; two at most of a row are not 0, and they add up to 1.
    """
    # In this order whole numbers stay exact up to the division.
    centres = (torch.arange(length, dtype=torch.float32) + 0.5) * CELLS / length - 0.5
    distance = centres.clamp(0.0, CELLS - 1.0).unsqueeze(1) - torch.arange(
        CELLS, dtype=torch.float32
    )
    return (1.0 - distance.abs()).clamp_min(0.0)


def _view() -> ModelProto:
    frame = torch.zeros(1, *_EXAMPLE_FRAME, 3, dtype=torch.uint8)
    dims = {1: Dim("height", min=1, max=LARGEST_SIDE), 2: Dim("width", min=1, max=LARGEST_SIDE)}
    outputs = ("view", "down", "across")
    return _convert(_View(), frame, {"exposure": dims}, ("exposure",), outputs)


def _analysis(network: nn.Module, most: int) -> ModelProto:
    views = torch.zeros(3, 3, VIEW_SIDE, VIEW_SIDE)
    dims = {0: Dim("exposures", min=2, max=most)}
    return _convert(_Analysis(network), views, {"views": dims}, ("views",), ("cells",))


def _convert(
    module: nn.Module,
    example: Tensor,
    shapes: Mapping[str, object],
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
) -> ModelProto:
    with torch.no_grad(), quiet_converter():
        program = torch.export.export(module.eval(), (example,), dynamic_shapes=dict(shapes))
    return convert_program(program, inputs, outputs)
