"""Verify on bundles with stages: every way of running and every number of exposures is checked."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from edge_mef.bundle import Bundle, load_bundle
from edge_mef.errors import InputError
from edge_mef.export.build import ExportSettings, export_bundle, make_contract
from edge_mef.export.parity import verify_bundle
from edge_mef.fuser import Fuser
from tests.conftest import RunCli, noise_stack, seal


def test_both_ways_and_all_numbers_pass(edge_copy: Path) -> None:
    verification = verify_bundle(edge_copy, threads=1).verification
    assert verification.passed
    assert load_bundle(edge_copy).manifest.verification == verification
    for reference in ("golden", "torch"):
        ways = {check.artefact for check in verification.checks if check.reference == reference}
        assert ways == {"stages", "model.onnx"}
    counted = [check for check in verification.checks if "exposures" in check.scene]
    assert [check.scene.split()[0] for check in counted] == list("3456789")
    assert {check.artefact for check in counted} == {"stages"}


def alter(folder: Path, file: str) -> None:
    """Make an application darken a tenth, in a bundle that looks untouched."""
    loaded, path = load_bundle(folder), folder / file
    model = onnx.load(path)
    last = model.graph.node[-1]
    assert last.op_type == "QuantizeLinear"
    step = next(one for one in model.graph.initializer if one.name == last.input[1])
    step.CopyFrom(onnx.numpy_helper.from_array(np.array(1.1, np.float32), step.name))
    path.write_bytes(model.SerializeToString())
    seal(loaded)


def test_an_altered_application_fails(run_cli: RunCli, edge_copy: Path) -> None:
    alter(edge_copy, "application-2.onnx")
    result = run_cli("verify", edge_copy, "--threads", 1)
    assert result.code == 1
    assert "FAILED" in result.out
    verification = load_bundle(edge_copy).manifest.verification
    assert verification is not None
    failed = [check for check in verification.checks if not check.passed]
    assert {check.artefact for check in failed} == {"stages"}
    assert {check.reference for check in failed} == {"golden", "torch"}


def test_an_altered_application_for_more_exposures_fails(edge_copy: Path) -> None:
    """The golden frames are two; what other numbers get is seen all the same."""
    alter(edge_copy, "application-7.onnx")
    checks = verify_bundle(edge_copy, write=False, threads=1).verification.checks
    assert [check.scene.split()[0] for check in checks if not check.passed] == ["7"]


def test_inspect_tells_what_is_in_it(run_cli: RunCli, edge_bundle: Bundle) -> None:
    result = run_cli("inspect", edge_bundle.folder)
    assert (result.code, result.err) == (0, "")
    for text in ("ffmef-edge, 8 channels", "18516", "2 to 9, darkest first", "any size", "not yet"):
        assert text in result.out
    assert "application-9.onnx (application, opset 18)" in result.out


@pytest.mark.parametrize("exposures", [1, 10])
def test_too_few_and_too_many_exposures_are_refused(exposures: int) -> None:
    with pytest.raises(InputError, match=f"ffmef-edge fuses 2 to 9 exposures, found {exposures}"):
        make_contract(ExportSettings(model="ffmef-edge", exposures=exposures))


def test_truncating_is_refused() -> None:
    with pytest.raises(InputError, match="rounds to the nearest level, found 'truncate'"):
        make_contract(ExportSettings(model="ffmef-edge", rounding="truncate"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--exposures", "10"), "ffmef-edge fuses 2 to 9 exposures, found 10"),
        (("--rounding", "truncate"), "rounds to the nearest level, found 'truncate'"),
        (("--channels", "6"), "no own weights for ffmef-edge with 6 channels"),
        (("--kernel-sizes", "1,3,5"), "no own weights for ffmef-edge"),
    ],
)
def test_the_program_refuses_the_same(
    run_cli: RunCli, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = run_cli("export", "--model", "ffmef-edge", "-o", tmp_path / "new", *arguments)
    assert result.code == 2
    assert message in result.sentence
    assert not (tmp_path / "new").exists()


def test_a_fixed_size_and_three_exposures(edge_weights: Path, tmp_path: Path) -> None:
    """The pipeline in one piece is for this size and number; the stages keep their range."""
    settings = ExportSettings("ffmef-edge", edge_weights, size=(45, 67), exposures=3)
    bundle = export_bundle(tmp_path / "fixed", settings)
    contract = bundle.manifest.contract
    assert (contract.size_text, contract.exposures, contract.counts) == ("45x67", 3, (2, 9))
    model = onnx.load(bundle.folder / "model.onnx")
    sizes = {
        tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        for value in (*model.graph.input, *model.graph.output)
    }
    assert sizes == {(1, 45, 67, 3)}
    result = verify_bundle(bundle.folder, write=False, threads=1)
    assert result.verification.passed
    assert all(check.scene.endswith("45x67") for check in result.verification.checks)
    with Fuser.open(bundle.folder, threads=1) as fuser:
        assert fuser.fuse(*noise_stack(2, (45, 67))).shape == (45, 67, 3)
        with pytest.raises(InputError, match="takes 45x67, found 45x68"):
            fuser.fuse(*noise_stack(2, (45, 68)))
