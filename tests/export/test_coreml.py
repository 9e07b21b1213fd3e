"""Core ML packages: what is in them, and that it is what was asked for."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edge_mef.bundle import Bundle
from edge_mef.contract import FusionContract
from edge_mef.edge_pipeline import EdgePipeline
from edge_mef.errors import BundleError, GateError, InputError
from edge_mef.export.artefacts import Artefact
from edge_mef.export.coreml import check_package, convert
from edge_mef.export.options import USUAL_SIZES, CoreMLOptions, TargetOptions
from edge_mef.manifest import Precision
from edge_mef.render.brackets import random_bracket
from edge_mef.runtimes.mil_package import MilPackage, read_package
from edge_mef.runtimes.mil_program import MilProgram, prove_precision
from edge_mef.validation import torch_fuse
from tests.coreml import (
    MODEL,
    WEIGHTS,
    conversion,
    own_pipeline,
    quantized_pipeline,
    write_package,
)

SIZE = (64, 96)
NEAR_WHITE = 254.5  # what is brighter was cut off half a level too high in ffmef-edge


@pytest.fixture(scope="module")
def full(coreml_bundle: Bundle) -> MilPackage:
    return read_package(coreml_bundle.folder / "model.mlpackage")


@pytest.fixture(scope="module")
def packages(full: MilPackage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, MilPackage]:
    """Both networks in fp32, by name."""
    (artefact,) = convert(conversion("ffmef"))
    folder = tmp_path_factory.mktemp("ffmef")
    return {"ffmef": read_package(write_package(artefact, folder)), "ffmef-edge": full}


@pytest.fixture(scope="module")
def halves() -> Artefact:
    (artefact,) = convert(conversion("ffmef-edge", "fp16"))
    return artefact


@pytest.fixture(scope="module")
def packed() -> Artefact:
    (artefact,) = convert(conversion("ffmef-edge", "fp16", ios=18, weights_only=True))
    return artefact


@pytest.fixture(scope="module")
def quantized() -> tuple[EdgePipeline, Artefact]:
    if importlib.util.find_spec("torchao") is None:
        pytest.skip("torchao is not installed: there is nothing to quantize with")
    scenes = [random_bracket(seed, height=64, width=96).exposures for seed in (50, 51, 52)]
    frames = [tuple(torch.from_numpy(f.copy())[None] for f in scene) for scene in scenes]
    pipeline = quantized_pipeline(frames)
    (artefact,) = convert(conversion("ffmef-edge", "int8", pipeline=pipeline))
    return pipeline, artefact


def weight_bytes(artefact: Artefact) -> int:
    return len(artefact.files[f"{artefact.entry.file}/{WEIGHTS}"])


def fused_by(package: Path, frames: tuple[Any, ...]) -> Any:
    feeds = {f"exposure_{i}": planes(frame) for i, frame in enumerate(frames)}
    return MilProgram(read_package(package).program).run(feeds)["fused"][0].permute(1, 2, 0).numpy()


def before_rounding(package: MilPackage, frames: tuple[Any, ...] | list[Any]) -> torch.Tensor:
    """What goes into the rounding of a package, (1, 3, H, W) from 0 to NEAR_WHITE grey levels."""
    program = read_package(package.path).program
    function = program.functions["main"]
    (rounding,) = [op for op in function.operations if op.op_type in ("floor", "round")]
    function.set_outputs([rounding.x])
    feeds = {f"exposure_{i}": planes(frame) for i, frame in enumerate(frames)}
    (found,) = MilProgram(program).run(feeds).values()
    lift = 0.5 if rounding.op_type == "floor" else 0.0  # ffmef-edge rounds down
    return (found - lift).clamp(0.0, NEAR_WHITE)


def planes(frame: Any) -> torch.Tensor:
    return torch.from_numpy(frame.copy()).permute(2, 0, 1)[None].float()


def psnr(first: Any, second: Any) -> float:
    error = float(np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2))
    return float(10 * np.log10(255.0**2 / max(error, 1e-9)))


def test_a_package_holds_three_files_and_nothing_else(coreml_bundle: Bundle) -> None:
    manifest = coreml_bundle.manifest
    entries = manifest.stage("coreml", "pipeline")
    assert [entry.file for entry in entries] == ["model.mlpackage", "model-96x64.mlpackage"]
    for entry in entries:
        expected = {f"{entry.file}/{name}" for name in ("Manifest.json", MODEL, WEIGHTS)}
        assert set(manifest.files_of(entry)) == expected
        assert (entry.version, entry.exposures, entry.precision) == (8, 2, "fp32")


def test_images_go_in_and_come_out(full: MilPackage) -> None:
    found = [(i.name, i.size, i.colour) for i in (*full.inputs, *full.outputs)]
    assert found == [(name, SIZE, "RGB") for name in ("exposure_0", "exposure_1", "fused")]


def test_the_package_describes_itself(coreml_bundle: Bundle) -> None:
    from coremltools.models.utils import load_spec

    described = load_spec(str(coreml_bundle.folder / "model.mlpackage")).description
    meta = described.metadata
    assert (meta.author, meta.license, meta.versionString) == ("EdgeMEF", "Apache-2.0", "1.2.3")
    assert "Fuses 2 exposures" in meta.shortDescription
    assert "darkest" in described.input[0].shortDescription
    assert "brightest" in described.input[1].shortDescription
    assert described.output[0].shortDescription.startswith("The fused picture")
    facts = {k.removeprefix("edge_mef."): v for k, v in meta.userDefined.items()}
    assert facts["network"] == "the network"
    assert facts["precision"] == "fp32"
    assert facts["order"] == "darkest first"
    assert facts["size"] == "64x96"


def test_a_package_says_nothing_about_the_machine_or_the_day(coreml_bundle: Bundle) -> None:
    data = (coreml_bundle.folder / "model.mlpackage" / MODEL).read_bytes()
    assert b"site-packages" not in data
    assert b"conversion_date" not in data
    assert str(Path(__file__).resolve().parents[2]).encode() not in data


def test_the_same_network_gives_the_same_bytes(coreml_bundle: Bundle) -> None:
    (artefact,) = convert(conversion("ffmef-edge"))
    for name, data in artefact.files.items():
        assert (coreml_bundle.folder / name).read_bytes() == data, name
    identifiers = json.loads(artefact.files["model.mlpackage/Manifest.json"])
    assert identifiers["rootModelIdentifier"] in identifiers["itemInfoEntries"]


@pytest.mark.parametrize("name", ["ffmef", "ffmef-edge"])
@pytest.mark.parametrize("seed", [3, 4])
def test_the_interpreter_computes_what_torch_computes(
    name: str, seed: int, packages: dict[str, MilPackage]
) -> None:
    """Before rounding, or a difference of half a level would count as none."""
    frames = random_bracket(seed, height=64, width=96).exposures
    found = before_rounding(packages[name], frames)
    with torch.no_grad():
        inputs = [torch.from_numpy(frame.copy())[None] for frame in frames]
        levels = own_pipeline(name).fuse_levels(*inputs).permute(0, 3, 1, 2)
    expected = levels.clamp(0.0, NEAR_WHITE)
    error = float((found - expected).abs().max()) / 255.0
    print(f"{name}, scene {seed}: {error:.1e}")
    assert expected.std() > 10, "not a flat picture"
    assert error <= 1e-5


def test_a_difference_before_rounding_would_be_seen(packages: dict[str, MilPackage]) -> None:
    frames = random_bracket(3, height=64, width=96).exposures
    other = [np.clip(frame.astype(int) + 1, 0, 255).astype(np.uint8) for frame in frames]
    found, moved = (before_rounding(packages["ffmef"], given) for given in (frames, other))
    assert float((found - moved).abs().max()) / 255.0 > 1e-5


def test_half_precision_stays_half_and_needs_half_the_space(
    halves: Artefact, coreml_bundle: Bundle, tmp_path: Path
) -> None:
    assert halves.entry.proof is not None
    assert (halves.entry.proof.fp16, halves.entry.proof.fp32) == (12, 2)
    size = (coreml_bundle.folder / "model.mlpackage" / WEIGHTS).stat().st_size
    assert weight_bytes(halves) <= 0.6 * size
    frames = random_bracket(4, height=64, width=96).exposures
    fused = fused_by(write_package(halves, tmp_path), frames)
    assert psnr(fused, torch_fuse(own_pipeline("ffmef-edge"))(*frames)) >= 50.0


def test_ffmef_in_half_precision(tmp_path: Path) -> None:
    (artefact,) = convert(conversion("ffmef", "fp16"))
    assert artefact.entry.proof is not None
    assert (artefact.entry.proof.fp16, artefact.entry.proof.fp32) == (48, 2)
    path = write_package(artefact, tmp_path)
    norms = [
        op
        for op in read_package(path).program.functions["main"].operations
        if op.op_type == "instance_norm"
    ]
    assert len(norms) == 17
    assert {op.x.dtype.__name__ for op in norms} == {"fp32"}
    frames = random_bracket(4, height=64, width=96).exposures
    assert psnr(fused_by(path, frames), torch_fuse(own_pipeline("ffmef"))(*frames)) >= 50.0


def test_weights_alone_in_int8(packed: Artefact, coreml_bundle: Bundle, tmp_path: Path) -> None:
    assert (packed.entry.version, packed.entry.precision) == (9, "int8")
    assert packed.entry.operators["constexpr_blockwise_shift_scale"] >= 10
    assert packed.entry.proof is not None
    assert (packed.entry.proof.fp16, packed.entry.proof.int8) == (12, 0)
    size = (coreml_bundle.folder / "model.mlpackage" / WEIGHTS).stat().st_size
    assert weight_bytes(packed) <= 0.34 * size
    frames = random_bracket(4, height=64, width=96).exposures
    fused = fused_by(write_package(packed, tmp_path), frames)
    assert psnr(fused, torch_fuse(own_pipeline("ffmef-edge"))(*frames)) >= 45.0


def test_a_quantized_network_stays_quantized(
    quantized: tuple[EdgePipeline, Artefact], coreml_bundle: Bundle, tmp_path: Path
) -> None:
    pipeline, artefact = quantized
    assert artefact.entry.proof is not None
    assert (artefact.entry.proof.pairs, artefact.entry.proof.int8) == (12, 12)
    size = (coreml_bundle.folder / "model.mlpackage" / WEIGHTS).stat().st_size
    assert weight_bytes(artefact) <= 0.34 * size
    frames = random_bracket(4, height=64, width=96).exposures
    fused = fused_by(write_package(artefact, tmp_path), frames)
    assert psnr(fused, torch_fuse(pipeline)(*frames)) >= 45.0
    assert psnr(fused, torch_fuse(own_pipeline("ffmef-edge"))(*frames)) >= 40.0


def test_between_quantized_convolutions_nothing_is_in_single_precision(
    quantized: tuple[EdgePipeline, Artefact], tmp_path: Path
) -> None:
    program = read_package(write_package(quantized[1], tmp_path)).program
    operations = program.functions["main"].operations
    kinds = {op.x.dtype.__name__ for op in operations if op.op_type in ("relu", "tile", "softmax")}
    assert kinds == {"fp16"}


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_precision_that_was_not_honoured_is_refused(
    full: MilPackage, precision: Precision
) -> None:
    with pytest.raises(GateError, match=f"expected convolutions in {precision}, found 14 fp32"):
        check_package(full, FusionContract(2), SIZE, precision, 17)


def test_a_package_that_was_not_asked_for_is_refused(full: MilPackage) -> None:
    assert check_package(full, FusionContract(2), SIZE, "fp32", 17) == prove_precision(full.program)
    with pytest.raises(GateError, match="specification 9 of iOS 18, found 8"):
        check_package(full, FusionContract(2), SIZE, "fp32", 18)
    with pytest.raises(GateError, match="expected the Core ML inputs"):
        check_package(full, FusionContract(3), SIZE, "fp32", 17)
    with pytest.raises(GateError, match="expected the Core ML inputs"):
        check_package(full, FusionContract(2), (64, 97), "fp32", 17)
    with pytest.raises(GateError, match="expected one Core ML output 'other'"):
        check_package(full, replace(FusionContract(2), output="other"), SIZE, "fp32", 17)


def test_the_sizes_of_the_packages() -> None:
    anything, fixed = FusionContract(2), FusionContract(2, 48, 64)
    assert CoreMLOptions().package_sizes(anything) == USUAL_SIZES
    assert CoreMLOptions().package_sizes(fixed) == ((48, 64),)
    assert CoreMLOptions(sizes=((8, 6), (4, 2), (8, 6))).package_sizes(anything) == ((8, 6), (4, 2))
    assert CoreMLOptions().package_sizes(FusionContract(2, multiple=16))[0] == (1072, 1920)


@pytest.mark.parametrize(
    ("options", "contract", "message"),
    [
        (CoreMLOptions(ios=16), FusionContract(2), "expected iOS 17 or 18, found 16"),
        (CoreMLOptions(weights_only=True), FusionContract(2), "give --precision fp16 as well"),
        (CoreMLOptions(sizes=((1, 2),)), FusionContract(2, 48, 64), "leave out --size"),
        (CoreMLOptions(sizes=((0, 5),)), FusionContract(2), "found 0x5"),
        (CoreMLOptions(sizes=((6, 5),)), FusionContract(2, multiple=2), "divisible by 2, found"),
    ],
)
def test_what_does_not_go_together_is_refused(
    options: CoreMLOptions, contract: FusionContract, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        TargetOptions(coreml=options).check("coreml", contract, "fp32")
    TargetOptions(coreml=options).check("onnx", contract, "fp32")


def test_no_package_there(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be read as a Core ML package"):
        read_package(tmp_path / "model.mlpackage")
