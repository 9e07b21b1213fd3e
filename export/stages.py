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

from edge_mef.application import Application
from edge_mef.contract import LARGEST_SIDE
from edge_mef.edge_pipeline import predict
from edge_mef.export.onnx import convert_program, quiet_converter
from edge_mef.models.ffmef_edge import CELL
from edge_mef.stages import ANALYSIS_FILE, VIEW_FILE, application_file, application_inputs
from edge_mef.view import VIEW_SIDE, SceneView

_EXAMPLE_FRAME = (97, 131)
_EXAMPLE_TILE = (37, 53)
_EXAMPLE_CELLS = (11, 13)
CELLS = VIEW_SIDE // CELL


def convert_stages(network: nn.Module, counts: tuple[int, int]) -> dict[str, ModelProto]:
    """Return the models of all stages by file name.

    Args:
        network: views to coefficients.
        counts: the smallest and largest number of exposures.
    """
    models = {VIEW_FILE: _view(), ANALYSIS_FILE: _analysis(network, counts[1])}
    for count in range(counts[0], counts[1] + 1):
        models[application_file(count)] = _application(count)
    return models


def _view() -> ModelProto:
    frame = torch.zeros(1, *_EXAMPLE_FRAME, 3, dtype=torch.uint8)
    dims = {1: Dim("height", min=1, max=LARGEST_SIDE), 2: Dim("width", min=1, max=LARGEST_SIDE)}
    return _convert(SceneView(), (frame,), {"exposure": dims}, ("exposure",), ("view",))


def _analysis(network: nn.Module, most: int) -> ModelProto:
    views = torch.zeros(3, 3, VIEW_SIDE, VIEW_SIDE)
    dims = {0: Dim("exposures", min=2, max=most)}
    outputs = ("gains", "slopes", "offset")
    return _convert(_Analysis(network), (views,), {"views": dims}, ("views",), outputs)


def _application(count: int) -> ModelProto:
    tile = torch.zeros(1, *_EXAMPLE_TILE, 3, dtype=torch.uint8)
    cells = torch.zeros(1, 1, *_EXAMPLE_CELLS)
    place = torch.tensor([0, 0, *_EXAMPLE_FRAME, 0, 0])
    arguments = (
        tuple(tile.clone() for _ in range(count)),
        tuple(cells.clone() for _ in range(count)),
        tuple(cells.clone() for _ in range(count)),
        cells.clone(),
        place,
    )
    pixels = {1: Dim("height", max=LARGEST_SIDE), 2: Dim("width", max=LARGEST_SIDE)}
    around = {2: Dim("rows", max=CELLS), 3: Dim("columns", max=CELLS)}
    shapes = {
        "exposures": (pixels,) * count,
        "gains": (around,) * count,
        "slopes": (around,) * count,
        "offset": around,
        "place": None,
    }
    module = Application(CELLS)
    return _convert(module, arguments, shapes, application_inputs(count), ("fused",))


class _Analysis(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return tuple(predict(self.network, views))  # type: ignore[return-value]


def _convert(
    module: nn.Module,
    arguments: tuple[object, ...],
    shapes: Mapping[str, object],
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
) -> ModelProto:
    with torch.no_grad(), quiet_converter():
        program = torch.export.export(module.eval(), arguments, dynamic_shapes=dict(shapes))
    return convert_program(program, inputs, outputs)
