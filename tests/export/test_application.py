"""The application as an ONNX model: its inputs, and that it computes what torch computes."""

import numpy as np
import onnxruntime as ort
import pytest
import torch
from onnx import ModelProto

from edge_mef.application import WHITE, Coefficients, to_pixels, to_planes
from edge_mef.edge_pipeline import apply_whole
from edge_mef.export.application import application_model
from edge_mef.export.cell_weights import weights_model
from edge_mef.export.stages import CELLS
from tests.conftest import noise_stack

TILE = (1, 3, "height", "width")


def open_model(model: ModelProto) -> ort.InferenceSession:
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("count", [2, 5, 9])
def test_inputs_and_output(count: int) -> None:
    model = application_model(count)
    found = {
        value.name: tuple(d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim)
        for value in (*model.graph.input, *model.graph.output)
    }
    assert found == {
        **{f"exposure_{index}": TILE for index in range(count)},
        "cells": (2 * count + 1, "rows", "columns"),
        "down": ("height", "rows"),
        "across": ("columns", "width"),
        "fused": TILE,
    }
    assert len(model.SerializeToString()) < 5000, "it holds no weights"


@pytest.mark.parametrize("count", [2, 3, 9])
def test_it_computes_what_torch_computes(count: int) -> None:
    torch.manual_seed(count)
    frames = [torch.from_numpy(frame)[None] for frame in noise_stack(count, (61, 83))]
    slopes = torch.randn(count, 1, CELLS, CELLS) * 0.3
    predicted = Coefficients(
        torch.rand(count, 1, CELLS, CELLS) * 2 / count,
        slopes - slopes.mean(0),
        torch.randn(1, 1, CELLS, CELLS) * 0.1,
    )
    expected = to_pixels(apply_whole([to_planes(frame) for frame in frames], predicted))
    down, across = open_model(weights_model(CELLS)).run(None, {"size": np.array([61, 83])})
    cells = torch.cat([predicted.gains, predicted.slopes, WHITE * predicted.offset]).squeeze(1)
    feeds = {f"exposure_{i}": to_planes(f).byte().numpy() for i, f in enumerate(frames)}
    feeds |= {
        "cells": cells.numpy(),
        "down": down,
        "across": across,
    }
    fused = (
        open_model(application_model(count)).run(None, feeds)[0].transpose(0, 2, 3, 1).astype(int)
    )
    assert len(np.unique(fused)) == 256, "it reaches black and white"
    difference = np.abs(fused - expected.numpy())
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3
