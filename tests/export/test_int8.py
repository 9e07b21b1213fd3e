"""Int8 bundles: calibrated once, int8 in the models that were written, and close to fp32."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from edge_mef.bundle import Bundle
from edge_mef.errors import GateError
from edge_mef.export import quantization
from edge_mef.export.build import ExportSettings, export_bundle
from edge_mef.export.parity import verify_bundle
from edge_mef.export.proof import prove_onnx, weight_bytes
from edge_mef.export.quantization import QuantSettings
from edge_mef.export.trt_graph import tensorrt_model
from tests.conftest import RunCli

QUICK = QuantSettings(scenes="rendered:8", count=6, longest_side=160)


@pytest.fixture(scope="module")
def ranges_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ranges") / "ranges.json"


@pytest.fixture(scope="module")
def int8_bundle(tmp_path_factory: pytest.TempPathFactory, ranges_file: Path) -> Bundle:
    """The shipped ffmef-edge in int8; not to be changed."""
    quick = QuantSettings(QUICK.scenes, QUICK.count, QUICK.longest_side, ranges=ranges_file)
    settings = ExportSettings(precision="int8", quantization=quick)
    return export_bundle(tmp_path_factory.mktemp("int8") / "bundle", settings)


def model(bundle: Bundle, name: str) -> ModelProto:
    return onnx.load(bundle.folder / name)


@pytest.mark.parametrize("name", ["model.onnx", "analysis.onnx"])
def test_the_network_is_int8(int8_bundle: Bundle, name: str) -> None:
    graph = model(int8_bundle, name).graph
    entry = next(a for a in int8_bundle.manifest.artefacts if a.file == name)
    assert entry.proof is not None
    assert (entry.proof.int8, entry.proof.pairs) == (11, 11)
    stored = [v for v in graph.initializer if v.data_type == TensorProto.INT8 and len(v.dims) == 4]
    assert len(stored) == 11


@pytest.mark.parametrize("name", ["model.onnx", "analysis.onnx"])
def test_zero_points_are_zero(int8_bundle: Bundle, name: str) -> None:
    graph = model(int8_bundle, name).graph
    constants = {v.name: numpy_helper.to_array(v) for v in graph.initializer}
    zeros = [
        constants[node.input[2]]
        for node in graph.node
        if node.op_type in ("QuantizeLinear", "DequantizeLinear") and len(node.input) > 2
    ]
    assert len(zeros) == 33
    assert not any(np.any(zero) for zero in zeros)


def test_the_scales_are_those_of_the_models(int8_bundle: Bundle) -> None:
    document = json.loads((int8_bundle.folder / "scales.json").read_bytes())
    stated = [one["activation"] for one in document["layers"].values()]
    graph = model(int8_bundle, "analysis.onnx").graph
    constants = {v.name: numpy_helper.to_array(v) for v in graph.initializer}
    found = [
        float(constants[node.input[1]]) for node in graph.node if node.op_type == "QuantizeLinear"
    ]
    np.testing.assert_allclose(sorted(found), sorted(stated), rtol=1e-6)
    weights = {name: len(one["weights"]) for name, one in document["layers"].items()}
    assert weights["head"] == 4
    assert weights["stem"] == 8


def test_the_weights_are_a_third(int8_bundle: Bundle) -> None:
    whole = 4 * int8_bundle.manifest.network.parameters
    assert weight_bytes(model(int8_bundle, "analysis.onnx")) <= whole / 3


def test_verify_holds_its_gate(int8_bundle: Bundle) -> None:
    result = verify_bundle(int8_bundle.folder, write=False)
    checks = result.verification.checks
    assert result.verification.passed, [c for c in checks if not c.passed]
    assert {c.gate for c in checks} == {"at least 45 dB, MEF-SSIM -0.003"}
    assert any(c.mef_ssim_drop is not None for c in checks)
    assert {c.artefact for c in checks} == {"stages", "model.onnx"}


def test_stored_ranges_are_used_and_told(
    int8_bundle: Bundle, ranges_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantization, "observe", None)  # would fail if it were called
    quick = QuantSettings(QUICK.scenes, QUICK.count, QUICK.longest_side, ranges=ranges_file)
    settings = ExportSettings(precision="int8", quantization=quick)
    again = export_bundle(tmp_path / "again", settings)
    for name in ("scales.json", "model.onnx", "analysis.onnx"):
        assert (again.folder / name).read_bytes() == (int8_bundle.folder / name).read_bytes()
    entry = again.manifest.quantization
    assert entry is not None
    assert any("are taken from" in note for note in entry.notes)


def test_a_model_that_is_not_int8_is_refused(edge_bundle: Bundle) -> None:
    plain = onnx.load(edge_bundle.folder / "analysis.onnx")
    with pytest.raises(GateError, match=r"expected convolutions in int8 .* found 12 fp32"):
        prove_onnx(plain, "int8")
    with pytest.raises(GateError, match="expected convolutions in fp16"):
        prove_onnx(plain, "fp16")


def test_int8_where_fp32_was_asked_for_is_refused(int8_bundle: Bundle) -> None:
    with pytest.raises(GateError, match="expected convolutions in fp32"):
        prove_onnx(model(int8_bundle, "analysis.onnx"), "fp32")


def test_another_zero_point_is_refused(int8_bundle: Bundle) -> None:
    spoiled = model(int8_bundle, "analysis.onnx")
    node = next(n for n in spoiled.graph.node if n.op_type == "DequantizeLinear")
    spoiled.graph.initializer.append(helper.make_tensor("other", TensorProto.INT8, [1], [3]))
    node.input[2] = "other"
    with pytest.raises(GateError, match="zero points of 0"):
        prove_onnx(spoiled, "int8")


def test_a_model_without_convolutions_has_no_proof(edge_bundle: Bundle) -> None:
    assert prove_onnx(onnx.load(edge_bundle.folder / "weights.onnx"), "fp32") is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--calibration", "nowhere"), "nowhere"),
        (("--calibration", "rendered:2"), "4 different scenes"),
        (("--observer", "entropy"), "minmax, or a percentile"),
        (("--observer", "20"), "above 50"),
        (("--keep", "fluff"), "fluff"),
    ],
)
def test_refusals(run_cli: RunCli, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run_cli("export", "--precision", "int8", "-o", tmp_path / "b", *arguments)
    assert result.code == 2
    assert words in result.sentence
    assert not (tmp_path / "b").exists()


def test_calibration_is_for_int8(run_cli: RunCli, tmp_path: Path) -> None:
    result = run_cli("export", "--calibration", "rendered:8", "-o", tmp_path / "b")
    assert result.code == 2
    assert "for --precision int8" in result.sentence


def test_only_what_holds_the_network_is_int8(int8_bundle: Bundle) -> None:
    found = {artefact.role: artefact.precision for artefact in int8_bundle.manifest.artefacts}
    expected = {"pipeline": "int8", "analysis": "int8", "view": "fp32", "weights": "fp32"}
    assert found == expected | {"application": "fp32"}


@pytest.fixture(scope="module")
def mixed_bundle(tmp_path_factory: pytest.TempPathFactory, ranges_file: Path) -> Bundle:
    """With a gate that some layers have to be kept for; not to be changed."""
    strict = QuantSettings(
        QUICK.scenes, QUICK.count, QUICK.longest_side, ranges=ranges_file, gate=51.0
    )
    settings = ExportSettings(precision="int8", quantization=strict)
    return export_bundle(tmp_path_factory.mktemp("mixed") / "bundle", settings)


def test_kept_layers_and_sensitivity_are_in_the_manifest_and_shown(
    mixed_bundle: Bundle, run_cli: RunCli
) -> None:
    entry = mixed_bundle.manifest.quantization
    assert entry is not None
    assert 1 <= len(entry.kept) <= 5
    assert list(entry.sensitivity)[: len(entry.kept)] == list(entry.kept)
    assert len(entry.sensitivity) == 11
    assert entry.loss.psnr is not None
    assert entry.loss.psnr >= 51.0
    shown = run_cli("inspect", mixed_bundle.folder).out
    worst = next(line for line in shown.splitlines() if line.strip().startswith(entry.kept[0]))
    assert worst.split()[-1] == "fp16"
    assert f"{11 - len(entry.kept)} layers, {len(entry.kept)} kept in fp16" in shown


def test_kept_layers_store_their_weights_in_int8_too(mixed_bundle: Bundle) -> None:
    entry = mixed_bundle.manifest.quantization
    assert entry is not None
    portable = model(mixed_bundle, "model.onnx")
    stored = [
        v
        for v in portable.graph.initializer
        if v.data_type == TensorProto.INT8 and len(v.dims) == 4
    ]
    assert len(stored) == 11
    proof = prove_onnx(portable, "int8")
    assert proof is not None
    assert (proof.int8, proof.fp16) == (11 - len(entry.kept), len(entry.kept))
    whole = 4 * mixed_bundle.manifest.network.parameters
    assert weight_bytes(model(mixed_bundle, "analysis.onnx")) <= whole / 3


def test_tensorrt_gets_half_weights_of_kept_layers(mixed_bundle: Bundle) -> None:
    entry = mixed_bundle.manifest.quantization
    assert entry is not None
    portable = model(mixed_bundle, "model.onnx")
    flavour = tensorrt_model(portable)
    constants = {v.name: numpy_helper.to_array(v) for v in flavour.graph.initializer}
    convolutions = [n for n in flavour.graph.node if n.op_type in ("Conv", "ConvTranspose")]
    halves = [n for n in convolutions if n.input[1] in constants]
    halves = [n for n in halves if constants[n.input[1]].dtype == np.float16]
    assert len(halves) == len(entry.kept)
    given = {v.name: numpy_helper.to_array(v) for v in portable.graph.initializer}
    producers = {name: node for node in portable.graph.node for name in node.output}
    for node in halves:
        dequantize = producers[producers[node.input[1]].input[0]]
        levels, scales = (given[name] for name in dequantize.input[:2])
        shape = [-1 if size == len(scales) else 1 for size in levels.shape]
        shape = shape if shape.count(-1) == 1 else [-1, 1, 1, 1]
        expected = (levels.astype(np.float32) * scales.reshape(shape)).astype(np.float16)
        np.testing.assert_array_equal(constants[node.input[1]], expected)
