"""Verify finds what is wrong, and says so in the manifest."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge_mef.bundle import Bundle, load_bundle
from edge_mef.export.gates import FP16, FP32
from edge_mef.export.golden import encode_golden, golden_exposures, read_golden
from edge_mef.export.parity import compare, verify_bundle
from edge_mef.models.weights import read_weights, write_weights
from tests.conftest import seal


@pytest.fixture
def copied(fp32_bundle: Bundle, tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    shutil.copytree(fp32_bundle.folder, folder)
    return folder


def test_a_good_bundle_passes_and_the_manifest_says_so(copied: Path) -> None:
    result = verify_bundle(copied)
    assert result.verification.passed
    assert {check.reference for check in result.verification.checks} == {"golden", "torch"}
    assert load_bundle(copied).manifest.verification == result.verification


def test_odd_sizes_are_among_the_rendered_scenes(copied: Path) -> None:
    scenes = [c.scene for c in verify_bundle(copied, write=False).verification.checks]
    assert any("97x131" in scene for scene in scenes)
    assert load_bundle(copied).manifest.verification is None


def test_another_networks_weights_are_found(copied: Path) -> None:
    """The model no longer computes what the bundle's weights say."""
    bundle = load_bundle(copied)
    file = bundle.manifest.network.weights_file
    tensors = read_weights(copied / file)
    tensors["level_scales"] = tensors["level_scales"] * 1.1
    write_weights(copied / file, tensors, {})
    seal(bundle)
    result = verify_bundle(copied)
    assert not result.verification.passed
    assert {c.passed for c in result.verification.checks if c.reference == "golden"} == {True}
    assert {c.passed for c in result.verification.checks if c.reference == "torch"} == {False}


def test_other_golden_frames_are_found(copied: Path) -> None:
    bundle = load_bundle(copied)
    golden = read_golden(copied, bundle.manifest.contract)
    golden.fused[40:50, 40:50] += 3
    (copied / "golden.npz").write_bytes(encode_golden(golden))
    seal(bundle)
    checks = verify_bundle(copied).verification.checks
    failed = [c for c in checks if not c.passed]
    assert [c.reference for c in failed] == ["golden"]
    assert failed[0].max_difference >= 2


def test_without_torch_the_golden_frames_are_compared(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "torch" else find(name)
    )
    result = verify_bundle(copied)
    assert [c.reference for c in result.verification.checks] == ["golden"]
    assert "torch is not installed" in result.notes[0]


def test_a_fixed_size_is_verified_in_its_size(fixed_bundle: Bundle) -> None:
    result = verify_bundle(fixed_bundle.folder, write=False)
    assert result.verification.passed
    assert all(c.scene.endswith("48x64") for c in result.verification.checks)


def test_gates() -> None:
    reference = np.full((20, 20, 3), 100, np.uint8)
    one, two = reference.copy(), reference.copy()
    one[0, 0], two[0, 0] = 101, 102
    assert compare("", reference, reference, FP32) == (0, np.inf, True)
    assert compare("", reference, one, FP32)[2]
    assert not compare("", reference, two, FP32)[2]
    assert compare("", reference, two, FP16)[2]
    assert not compare("", reference, reference + 1, FP16)[2], "48 dB"


def test_golden_frames_have_the_contracts_size_and_order(fp32_bundle: Bundle) -> None:
    dark, bright = golden_exposures(fp32_bundle.manifest.contract)
    assert dark.shape == bright.shape
    assert dark.mean() < bright.mean()
