"""The stages of a tileable pipeline as ONNX models of their own.

`view` takes one frame, `analysis` the views of all frames, `weights` the size of the frames, and
`application` a tile of all frames, the cells around it and the weights of its pixels on them; there
is one application for every number of exposures.
A runtime that calls them one after another fuses frames of any size in bounded memory.
"""

from collections.abc import Mapping

import torch
from onnx import ModelProto
from torch import Tensor, nn
from torch.export import Dim

from edge_mef.application import WHITE
from edge_mef.contract import LARGEST_SIDE
from edge_mef.edge_pipeline import predict
from edge_mef.export.application import application_model
from edge_mef.export.cell_weights import weights_model
from edge_mef.export.onnx import convert_program, quiet_converter
from edge_mef.models.ffmef_edge import CELL
from edge_mef.stages import ANALYSIS_FILE, VIEW_FILE, WEIGHTS_FILE, application_file
from edge_mef.view import VIEW_SIDE, SceneView

CELLS = VIEW_SIDE // CELL
_EXAMPLE_FRAME = (97, 131)


def convert_stages(network: nn.Module, counts: tuple[int, int]) -> dict[str, ModelProto]:
    """Return the models of all stages by file name.

    Args:
        network: views to coefficients.
        counts: the smallest and largest number of exposures.
    """
    models = {
        VIEW_FILE: _view(),
        ANALYSIS_FILE: _analysis(network, counts[1]),
        WEIGHTS_FILE: weights_model(CELLS),
    }
    for count in range(counts[0], counts[1] + 1):
        models[application_file(count)] = application_model(count)
    return models


class _Analysis(nn.Module):
    """Views (N, 3, side, side) to the cells (2 N + 1, CELLS, CELLS) of the applications."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, views: Tensor) -> Tensor:
        predicted = predict(self.network, views)
        parts = [predicted.gains, predicted.slopes, WHITE * predicted.offset]
        return torch.cat(parts).squeeze(1)


def _view() -> ModelProto:
    frame = torch.zeros(1, *_EXAMPLE_FRAME, 3, dtype=torch.uint8)
    dims = {1: Dim("height", min=1, max=LARGEST_SIDE), 2: Dim("width", min=1, max=LARGEST_SIDE)}
    return _convert(SceneView(), frame, {"exposure": dims}, ("exposure",), ("view",))


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
