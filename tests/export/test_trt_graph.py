"""TensorRT's flavour of a model: the same values, casts at the border, and words it knows."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from edge_mef.bundle import BUNDLES_FOLDER
from edge_mef.errors import GateError
from edge_mef.export.opset import attribute, lower_opset
from edge_mef.export.proof import count_precisions, value_types
from edge_mef.export.trt_graph import tensorrt_model
from edge_mef.export.trt_operators import SUPPORTED, check_operators
from edge_mef.exposures import Frame
from edge_mef.manifest import Precision
from tests.runtimes.tiny_models import operators_of, portable_model

SIZES = ((97, 131), (16, 16), (120, 160))


def _run(model: ModelProto, frames: list[Frame]) -> Frame:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    fused: Frame = session.run(None, {f"exposure_{i}": f[None] for i, f in enumerate(frames)})[0]
    return fused


def _noise(height: int, width: int) -> list[Frame]:
    noise = np.random.default_rng(1)
    return [noise.integers(0, 256, (height, width, 3)).astype(np.uint8) for _ in range(2)]


@pytest.fixture(scope="module", params=["ffmef", "ffmef-edge"])
def pair(request: pytest.FixtureRequest) -> tuple[ModelProto, ModelProto]:
    """A portable model that comes with EdgeMEF, and its flavour."""
    portable = onnx.load(BUNDLES_FOLDER / request.param / "model.onnx")
    return portable, tensorrt_model(portable)


def test_the_values_are_the_same(pair: tuple[ModelProto, ModelProto]) -> None:
    for size in SIZES:
        frames = _noise(*size)
        expected, found = (_run(model, frames).astype(int) for model in pair)
        assert np.abs(expected - found).max() == 0, size


def test_uint8_is_at_the_border_only(pair: tuple[ModelProto, ModelProto]) -> None:
    _, model = pair
    types = value_types(model)
    border = {v.name for v in (*model.graph.input, *model.graph.output)}
    assert {name for name, kind in types.items() if kind == TensorProto.UINT8} == border
    readers = [node for node in model.graph.node if border.intersection(node.input)]
    assert {node.op_type for node in readers} == {"Cast"}
    assert len(readers) == 2, "every input is cast once"


def test_it_is_written_for_the_oldest_parser(pair: tuple[ModelProto, ModelProto]) -> None:
    portable, model = pair
    assert (model.opset_import[0].version, model.ir_version) == (17, 8)
    assert portable.opset_import[0].version == 18, "the model given stays as it is"
    for node in model.graph.node:
        if node.op_type == "Shape":
            assert attribute(node, "start") is attribute(node, "end") is None
        if node.op_type == "Reshape":
            assert attribute(node, "allowzero") is None


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_every_precision_converts_and_is_counted(precision: Precision) -> None:
    portable = portable_model(precision)
    model = tensorrt_model(portable)
    frames = _noise(20, 30)
    difference = _run(portable, frames).astype(int) - _run(model, frames).astype(int)
    assert np.abs(difference).max() == 0
    proof = count_precisions(model)
    assert proof.text == f"1 {precision}"
    assert proof.pairs == (precision == "int8")


def test_quantized_weights_become_floats_behind_a_quantizer() -> None:
    model = tensorrt_model(portable_model("int8"))
    kinds = {t.name: t.data_type for t in model.graph.initializer}
    assert sorted(n.op_type for n in model.graph.node if "uantize" in n.op_type) == [
        "DequantizeLinear",
        "DequantizeLinear",
        "QuantizeLinear",
        "QuantizeLinear",
    ]
    assert kinds["weights_floats"] == TensorProto.FLOAT
    assert "weights" not in kinds


def test_arithmetic_on_uint8_is_refused() -> None:
    model = portable_model()
    model.graph.node.insert(0, helper.make_node("Add", ["exposure_0"] * 2, ["twice"], name="a"))
    with pytest.raises(GateError, match=r"nothing on uint8, and the operator Add \(a\) does"):
        tensorrt_model(model)


def test_an_output_that_is_not_cast_is_refused() -> None:
    model = portable_model()
    model.graph.node[-1].input[0] = "clipped"
    with pytest.raises(GateError, match="expected the output fused to be cast to uint8"):
        tensorrt_model(model)


def test_a_planted_operator_is_refused_by_name() -> None:
    model = portable_model()
    model.graph.node.append(helper.make_node("Det", ["mean"], ["volume"], name="planted"))
    with pytest.raises(GateError, match=r"does not support the operator Det \(node planted\)"):
        tensorrt_model(model)


def test_an_operator_of_another_domain_is_refused() -> None:
    model = portable_model()
    model.graph.node[4].domain = "com.example"
    with pytest.raises(GateError, match=r"does not support the operator com\.example\.Add"):
        tensorrt_model(model)


def _resized(**attributes: Any) -> ModelProto:
    model = tensorrt_model(portable_model())
    scales = numpy_helper.from_array(np.array([1, 1, 1, 1], np.float32), "scales")
    model.graph.initializer.append(scales)
    node = helper.make_node("Resize", ["mean", "", "scales"], ["same"], name="r", **attributes)
    place = 1 + next(i for i, n in enumerate(model.graph.node) if "mean" in n.output)
    model.graph.node.insert(place, node)
    return model


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"mode": "cubic"}, "with the mode cubic"),
        ({"coordinate_transformation_mode": "tf_crop_and_resize"}, "with the coordinates tf_crop"),
        ({"exclude_outside": 1}, "with exclude_outside"),
    ],
)
def test_ways_of_resizing(attributes: dict[str, Any], told: str) -> None:
    check_operators(_resized(mode="linear"))
    with pytest.raises(GateError, match=f"the operator Resize {told}"):
        check_operators(_resized(**attributes))


def _replaced(model: ModelProto, name: str, value: object) -> ModelProto:
    for tensor in model.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(np.asarray(value), name))
    return model


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("zero", np.int8(3), "zero points other than int8 zeros"),
        ("step", np.float32(0), "scales that are not constant and positive"),
        ("step", np.float32(np.inf), "scales that are not constant and positive"),
    ],
)
def test_quantization_parameters(name: str, value: object, told: str) -> None:
    model = _replaced(tensorrt_model(portable_model("int8")), name, value)
    with pytest.raises(GateError, match=f"QuantizeLinear with {told}"):
        check_operators(model)


def test_values_of_a_type_that_it_lacks() -> None:
    model = tensorrt_model(portable_model())
    nodes = [
        helper.make_node("Cast", ["mean"], ["wide"], to=TensorProto.DOUBLE),
        helper.make_node("Relu", ["wide"], ["positive"], name="w"),
    ]
    model.graph.node.extend(nodes)
    with pytest.raises(GateError, match="the operator Relu on double values"):
        check_operators(model)


def test_whole_numbers_that_need_64_bits() -> None:
    model = tensorrt_model(portable_model())
    model.graph.initializer.append(numpy_helper.from_array(np.array([2**40]), "large"))
    model.graph.node.append(helper.make_node("Neg", ["large"], ["small"], name="n"))
    with pytest.raises(GateError, match="the operator Neg with whole numbers that need 64 bits"):
        check_operators(model)


def test_a_newer_opset_is_refused() -> None:
    with pytest.raises(GateError, match="up to opset 17, found 18"):
        check_operators(portable_model())


@pytest.mark.parametrize(
    ("operator", "attributes", "told"),
    [("Mish", {}, "last changed after"), ("Resize", {"antialias": 1}, "it smooths")],
)
def test_what_opset_17_has_no_words_for(
    operator: str, attributes: dict[str, Any], told: str
) -> None:
    model = portable_model()
    model.graph.node.append(helper.make_node(operator, ["mean"], ["out"], **attributes))
    with pytest.raises(GateError, match=f"the operator {operator} cannot be written .*{told}"):
        lower_opset(model)


def test_the_table_knows_what_our_models_use() -> None:
    assert operators_of(onnx.load(BUNDLES_FOLDER / "ffmef" / "model.onnx")) <= SUPPORTED.keys()
    assert not {"Det", "NonZero", "Col2Im", "Loop", "If"} & SUPPORTED.keys()


def test_nothing_of_the_machine_is_in_it(pair: tuple[ModelProto, ModelProto]) -> None:
    data = pair[1].SerializeToString()
    assert str(Path(__file__).resolve().parents[2]).encode() not in data
