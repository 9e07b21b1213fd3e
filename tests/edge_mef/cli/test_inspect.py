"""edge-mef inspect: the bundle for people and for programs."""

import json
from pathlib import Path

import pytest

from edge_mef.bundle import load_bundle, rewrite_manifest
from tests.conftest import RunCli, contents


def test_the_default_bundle(run_cli: RunCli) -> None:
    result = run_cli("inspect")
    assert (result.code, result.err) == (0, "")
    for text in ("ffmef-edge", "8 channels", "2 to 9", "any size", "application-9.onnx", "passed"):
        assert text in result.out


def test_a_bundle_in_one_piece(run_cli: RunCli) -> None:
    result = run_cli("inspect", "ffmef")
    assert (result.code, result.err) == (0, "")
    for text in ("ffmef", "4 channels", "any size", "fp32", "model.onnx", "50 Conv", "passed"):
        assert text in result.out


def test_json_is_the_manifest(run_cli: RunCli, bundle: Path) -> None:
    before = contents(bundle)
    result = run_cli("inspect", bundle, "--json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == load_bundle(bundle).manifest.model_dump(mode="json")
    assert contents(bundle) == before


def test_a_bundle_that_was_not_verified(run_cli: RunCli, bundle: Path) -> None:
    loaded = load_bundle(bundle)
    rewrite_manifest(loaded, loaded.manifest.model_copy(update={"verification": None}))
    assert "not yet" in run_cli("inspect", bundle).out


def test_a_bundle_that_failed(run_cli: RunCli, bundle: Path) -> None:
    loaded = load_bundle(bundle)
    verification = loaded.manifest.verification
    assert verification is not None
    failed = verification.checks[0].model_copy(update={"passed": False})
    changed = verification.model_copy(update={"checks": (failed, *verification.checks[1:])})
    rewrite_manifest(loaded, loaded.manifest.model_copy(update={"verification": changed}))
    assert "FAILED" in run_cli("inspect", bundle).out


@pytest.mark.parametrize("name", ["nonesuch", "", "two\nlines", "x" * 300])
def test_no_such_bundle(run_cli: RunCli, name: str) -> None:
    result = run_cli("inspect", name)
    assert result.code == 2
    assert "is not a bundle" in result.sentence or "File name too long" in result.sentence


def test_a_damaged_bundle(run_cli: RunCli, bundle: Path) -> None:
    (bundle / "golden.npz").write_bytes(b"")
    result = run_cli("inspect", bundle)
    assert result.code == 2
    assert "golden.npz is damaged" in result.sentence
