"""A machine without torch and onnx: what must import, what still runs, and what to install."""

import json
import shutil
from pathlib import Path

import pytest

from edge_mef.bundle import DEFAULT_BUNDLE, load_bundle
from edge_mef.models.weights import WEIGHTS_FOLDER
from tests.conftest import MAIN, Result, contents, run_python

OUR_WEIGHTS = str(WEIGHTS_FOLDER / "ffmef-4.safetensors")
# Finding nothing is what happens where a package is not installed.
BLOCKED = (
    "torch", "torchao", "onnx", "onnxscript", "onnxsim", "openvino", "tensorboard", "coremltools"
)  # fmt: skip
WITHOUT_EXTRAS = f"""
from importlib.machinery import PathFinder
_find = PathFinder.find_spec
def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] in {BLOCKED} else _find(name, path, target)
PathFinder.find_spec = find_spec
"""

IMPORT_EVERYTHING = (
    WITHOUT_EXTRAS
    + """
import importlib, json, pkgutil, edge_mef
lacking = {}
for module in pkgutil.walk_packages(edge_mef.__path__, "edge_mef."):
    try:
        importlib.import_module(module.name)
        lacking[module.name] = None
    except ModuleNotFoundError as error:
        lacking[module.name] = error.name
print(json.dumps(lacking))
"""
)

NEED_TORCH = {
    "edge_mef.calibration.half_layers",
    "edge_mef.calibration.observer",
    "edge_mef.calibration.qat",
    "edge_mef.calibration.quantize",
    "edge_mef.calibration.quantizer",
    "edge_mef.calibration.scales",
    "edge_mef.calibration.sensitivity",
    "edge_mef.export.quantization",
    "edge_mef.application",
    "edge_mef.benchmarks.peers.learn_meflut",
    "edge_mef.benchmarks.peers.published_ffmef",
    "edge_mef.checkpoints",
    "edge_mef.data.pairs",
    "edge_mef.data.stacks",
    "edge_mef.demo",
    "edge_mef.edge_pipeline",
    "edge_mef.export.artefacts",
    "edge_mef.export.build",
    "edge_mef.export.openvino",
    "edge_mef.export.constants",
    "edge_mef.export.coreml",
    "edge_mef.export.coreml_metadata",
    "edge_mef.export.coreml_program",
    "edge_mef.export.stages",
    "edge_mef.losses.fusion",
    "edge_mef.losses.gif",
    "edge_mef.losses.mef_ssim",
    "edge_mef.losses.tone",
    "edge_mef.models.create",
    "edge_mef.models.ffmef",
    "edge_mef.models.ffmef_edge",
    "edge_mef.objectives",
    "edge_mef.pipeline",
    "edge_mef.runtimes.mil_ops",
    "edge_mef.runtimes.mil_program",
    "edge_mef.training",
    "edge_mef.validation",
    "edge_mef.view",
}
NEED_ONNX = {
    "edge_mef.export.application",
    "edge_mef.export.cell_weights",
    "edge_mef.export.graph",
    "edge_mef.export.memory",
    "edge_mef.export.onnx",
    "edge_mef.export.proof",
    "edge_mef.export.opset",
    "edge_mef.export.tensorrt",
    "edge_mef.export.trt_graph",
    "edge_mef.export.trt_operators",
}
NEED_OPENVINO = {"edge_mef.runtimes.openvino"}
# A few that must be among the modules seen, so that a broken link cannot hide a stage.
SEEN = {
    "edge_mef.benchmarks.peers.meflut",
    "edge_mef.benchmarks.peers.mertens",
    "edge_mef.benchmarks.peers.table",
    "edge_mef.benchmarks.records",
    "edge_mef.benchmarks.report.page",
    "edge_mef.benchmarks.scaling",
    "edge_mef.benchmarks.statistics",
    "edge_mef.benchmarks.timing",
    "edge_mef.bundle",
    "edge_mef.calibration",
    "edge_mef.cli.fuse",
    "edge_mef.evaluation",
    "edge_mef.exposures",
    "edge_mef.export.parity",
    "edge_mef.fuser",
    "edge_mef.metrics.scoring",
    "edge_mef.render.brackets",
    "edge_mef.runtimes.onnxruntime",
    "edge_mef.runtimes.tensorrt",
    "edge_mef.runtimes.tiles",
    "edge_mef.stages",
    "edge_mef.stream.places",
    "edge_mef.stream.run",
}


def run_without_extras(*arguments: object) -> Result:
    return run_python(WITHOUT_EXTRAS + MAIN, *arguments)


def test_every_module_imports_or_lacks_what_an_extra_brings() -> None:
    result = run_python(IMPORT_EVERYTHING)
    assert (result.code, result.err) == (0, "")
    lacking: dict[str, str | None] = json.loads(result.out)
    assert lacking.keys() >= SEEN
    needing = NEED_TORCH | NEED_ONNX | NEED_OPENVINO
    assert {name for name, package in lacking.items() if package} == needing
    assert {lacking[name] for name in NEED_OPENVINO} == {"openvino"}
    assert {lacking[name] for name in NEED_TORCH} == {"torch"}
    assert {lacking[name] for name in NEED_ONNX} <= {"onnx", "onnxsim"}


def test_fusing_needs_no_extra(bracket_files: tuple[Path, Path], tmp_path: Path) -> None:
    result = run_without_extras("fuse", *bracket_files, "-o", tmp_path / "f.png")
    assert (result.code, result.err) == (0, "")
    assert (tmp_path / "f.png").is_file()


def test_measuring_needs_no_extra(bracket_files: tuple[Path, Path]) -> None:
    result = run_without_extras("metrics", *bracket_files, bracket_files[1])
    assert (result.code, result.err) == (0, "")
    assert "MEF_SSIM" in result.out


def test_timing_needs_no_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    quick = ("--size", "48x64", "--seconds", "0.3", "--samples", "10", "--skip", "quality,memory")
    result = run_without_extras("bench", "ffmef-edge-2", "--peer", "mertens", *quick)
    assert (result.code, result.err) == (0, "")
    assert "2 records appended to edge-mef-history.jsonl" in result.out


def test_comparing_needs_no_extra(tmp_path: Path) -> None:
    table = tmp_path / "values.csv"
    result = run_without_extras(
        *("evaluate", "--data", "rendered:2", "--longest-side", "64", "--peers", "--csv", table),
    )
    assert result.code == 0
    assert result.err == (
        "note: left out: the peer 'ffmef-published' needs the Python package 'torch', which is not "
        "installed: pip install 'edge-mef[train]'\n"
    )
    assert "mean rank" in result.out
    methods = {line.split(",")[1] for line in table.read_text(encoding="utf-8").splitlines()[1:]}
    assert {DEFAULT_BUNDLE, "OpenCV Mertens"} <= methods


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("export",), "export"),
        (("demo",), "export"),
        (("advise",), "export"),
        (("calibrate", "rendered:8", "--sensitivity"), "export"),
        (("train", "--data", "rendered:2"), "train"),
        (("evaluate", "--data", "rendered:2", "--weights", OUR_WEIGHTS), "train"),
        (("evaluate", "--data", "rendered:2", "--published", OUR_WEIGHTS), "train"),
    ],
)
def test_the_install_command_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], extra: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run_without_extras(*arguments)
    assert result.code == 3
    assert f"'torch', which is not installed: pip install 'edge-mef[{extra}]'" in result.sentence
    assert contents(tmp_path) == {}


def test_doctor_names_the_extras() -> None:
    result = run_without_extras("doctor", "--json")
    assert (result.code, result.err) == (0, "")
    findings = json.loads(result.out)["findings"]
    details = {f["kind"]: f["detail"] for f in findings}
    targets = {f["name"]: f["detail"] for f in findings if f["kind"] == "target"}
    assert details["check"] == "works"
    assert targets["onnx"] == "lacks 'torch': pip install 'edge-mef[export]'"
    assert targets["openvino"] == "lacks 'torch': pip install 'edge-mef[export,openvino]'"
    assert details["training"] == "lacks 'torch': pip install 'edge-mef[train]'"


def test_verify_compares_with_the_golden_frames(bundle: Path) -> None:
    before = load_bundle(bundle).manifest
    result = run_without_extras("verify", bundle, "--json", "--threads", "1")
    assert (result.code, result.err) == (0, "")
    answer = json.loads(result.out)
    assert {check["reference"] for check in answer["checks"]} == {"golden"}
    assert max(check["max_difference"] for check in answer["checks"]) <= 1
    assert answer["notes"] == [
        "torch is not installed: compared with the bundle's golden frames only"
    ]
    after = load_bundle(bundle).manifest
    assert after.verification is not None
    assert after.verification.date == answer["date"]
    assert after.model_copy(update={"verification": before.verification}) == before


def test_verify_tells_when_a_bundle_computes_something_else(bundle: Path) -> None:
    """The model of this bundle is right, but its golden frames are of another one."""
    code = f"""
import sys, numpy as np
from pathlib import Path
from edge_mef.bundle import describe_files, load_bundle, rewrite_manifest
folder = Path(sys.argv[1])
loaded = load_bundle(folder)
with np.load(folder / "golden.npz") as golden:
    arrays = dict(golden)
arrays["fused"] = arrays["fused"] // 2
np.savez_compressed(folder / "golden.npz", **arrays)
files = {{name: (folder / name).read_bytes() for name in loaded.manifest.files}}
rewrite_manifest(loaded, loaded.manifest.model_copy(update={{"files": describe_files(files)}}))
sys.argv = ["edge-mef", "verify", str(folder)]
{WITHOUT_EXTRAS}{MAIN}"""
    result = run_python(code, bundle)
    assert result.code == 1
    assert "FAILED" in result.out
    verification = load_bundle(bundle).manifest.verification
    assert verification is not None
    assert not verification.passed


def test_verify_without_writing(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "copy")
    result = run_without_extras("verify", bundle, "--no-write")
    assert (result.code, result.err) == (0, "")
    assert "note: torch is not installed" in result.out
    assert contents(bundle) == contents(tmp_path / "copy")
