"""The diagnosis: what works here, and the install command for what does not."""

import importlib.util
from pathlib import Path

import pytest

from edge_mef import bundle as bundle_module
from edge_mef.diagnosis import Diagnosis, Finding, diagnose
from edge_mef.runtimes import table
from edge_mef.toolchain import installed_version, toolchain_versions
from edge_mef.version import __version__


def finding(result: Diagnosis, kind: str, name: str | None = None) -> Finding:
    return next(f for f in result.findings if f.kind == kind and name in (None, f.name))


def test_fusing_works_here() -> None:
    result = diagnose()
    assert result.can_fuse
    assert finding(result, "check").detail == "works"
    assert finding(result, "runtime", "onnxruntime").works
    assert result.versions == toolchain_versions()
    assert set(result.machine) == {"system", "CPU cores", "free memory", "CUDA devices"}


def test_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    result = diagnose()
    assert result.can_fuse
    assert finding(result, "target", "onnx").detail.endswith("pip install 'edge-mef[export]'")
    assert finding(result, "training").detail == "lacks 'torch': pip install 'edge-mef[train]'"
    assert not finding(result, "target", "onnx").works
    assert not finding(result, "training").works


def test_without_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_module, "BUNDLES_FOLDER", tmp_path)
    result = diagnose()
    assert not result.can_fuse
    assert "manifest.json cannot be read" in finding(result, "check").detail


def test_a_runtime_that_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise ImportError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(importlib, "import_module", fail)
    result = diagnose()
    assert not result.can_fuse
    assert "cannot be loaded here (libgomp.so.1" in finding(result, "check").detail


def test_a_runtime_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "is_installed", lambda _: False)
    result = diagnose()
    assert not result.can_fuse
    detail = finding(result, "runtime", "onnxruntime").detail
    assert detail.endswith("not installed: pip install edge-mef")


def test_versions() -> None:
    versions = toolchain_versions()
    assert versions["edge-mef"] == __version__
    assert versions["numpy"] == installed_version("numpy")
    assert all(versions.values())
    assert installed_version("no-such-package-as-this") is None
