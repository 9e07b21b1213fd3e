"""The ONNX artefact: dynamic where asked, in the precision asked, and equal to torch."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from edge_mef.bundle import Bundle
from edge_mef.contract import FusionContract
from edge_mef.data.scenes import choose, load_scenes
from edge_mef.errors import GateError, InputError
from edge_mef.export.build import ExportSettings, make_contract
from edge_mef.export.gates import FP32
from edge_mef.export.onnx import check_onnx
from edge_mef.export.parity import compare, verify_bundle
from edge_mef.fuser import Fuser
from edge_mef.models import create_model
from edge_mef.pipeline import FusionPipeline
from edge_mef.validation import torch_fuse


def _model(bundle: Bundle) -> onnx.ModelProto:
    return onnx.load(bundle.path_of(bundle.manifest.artefacts[0]))


def _shapes(model: onnx.ModelProto) -> dict[str, tuple[int | str, ...]]:
    return {
        v.name: tuple(d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim)
        for v in (*model.graph.input, *model.graph.output)
    }


def test_height_and_width_are_symbolic(fp32_bundle: Bundle) -> None:
    symbolic = (1, "height", "width", 3)
    expected = {"exposure_0": symbolic, "exposure_1": symbolic, "fused": symbolic}
    assert _shapes(_model(fp32_bundle)) == expected


def test_a_fixed_size_is_fixed(fixed_bundle: Bundle) -> None:
    assert set(_shapes(_model(fixed_bundle)).values()) == {(1, 48, 64, 3)}
    with Fuser.open(fixed_bundle.folder) as fuser:
        frame = np.zeros((48, 64, 3), np.uint8)
        assert fuser.fuse(frame, frame + 1).shape == (48, 64, 3)
        with pytest.raises(InputError, match="takes 48x64, found 48x65"):
            fuser.fuse(*(np.zeros((48, 65, 3), np.uint8) for _ in range(2)))


def test_a_static_graph_for_a_dynamic_contract_is_refused(fixed_bundle: Bundle) -> None:
    with pytest.raises(GateError, match="height"):
        check_onnx(_model(fixed_bundle), FusionContract(2))


def test_an_opset_that_was_not_asked_for_is_refused(fp32_bundle: Bundle) -> None:
    model = _model(fp32_bundle)
    model.opset_import[0].version = 20
    with pytest.raises(GateError, match="opset 17 to 19, found 20"):
        check_onnx(model, FusionContract(2))


def test_operators_are_plain_and_nothing_is_unfolded(fp32_bundle: Bundle) -> None:
    operators = set(fp32_bundle.manifest.artefacts[0].operators)
    assert not operators & {
        "Col2Im",
        "Gather",
        "GatherND",
        "ScatterND",
        "Loop",
        "If",
        "ConvTranspose",
    }
    assert all(node.domain == "" for node in _model(fp32_bundle).graph.node)


def test_the_model_says_nothing_about_the_machine(fp32_bundle: Bundle) -> None:
    data = fp32_bundle.path_of(fp32_bundle.manifest.artefacts[0]).read_bytes()
    assert b"site-packages" not in data
    assert str(Path(__file__).resolve().parents[2]).encode() not in data


def _weight_types(model: onnx.ModelProto) -> set[int]:
    convs = {name for node in model.graph.node if node.op_type == "Conv" for name in node.input}
    return {t.data_type for t in model.graph.initializer if t.name in convs}


def test_precision_is_in_the_graph(fp32_bundle: Bundle, fp16_bundle: Bundle) -> None:
    assert _weight_types(_model(fp32_bundle)) == {TensorProto.FLOAT}
    half = _model(fp16_bundle)
    assert TensorProto.FLOAT16 in _weight_types(half)
    network = [t for t in half.graph.initializer if numpy_helper.to_array(t).size > 30]
    assert network
    assert all(t.data_type == TensorProto.FLOAT16 for t in network)
    norms = [node for node in half.graph.node if node.op_type == "InstanceNormalization"]
    assert len(norms) == 17
    scales = {t.name: t.data_type for t in half.graph.initializer}
    assert {scales[node.input[1]] for node in norms} == {TensorProto.FLOAT}


@pytest.mark.shared
def test_ten_real_scenes_of_many_sizes_within_one_level(shared: Path, fp32_bundle: Bundle) -> None:
    scenes = choose(load_scenes(shared / "data"), "val")[:10]
    entry = fp32_bundle.manifest.network
    network = create_model("ffmef", weights=fp32_bundle.folder / entry.weights_file)
    reference = torch_fuse(FusionPipeline(network).eval())
    sizes = set()
    with Fuser.open(fp32_bundle.folder) as fuser:
        for index, scene in enumerate(scenes):
            frames = scene.read(longest_side=301 + 13 * index)
            fused = fuser.fuse(frames[0], frames[-1])
            difference, _, passed = compare(
                scene.name, reference(frames[0], frames[-1]), fused, FP32
            )
            assert passed, f"{scene.name}: {difference} grey levels"
            sizes.add(fused.shape[:2])
    assert len(sizes) == 10
    assert any(h % 2 and w % 2 for h, w in sizes), "odd sizes must be among them"


@pytest.mark.shared
def test_half_precision_keeps_50_db_on_real_scenes(shared: Path, fp16_bundle: Bundle) -> None:
    result = verify_bundle(
        fp16_bundle.folder, data=shared / "data", limit=10, longest_side=360, write=False
    )
    values = [c.psnr for c in result.verification.checks if c.reference == "torch"]
    assert len(values) == 10
    assert result.verification.passed
    assert all(value is None or value >= 50.0 for value in values)


@pytest.mark.parametrize("size", [(0, 5), (5, 40000)])
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="expected sides"):
        make_contract(ExportSettings(size=size))


def test_three_exposures_are_refused_for_ffmef() -> None:
    with pytest.raises(InputError, match="ffmef fuses 2 exposures, found 3"):
        make_contract(ExportSettings(model="ffmef", exposures=3))
