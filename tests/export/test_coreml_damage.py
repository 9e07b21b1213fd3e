"""Verify notices packages that compute something else, although every digest is right."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_mef.bundle import Bundle, load_bundle, rewrite_manifest
from edge_mef.errors import BundleError
from edge_mef.export import parity
from edge_mef.export.parity import verify_bundle
from edge_mef.manifest import CheckEntry
from edge_mef.runtimes.mil_package import read_package
from edge_mef.runtimes.table import RUNTIMES
from tests.conftest import RunCli, seal
from tests.coreml import WEIGHTS, change_spec, operations

MODEL = "model.mlpackage"


def coreml_checks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[CheckEntry, ...]:
    """Verify the packages alone, which is quicker."""
    monkeypatch.setattr(parity, "RUNTIMES", {"mil": RUNTIMES["mil"]})
    return verify_bundle(folder, write=False, threads=1).verification.checks


def test_an_untouched_bundle_passes_on_its_own_sizes(coreml_bundle: Bundle) -> None:
    result = verify_bundle(coreml_bundle.folder, write=False, threads=1)
    assert result.verification.passed
    checks = [check for check in result.verification.checks if check.runtime == "mil"]
    found = {(check.artefact, check.scene.split()[-1]) for check in checks}
    assert found == {(MODEL, "64x96"), ("model-96x64.mlpackage", "96x64")}
    assert any(note.startswith("golden frames not compared on mil: ") for note in result.notes)


def change_a_weight(package: Path) -> None:
    """Turn one layer's weights around; the file keeps its form."""
    program = read_package(package).program
    (convolution,) = [op for op in program.functions["main"].operations if op.name == "conv2d_11"]
    weights = convolution.weight.val.astype(np.float32).tobytes()
    data = (package / WEIGHTS).read_bytes()
    assert data.count(weights) == 1
    turned = (-np.frombuffer(weights, np.float32)).tobytes()
    (package / WEIGHTS).write_bytes(data.replace(weights, turned))


def _constant(spec: Any, operator: str, name: str, value: float) -> Any:
    """The number `value` that an operation has as its input `name`."""
    variables = {out.name: op for op in operations(spec) for out in op.outputs}
    for op in operations(spec):
        if op.type == operator and name in op.inputs:
            constant = variables.get(op.inputs[name].arguments[0].name)
            if constant is not None and constant.type == "const":
                numbers = constant.attributes["val"].immediateValue.tensor.floats.values
                if len(numbers) == 1 and numbers[0] == pytest.approx(value):
                    return numbers
    raise AssertionError(f"no {operator} has {name} = {value}")


def change_the_range(package: Path) -> None:
    def change(spec: Any) -> None:
        _constant(spec, "mul", "y", 1 / 255)[0] = 1 / 240

    change_spec(package, change)


def change_a_bias(package: Path) -> None:
    def change(spec: Any) -> None:
        _constant(spec, "conv", "bias", -0.5)[0] = -0.4

    change_spec(package, change)


def exchange_red_and_blue(package: Path) -> None:
    def change(spec: Any) -> None:
        spec.description.input[1].type.imageType.colorSpace = 30

    change_spec(package, change)


def exchange_the_exposures(package: Path) -> None:
    def change(spec: Any) -> None:
        for op in operations(spec):
            for argument in op.inputs.values():
                for binding in argument.arguments:
                    if binding.name.startswith("exposure_"):
                        binding.name = f"exposure_{1 - int(binding.name[-1])}"

    change_spec(package, change)


@pytest.mark.parametrize(
    "damage",
    [
        change_a_weight,
        change_the_range,
        change_a_bias,
        exchange_red_and_blue,
        exchange_the_exposures,
    ],
)
def test_another_computation_fails_the_gate(
    coreml_copy: Bundle, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(coreml_copy.folder / MODEL)
    seal(coreml_copy)
    load_bundle(coreml_copy.folder)
    checks = coreml_checks(coreml_copy.folder, monkeypatch)
    failed = {check.artefact for check in checks if not check.passed}
    assert failed == {MODEL}, "the other package is untouched"


def test_an_artefact_has_the_gate_of_its_own_precision(
    coreml_copy: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights alone in int8 are coarser than the rest of an fp16 bundle."""
    coarser = [
        entry.model_copy(update={"precision": "int8"}) if entry.file == MODEL else entry
        for entry in coreml_copy.manifest.artefacts
    ]
    manifest = coreml_copy.manifest.model_copy(update={"artefacts": tuple(coarser)})
    rewrite_manifest(coreml_copy, manifest)
    gates = {c.artefact: c.gate for c in coreml_checks(coreml_copy.folder, monkeypatch)}
    assert gates[MODEL] == "at least 45 dB, MEF-SSIM -0.003"
    assert gates["model-96x64.mlpackage"] == "at most 1 grey level"


def test_without_sealing_the_digest_is_wrong(coreml_copy: Bundle) -> None:
    change_a_weight(coreml_copy.folder / MODEL)
    with pytest.raises(BundleError, match=r"weight\.bin is damaged"):
        verify_bundle(coreml_copy.folder)


def test_another_name_of_an_input_is_one_sentence(coreml_copy: Bundle, run_cli: RunCli) -> None:
    def rename(spec: Any) -> None:
        spec.description.input[0].name = "under"
        spec.mlProgram.functions["main"].inputs[0].name = "under"
        for op in operations(spec):
            for argument in op.inputs.values():
                for binding in argument.arguments:
                    if binding.name == "exposure_0":
                        binding.name = "under"

    change_spec(coreml_copy.folder / MODEL, rename)
    seal(coreml_copy)
    result = run_cli("verify", coreml_copy.folder)
    assert result.code == 2
    assert "should have the inputs exposure_0, exposure_1, found under, " in result.sentence


def test_the_command_leaves_with_one(coreml_copy: Bundle, run_cli: RunCli) -> None:
    change_a_weight(coreml_copy.folder / MODEL)
    seal(coreml_copy)
    result = run_cli("verify", coreml_copy.folder, "--limit", "1", "--threads", "1")
    assert result.code == 1
    assert "FAILED" in result.out
