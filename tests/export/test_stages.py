"""The stages as ONNX models: plain operators, symbolic sizes, and what the view gives."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, numpy_helper
from torch.nn import functional as F

from edge_mef.bundle import Bundle
from edge_mef.contract import LARGEST_SIDE, FusionContract
from edge_mef.export.cell_weights import weights_model
from edge_mef.export.gates import FP16
from edge_mef.export.golden import golden_exposures
from edge_mef.export.onnx import IR_VERSION, OPSET
from edge_mef.export.parity import compare
from edge_mef.export.stages import CELLS
from edge_mef.fuser import Fuser
from edge_mef.manifest import Role
from edge_mef.stages import ANALYSIS_FILE, VIEW_FILE, WEIGHTS_FILE, application_file, spans
from edge_mef.view import VIEW_SIDE, SceneView
from tests.conftest import noise_stack

Floats = NDArray[np.float32]
# What ONNX Runtime, TensorRT, OpenVINO and Core ML all run: elementwise arithmetic, convolution,
# products, pooling, resizing, reductions, and moving values around. No control flow, no sorting,
# no scattering, nothing whose shape depends on values.
COMMON_OPERATORS = {
    "Abs", "Add", "AveragePool", "Cast", "Clip", "Concat", "Conv", "Div", "Exp", "Expand", "Gather",
    "MatMul", "Mul", "Range", "ReduceMax", "ReduceMean", "ReduceMin", "Relu", "Resize", "Shape",
    "Softmax", "Split", "Squeeze", "Sub", "Transpose", "Unsqueeze",
}  # fmt: skip
# Rounds to uint8 at the very end of an application, where Round, Clip and Cast would do as well:
# TensorRT and Core ML know it for int8.
ROUNDING = "QuantizeLinear"
COUNTS = range(2, 10)
SIDES = [1, 2, 3, 47, 95, 96, 97, 192, 301, 1080, 4000]
# Single precision knows the place of a pixel among 96 cells only to this.
PLACE_STEP = 96 * 2.0**-23


def model(bundle: Bundle, file: str) -> ModelProto:
    return onnx.load(bundle.folder / file)


def shapes(found: ModelProto) -> dict[str, tuple[int | str, ...]]:
    return {
        value.name: tuple(d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim)
        for value in (*found.graph.input, *found.graph.output)
    }


def run(found: ModelProto, **feeds: NDArray[np.generic]) -> list[Floats]:
    session = ort.InferenceSession(found.SerializeToString(), providers=["CPUExecutionProvider"])
    outputs: list[Floats] = session.run(None, feeds)
    return outputs


def files(bundle: Bundle, role: Role) -> list[str]:
    return [artefact.file for artefact in bundle.manifest.stage("onnx", role)]


def test_every_stage_is_an_artefact_with_its_role(edge_bundle: Bundle) -> None:
    assert files(edge_bundle, "pipeline") == ["model.onnx"]
    assert files(edge_bundle, "view") == [VIEW_FILE]
    assert files(edge_bundle, "analysis") == [ANALYSIS_FILE]
    assert files(edge_bundle, "weights") == [WEIGHTS_FILE]
    assert files(edge_bundle, "application") == [application_file(count) for count in COUNTS]
    manifest = edge_bundle.manifest
    assert [a.exposures for a in manifest.stage("onnx", "application")] == list(COUNTS)
    assert manifest.contract.counts == (2, 9)
    assert manifest.tileable


def test_only_common_operators(edge_bundle: Bundle, edge_half_bundle: Bundle) -> None:
    for bundle in (edge_bundle, edge_half_bundle):
        for artefact in bundle.manifest.artefacts:
            found = onnx.load(bundle.path_of(artefact))
            operators = {node.op_type for node in found.graph.node}
            rounding = {ROUNDING} if artefact.role == "application" else set()
            assert operators - rounding <= COMMON_OPERATORS, artefact.file
            assert operators == set(artefact.operators)
            assert {node.domain for node in found.graph.node} == {""}
            assert [(o.domain, o.version) for o in found.opset_import] == [("", OPSET)]
            assert (artefact.version, found.ir_version) == (OPSET, IR_VERSION)
            assert found.producer_name == "edge-mef"


def test_sizes_are_symbolic(edge_bundle: Bundle) -> None:
    view = shapes(model(edge_bundle, VIEW_FILE))
    assert list(view) == ["exposure", "view"]
    height, width = view["exposure"][1:3]
    assert isinstance(height, str)
    assert isinstance(width, str)
    assert height != width
    assert view["exposure"] == (1, height, width, 3)
    assert view["view"] == (1, 3, VIEW_SIDE, VIEW_SIDE)
    weights = shapes(model(edge_bundle, WEIGHTS_FILE))
    assert weights == {"size": (2,), "down": ("height", CELLS), "across": (CELLS, "width")}
    analysis = shapes(model(edge_bundle, ANALYSIS_FILE))
    assert list(analysis) == ["views", "cells"]
    assert isinstance(analysis["views"][0], str)
    assert analysis["views"][1:] == (3, VIEW_SIDE, VIEW_SIDE)
    assert isinstance(analysis["cells"][0], str)
    assert analysis["cells"][1:] == (CELLS, CELLS)


def test_only_the_analysis_holds_weights(edge_bundle: Bundle) -> None:
    """The view and the applications serve every network of this kind."""

    def largest(file: str) -> int:
        arrays = map(numpy_helper.to_array, model(edge_bundle, file).graph.initializer)
        return max(array.size for array in arrays)

    assert largest(ANALYSIS_FILE) > 1000
    for file in (VIEW_FILE, WEIGHTS_FILE, *map(application_file, COUNTS)):
        # The view holds the numbers of its rows, and the weights those of the cells.
        assert largest(file) <= 2 * VIEW_SIDE, file


def test_half_precision_is_in_the_network_alone(edge_half_bundle: Bundle) -> None:
    types = {
        array.data_type
        for array in model(edge_half_bundle, ANALYSIS_FILE).graph.initializer
        if numpy_helper.to_array(array).size > 30
    }
    assert types == {TensorProto.FLOAT16}
    for file in (VIEW_FILE, WEIGHTS_FILE, *map(application_file, COUNTS)):
        found = model(edge_half_bundle, file)
        kinds = {array.data_type for array in found.graph.initializer}
        assert TensorProto.FLOAT16 not in kinds, file


@pytest.mark.parametrize("count", [2, 3, 7])
def test_half_precision_keeps_55_db(
    edge_bundle: Bundle, edge_half_bundle: Bundle, count: int
) -> None:
    with (
        Fuser.open(edge_bundle.folder, threads=1) as full,
        Fuser.open(edge_half_bundle.folder, threads=1) as half,
    ):
        for seed in (7, 8):
            taken = golden_exposures(FusionContract(count), seed)
            _, psnr, _ = compare("", full.fuse(*taken), half.fuse(*taken), FP16)
            print(f"{count} exposures, scene {seed}: {psnr:.1f} dB")
            assert psnr >= 55.0


@pytest.mark.parametrize("size", [(1, 1), (97, 131), (1, LARGEST_SIDE), (LARGEST_SIDE, 1)])
def test_the_view_stage_is_the_view_of_torch(edge_bundle: Bundle, size: tuple[int, int]) -> None:
    frame = noise_stack(2, size)[1][np.newaxis]
    (view,) = run(model(edge_bundle, VIEW_FILE), exposure=frame)
    expected = SceneView()(torch.from_numpy(frame)).numpy()
    np.testing.assert_allclose(view, expected, atol=1e-6)


def cell_weights(height: int, width: int) -> tuple[Floats, Floats]:
    """The weights of a frame's rows and columns, (height, CELLS) and (CELLS, width)."""
    down, across = run(weights_model(CELLS), size=np.array([height, width]))
    return down, across


@pytest.mark.parametrize("side", [*SIDES, 20001, LARGEST_SIDE])
def test_weights_of_cells_are_linear_interpolation(side: int) -> None:
    unit = torch.eye(CELLS, dtype=torch.float64).unsqueeze(1).unsqueeze(-1)
    spread = F.interpolate(unit, size=(side, 1), mode="bilinear", align_corners=False)
    expected = spread[:, 0, :, 0].T.numpy()
    for found in (cell_weights(side, 7)[0], cell_weights(7, side)[1].T):
        assert found.shape == (side, CELLS)
        np.testing.assert_allclose(found, expected, atol=PLACE_STEP)
        assert (found >= 0).all()
        assert np.abs(found.sum(1) - 1).max() <= 1e-6
        assert ((found != 0).sum(1) <= 2).all()
        assert ((found != 0).sum(1) >= 1).all()


@pytest.mark.parametrize("side", SIDES)
def test_the_cells_of_a_span_hold_every_weight(side: int) -> None:
    weights = cell_weights(side, 1)[0]
    for step in (2, 37, 128, 512):
        for span in spans(side, step, CELLS):
            assert weights[span.pixels].sum() == weights[span.pixels, span.cells].sum()
            outside = np.delete(weights[span.pixels], np.arange(CELLS)[span.cells], axis=1)
            assert not outside.any(), (side, step, span)
