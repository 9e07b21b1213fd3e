"""OpenVINO models: the sizes, operators and precision that were asked for, the same bytes again."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from edge_mef.bundle import Bundle, load_bundle
from edge_mef.errors import GateError
from edge_mef.export.artefacts import Artefact
from edge_mef.export.openvino import convert
from edge_mef.export.parity import verify_bundle
from edge_mef.manifest import PrecisionProof
from tests.conftest import RunCli
from tests.openvino_bundle import add_openvino, conversion_of, portable_of, quantized

EDGE = load_bundle("ffmef-edge")
CONTRACT = EDGE.manifest.contract


@pytest.fixture(scope="module")
def portable() -> dict[str, bytes]:
    return portable_of(EDGE)


@pytest.fixture(scope="module")
def added(portable: dict[str, bytes]) -> dict[str, Artefact]:
    return {a.entry.file: a for a in convert(conversion_of(portable, CONTRACT))}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return add_openvino("ffmef-edge", tmp_path_factory.mktemp("edge") / "bundle")


def edited(data: bytes, edit: Callable[[onnx.ModelProto], None]) -> bytes:
    model = onnx.load_model_from_string(data)
    edit(model)
    return bytes(model.SerializeToString())


def sides(xml: bytes, name: str) -> tuple[str, ...]:
    """The shape of a model's input, as its file says it."""
    layers = ElementTree.fromstring(xml).iterfind("./layers/layer[@type='Parameter']")
    (layer,) = (layer for layer in layers if layer.get("name") == name)
    data = layer.find("data")
    assert data is not None
    return tuple(data.attrib["shape"].split(","))


def test_every_onnx_model_becomes_two_files(
    added: dict[str, Artefact], portable: dict[str, bytes]
) -> None:
    assert list(added) == [name.replace(".onnx", ".xml") for name in portable]
    for name, artefact in added.items():
        assert list(artefact.files) == [name, name.replace(".xml", ".bin")]
        theirs = next(a for a in EDGE.manifest.artefacts if a.file == name.replace("xml", "onnx"))
        entry = artefact.entry
        assert (entry.role, entry.exposures) == (theirs.role, theirs.exposures)
        assert (entry.format, entry.precision) == ("openvino", "fp32")
        assert entry.version >= 11
        assert (entry.proof is not None) == (entry.role in ("pipeline", "analysis"))


def test_operators_and_convolutions_are_counted(added: dict[str, Artefact]) -> None:
    entry = added["analysis.xml"].entry
    assert entry.operators["Convolution"] == 12
    assert not {"Constant", "Parameter", "Result"} & entry.operators.keys()
    assert entry.proof == PrecisionProof(fp32=12)


def test_sizes_stay_free(added: dict[str, Artefact]) -> None:
    model = added["model.xml"].files["model.xml"]
    assert sides(model, "exposure_0") == ("1", "?", "?", "3")
    tile = added["application-7.xml"].files["application-7.xml"]
    assert sides(tile, "exposure_6") == ("1", "3", "?", "?")


def fix_size(model: onnx.ModelProto) -> None:
    for value in model.graph.input:
        dims = value.type.tensor_type.shape.dim
        dims[1].dim_value, dims[2].dim_value = 48, 64


def test_a_fixed_size_stays_fixed(portable: dict[str, bytes]) -> None:
    fixed = {"model.onnx": edited(portable["model.onnx"], fix_size)}
    contract = replace(CONTRACT, height=48, width=64)
    (artefact,) = convert(conversion_of(fixed, contract))
    assert sides(artefact.files["model.xml"], "exposure_1") == ("1", "48", "64", "3")
    with pytest.raises(GateError, match=r"expected OpenVINO inputs .*-1, -1.* found .*48, 64"):
        convert(conversion_of(fixed, CONTRACT))


def test_the_same_bytes_again_and_nothing_of_this_machine(
    added: dict[str, Artefact], portable: dict[str, bytes], tmp_path: Path
) -> None:
    again = convert(conversion_of(portable, CONTRACT))
    assert {a.entry.file: dict(a.files) for a in again} == {
        name: dict(artefact.files) for name, artefact in added.items()
    }
    for artefact in again:
        for data in artefact.files.values():
            assert b".onnx" not in data
            assert str(tmp_path.parents[2]).encode() not in data


def test_int8_weights_are_stored_in_int8(
    added: dict[str, Artefact], portable: dict[str, bytes]
) -> None:
    int8 = {"analysis.onnx": quantized(portable["analysis.onnx"])}
    (artefact,) = convert(conversion_of(int8, CONTRACT, "int8"))
    assert artefact.entry.proof == PrecisionProof(pairs=11, int8=11, fp32=1)
    assert artefact.entry.operators["FakeQuantize"] == 11
    whole = len(added["analysis.xml"].files["analysis.bin"])
    assert len(artefact.files["analysis.bin"]) < whole / 3


def test_a_precision_that_is_not_there_fails(portable: dict[str, bytes]) -> None:
    model = {"analysis.onnx": portable["analysis.onnx"]}
    for precision in ("fp16", "int8"):
        with pytest.raises(GateError, match=f"convolutions in {precision} .* found 12 fp32"):
            convert(conversion_of(model, CONTRACT, precision))
    int8 = {"analysis.onnx": quantized(portable["analysis.onnx"])}
    with pytest.raises(GateError, match=r"convolutions in fp32 .* found 11 int8, 1 fp32"):
        convert(conversion_of(int8, CONTRACT))


def test_an_operator_that_openvino_lacks_is_named(portable: dict[str, bytes]) -> None:
    def rename(model: onnx.ModelProto) -> None:
        node = next(n for n in model.graph.node if n.op_type == "Softmax")
        node.op_type, node.domain = "Hardermax", "somewhere.else"
        model.opset_import.append(onnx.helper.make_opsetid("somewhere.else", 1))

    odd = {"analysis.onnx": edited(portable["analysis.onnx"], rename)}
    with pytest.raises(GateError, match=r"cannot convert analysis\.onnx: .*Hardermax") as caught:
        convert(conversion_of(odd, CONTRACT))
    assert "\n" not in str(caught.value)


def test_verify_runs_openvino_in_every_number_of_exposures(bundle: Bundle) -> None:
    result = verify_bundle(bundle.folder, limit=3, threads=1)
    checks = [c for c in result.verification.checks if c.runtime == "openvino"]
    assert [c.scene for c in checks if not c.passed] == []
    assert {c.artefact for c in checks} == {"stages", "model.xml"}
    assert {c.scene[0] for c in checks if " exposures" in c.scene} == set("3456789")
    assert any("61x211" in c.scene for c in checks)
    assert not any("not checked" in note and "openvino" in note for note in result.notes)


def test_export_from_the_command_line(run_cli: RunCli, tmp_path: Path) -> None:
    """In fp16, which no bundle that comes with us is, and of one size."""
    folder = tmp_path / "half"
    options = ("--precision", "fp16", "--size", "48x64", "-o", folder)
    result = run_cli("export", "--target", "openvino", *options, "--json")
    assert (result.code, result.err) == (0, "")
    manifest = load_bundle(folder).manifest
    assert manifest.toolchain["openvino"]
    (entry,) = manifest.stage("openvino", "analysis")
    assert entry.proof == PrecisionProof(fp16=12)
    weights, whole = folder / "analysis.bin", EDGE.folder / "weights.safetensors"
    assert weights.stat().st_size < 0.6 * whole.stat().st_size
    assert manifest.verification is not None
    measured = [c.psnr for c in manifest.verification.checks if c.runtime == "openvino" and c.psnr]
    assert len(measured) >= 10
    assert min(measured) >= 50
