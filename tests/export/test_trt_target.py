"""The target trt: what it writes without a device, what it refuses, and what it builds with one."""

import json
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from edge_mef.bundle import BUNDLES_FOLDER, Bundle, describe_files, load_bundle, write_bundle
from edge_mef.contract import FusionContract
from edge_mef.errors import BundleError, GateError, InputError, MissingError
from edge_mef.export.artefacts import Artefact, Conversion
from edge_mef.export.options import TargetOptions, TensorRTOptions
from edge_mef.export.parity import verify_bundle
from edge_mef.export.tensorrt import convert, make_plan
from edge_mef.manifest import Precision
from edge_mef.pipeline import FusionPipeline
from edge_mef.runtimes.build_watch import BuildWatcher, watched
from edge_mef.runtimes.trt_plan import PLAN_FILE, Profile, decode_plan, encode_plan
from tests.conftest import RunCli, contents
from tests.runtimes.tiny_models import portable_model
from tests.runtimes.trt_device import make_bundle, make_device

_NO_PIPELINE: FusionPipeline = None  # type: ignore[assignment]


class Notes(BuildWatcher):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def note(self, text: str) -> None:
        self.heard.append(text)


def _conversion(
    options: TensorRTOptions | None = None,
    precision: Precision = "fp32",
    graph: Precision | None = None,
) -> Conversion:
    """A conversion of a tiny model, whose graph may be in another precision than is said."""
    portable = {"model.onnx": portable_model(graph or precision).SerializeToString()}
    chosen = TargetOptions(tensorrt=options or TensorRTOptions())
    return Conversion(_NO_PIPELINE, FusionContract(2), precision, chosen, portable)


def _converted(conversion: Conversion) -> tuple[Artefact, list[str]]:
    notes = Notes()
    with watched(notes):
        (artefact,) = convert(conversion)
    return artefact, notes.heard


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_without_a_device_it_writes_model_and_plan_and_says_so(precision: Precision) -> None:
    artefact, notes = _converted(_conversion(precision=precision))
    assert list(artefact.files) == ["trt.onnx", "trt-plan.json"]
    entry = artefact.entry
    assert (entry.format, entry.file, entry.version) == ("tensorrt", "trt.onnx", 17)
    assert entry.proof is not None
    assert getattr(entry.proof, precision) == 1
    model = onnx.load_from_string(artefact.files["trt.onnx"])
    assert sum(entry.operators.values()) == len(model.graph.node)
    plan = decode_plan(artefact.files[PLAN_FILE], "plan")
    assert (plan.precision, plan.inputs) == (precision, ("exposure_0", "exposure_1"))
    (note,) = notes
    assert note.startswith("the TensorRT engine will be built on the device on first use: the ")


def test_a_required_engine_is_an_error_without_a_device() -> None:
    with pytest.raises(MissingError, match="an engine was required, and none can be built here"):
        convert(_conversion(TensorRTOptions(engine="required")))


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_graph_that_is_not_in_its_precision_is_refused(precision: Precision) -> None:
    with pytest.raises(GateError, match=rf"expected convolutions in {precision} .*found 1 fp32"):
        convert(_conversion(precision=precision, graph="fp32"))


@pytest.mark.parametrize(
    ("contract", "precision", "options", "told"),
    [
        (FusionContract(2), "fp16", TensorRTOptions(dla=0), "takes one size, and fp16 or int8"),
        (FusionContract(2, 48, 64), "fp32", TensorRTOptions(dla=0), "found 48x64 and fp32"),
        (FusionContract(2), "fp32", TensorRTOptions(largest=(8, 8)), "in order.*found 16, 1080, 8"),
        (FusionContract(2), "fp32", TensorRTOptions(usual=(90000, 9)), "in order, from 1 to 32768"),
        (FusionContract(2), "fp32", TensorRTOptions(level=9), "level: .*found 9"),
    ],
)
def test_impossible_options(
    contract: FusionContract, precision: Precision, options: TensorRTOptions, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        make_plan(contract, precision, options)


def test_a_fixed_size_needs_no_profile() -> None:
    plan = make_plan(FusionContract(2, 48, 64), "fp16", TensorRTOptions(dla=1))
    assert plan.profile is None
    assert decode_plan(encode_plan(plan), "plan") == plan


@pytest.mark.parametrize("data", [b"", b"{}", b'{"schema_version": 2}', b"[1]"])
def test_a_plan_that_is_none(data: bytes) -> None:
    with pytest.raises(BundleError, match="trt-plan is no plan that this EdgeMEF reads"):
        decode_plan(data, "trt-plan")


def test_with_a_device_the_engine_is_built_and_cached(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    device = make_device(monkeypatch, tmp_path / "cache", "10.13.3.9")
    artefact, notes = _converted(_conversion(TensorRTOptions(engine="required", level=4)))
    assert list(artefact.files) == ["trt.onnx", "trt-plan.json"], "the engine stays on the device"
    assert len(device.engines()) == 1
    assert device.trt.builds[0]["config"].builder_optimization_level == 4
    assert [note.partition(" ")[0] for note in notes] == ["building", "engine"]


def _with_flavour(folder: Path) -> Bundle:
    """The ffmef bundle that comes with EdgeMEF, and its flavour for TensorRT."""
    plain = load_bundle(BUNDLES_FOLDER / "ffmef")
    files = {name: (plain.folder / name).read_bytes() for name in plain.manifest.files}
    pipeline = replace(_conversion(), portable=files)
    artefact, _ = _converted(pipeline)
    files |= artefact.files
    artefacts = (*plain.manifest.artefacts, artefact.entry)
    update = {"artefacts": artefacts, "files": describe_files(files), "verification": None}
    return write_bundle(folder, plain.manifest.model_copy(update=update), files)


def test_verify_runs_the_flavour_and_names_what_it_did_not_run(tmp_path: Path) -> None:
    result = verify_bundle(_with_flavour(tmp_path / "bundle").folder, limit=2)
    checks = [c for c in result.verification.checks if c.artefact == "trt.onnx"]
    assert {c.runtime for c in checks} == {"onnxruntime"}
    assert {c.reference for c in checks} == {"golden", "torch"}
    assert max(c.max_difference for c in checks) <= 1
    assert any("not checked: the runtime 'tensorrt' needs" in note for note in result.notes)


def test_verify_finds_a_flavour_that_computes_something_else(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")  # of a tiny model, in a bundle of ffmef
    checks = verify_bundle(bundle.folder, limit=1).verification.checks
    assert {c.passed for c in checks if c.artefact == "trt.onnx"} == {False}
    assert {c.passed for c in checks if c.artefact == "model.onnx"} == {True}


def test_verify_runs_the_engine_on_a_device_and_skips_what_it_does_not_take(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_device(monkeypatch, tmp_path / "cache", "11.4.0.106")
    profile = Profile(smallest=(16, 16), usual=(48, 64), largest=(100, 300))
    bundle = make_bundle(tmp_path / "bundle", profile=profile)
    result = verify_bundle(bundle.folder, limit=3)
    engine = [c for c in result.verification.checks if c.runtime == "tensorrt"]
    on_cpu = [c for c in result.verification.checks if c.runtime == "onnxruntime"]
    flavour = [c for c in on_cpu if c.artefact == "trt.onnx"]
    assert [c.artefact for c in engine] == ["trt.onnx"] * len(engine)
    assert 0 < len(engine) < len(flavour)
    taken = "this bundle's engine takes 16x16 to 100x300, found 121x163"
    assert f"golden frames not compared on tensorrt: {taken}" in result.notes


def test_the_command_exports_here_with_a_note(tmp_path: Path, run_cli: RunCli) -> None:
    folder = tmp_path / "out"
    result = run_cli(
        *("export", "--target", "trt", "--model", "ffmef", "--precision", "fp16", "-o", folder),
        *("--profile", "120x160,480x640,1080x1920", "--builder-level", 1, "--workspace", 512),
        "--no-verify",
    )
    assert result.code == 0
    assert result.err.startswith("note: the TensorRT engine will be built on the device on first")
    plan = json.loads((folder / PLAN_FILE).read_text())
    assert plan["profile"]["usual"] == [480, 640]
    assert (plan["level"], plan["workspace"], plan["precision"]) == (1, 512, "fp16")
    checks = verify_bundle(folder, limit=1, write=False).verification.checks
    found = [c.psnr for c in checks if c.artefact == "trt.onnx"]
    assert len(found) == 2
    assert all(psnr is None or psnr >= 50 for psnr in found)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--require-engine",), 3, "an engine was required, and none can be built here"),
        (("--profile", "480x640"), 2, "expected a smallest, a usual and a largest size"),
        (("--profile", "9x9,9x9,9x9", "--size", "48x64"), 2, "a fixed size needs none"),
        (("--target", "onnx", "--dla", "0"), 2, "are for --target trt, found --target onnx"),
    ],
)
def test_the_command_refuses_and_leaves_nothing(
    tmp_path: Path, run_cli: RunCli, arguments: tuple[str, ...], code: int, told: str
) -> None:
    result = run_cli("export", "--target", "trt", "-o", tmp_path / "out", *arguments)
    assert result.code == code
    assert told in result.sentence
    assert contents(tmp_path) == {}
