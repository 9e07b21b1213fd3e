"""edge-mef advise: what it prints, and what it refuses."""

import json
from pathlib import Path

import pytest

import edge_mef.benchmarks.precision_quality as quality
from tests.conftest import RunCli

TINY = ("--size", "32x48", "--repeats", "3", "--threads", "1")


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a device: quality is that of the golden frames."""
    monkeypatch.setattr(quality, "has_package", lambda name: False)


@pytest.mark.usefixtures("without_torch")
def test_bundles_on_a_device(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    result = run_cli("advise", "--bundle", "ffmef", *TINY)
    assert result.code == 0
    assert "2 exposures of 32x48; quality on 1 scene" in result.out
    assert "> fp32 on onnxruntime" in result.out
    assert "Take fp32 on onnxruntime: " in result.out
    assert "note: torch is not installed: compared on the bundle's golden frames" in result.err


@pytest.mark.usefixtures("without_torch")
def test_the_answer_as_json(run_cli: RunCli) -> None:
    result = run_cli("advise", "--bundle", "ffmef-edge", *TINY, "--json")
    assert (result.code, result.err) == (0, "")
    answer = json.loads(result.out)
    (only,) = answer["candidates"]
    assert answer["winner"] == only["name"] == "fp32 on onnxruntime"
    assert answer["size"] == [32, 48]
    assert only["passed"] is True
    assert only["max_difference"] <= 1
    assert only["median_ms"] > 0
    assert only["artefact"] == "stages"


@pytest.mark.usefixtures("without_torch")
def test_no_gate_holds(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "compare", lambda *given: (7, 30.0, False))
    result = run_cli("advise", "--bundle", "ffmef-edge", *TINY)
    assert result.code == 1
    assert "Nothing holds its gate here: fp32 on onnxruntime misses its gate" in result.out
    assert "FAILED" in result.out


@pytest.mark.usefixtures("without_torch")
def test_scenes_need_torch(run_cli: RunCli) -> None:
    result = run_cli("advise", "--bundle", "ffmef-edge", "--data", "rendered:4")
    assert result.code == 3
    assert "pip install 'edge-mef[train]'" in result.sentence


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--bundle", "ffmef", "--model", "ffmef"), "leave --model, --weights and --calibration"),
        (("--bundle", "ffmef", "--weights", "w"), "leave --model, --weights and --calibration"),
        (("--bundle", "ffmef", "--calibration", "c"), "leave --model, --weights"),
        (("--bundle", "ffmef", "--bundle", "ffmef"), "found one of them twice"),
        (("--bundle", "ffmef", "--bundle", "ffmef-edge"), "expected bundles of one network"),
        (("--bundle", "none-such"), "'none-such' is not a bundle"),
        (("--bundle", "ffmef", "--size", "large"), "expected a size such as 1080x1920"),
        (("--bundle", "ffmef", "--size", "dynamic"), "expected a size such as 1080x1920"),
        (("--bundle", "ffmef", "--size", "0x48"), "expected a size such as 1080x1920"),
        (("--bundle", "ffmef", "--size", "40000x48"), "sides of 1 to 32768"),
        (("--bundle", "ffmef", "--repeats", "2"), "--repeats"),
        (("--bundle", "ffmef", "--threads", "0"), "--threads"),
        (("--bundle", "ffmef", "--threads", "99999", "--size", "16x16"), "threads, found 99999"),
    ],
)
def test_values_that_make_no_sense(
    run_cli: RunCli, arguments: tuple[str, ...], message: str
) -> None:
    result = run_cli("advise", *arguments)
    assert result.code == 2
    assert message in result.sentence


def test_a_damaged_bundle(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}", encoding="utf-8")
    result = run_cli("advise", "--bundle", tmp_path)
    assert result.code == 2
    assert "is not an EdgeMEF manifest" in result.sentence
