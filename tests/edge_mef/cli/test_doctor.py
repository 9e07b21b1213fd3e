"""edge-mef doctor: 0 where fusing works, 3 where it does not."""

import json
from pathlib import Path

import pytest

from edge_mef import bundle as bundle_module
from edge_mef.runtimes import table
from edge_mef.version import __version__
from tests.conftest import RunCli


def test_all_is_well(run_cli: RunCli) -> None:
    result = run_cli("doctor")
    assert (result.code, result.err) == (0, "")
    assert "onnxruntime" in result.out
    assert __version__ in result.out


def test_json(run_cli: RunCli) -> None:
    result = run_cli("doctor", "--json")
    assert (result.code, result.err) == (0, "")
    answer = json.loads(result.out)
    assert answer["versions"]["edge-mef"] == __version__
    assert {"kind", "name", "works", "detail"} == set(answer["findings"][0])
    assert all(f["works"] for f in answer["findings"] if f["kind"] == "check")


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_no_bundle_is_a_3(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(bundle_module, "BUNDLES_FOLDER", tmp_path)
    result = run_cli("doctor", *arguments)
    assert (result.code, result.err) == (3, "")
    assert "cannot be read" in " ".join(result.out.split())


def test_no_runtime_is_a_3(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "is_installed", lambda _: False)
    result = run_cli("doctor", "--json")
    assert result.code == 3
    assert "pip install edge-mef" in result.out
