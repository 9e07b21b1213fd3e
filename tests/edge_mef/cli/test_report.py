"""edge-mef report: files, notes, exit codes."""

import json
from pathlib import Path

import pytest

from edge_mef.benchmarks.record_files import append_history, write_record
from tests.benchmarks.made_records import latencies, made_record
from tests.conftest import RunCli


@pytest.fixture
def record(tmp_path: Path) -> Path:
    write_record(tmp_path / "a.json", made_record())
    return tmp_path / "a.json"


def test_a_page(run_cli: RunCli, record: Path, tmp_path: Path) -> None:
    history = tmp_path / "runs.jsonl"
    for seed in range(3):
        append_history(history, made_record(latencies(seed), settings={"threads": 1 + seed // 2}))
    output = tmp_path / "report.html"
    result = run_cli("report", record, history, "-o", output, "--no-pictures")
    assert (result.code, result.err) == (0, "")
    size = output.stat().st_size / 1e6
    # The first of the history is the record itself.
    assert result.out == f"{output}: 4 records in 2 groups, {size:.2f} MB\n"
    assert output.read_text("utf-8").startswith("<!DOCTYPE html>")
    again = run_cli("report", record, "-o", output, "--no-pictures")
    assert again.out.startswith(f"{output}: 1 record in 1 group, ")


def test_markdown(run_cli: RunCli, record: Path, tmp_path: Path) -> None:
    result = run_cli("report", record, "-o", tmp_path / "report.md")
    assert (result.code, result.err) == (0, "")
    assert "| subject | precision |" in (tmp_path / "report.md").read_text("utf-8")


def test_what_is_left_out_is_said(
    run_cli: RunCli, record: Path, tmp_path: Path, bracket_files: tuple[Path, Path]
) -> None:
    under, over = bracket_files
    result = run_cli("report", record, "-o", tmp_path / "r.html", "--exposure", under,
                     "--exposure", over, "--threads", 1)  # fmt: skip
    assert result.code == 0
    assert result.err.startswith("note: ffmef-edge, fp32, onnxruntime is left out of the pictures")
    assert "SHA-256 aaaaaaaaaaaa" in result.err
    assert result.err.count("\n") == 1


def test_wrong_use_is_one_sentence(run_cli: RunCli, record: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.json"
    document = json.loads(record.read_text()) | {"schema_version": 2}
    newer.write_text(json.dumps(document))
    cut = tmp_path / "cut.json"
    cut.write_bytes(record.read_bytes()[:-40])
    (tmp_path / "empty").mkdir()
    good = tmp_path / "r.html"
    for arguments, what in (
        ((newer, "-o", good), "written by a newer EdgeMEF (schema 2"),
        ((cut, "-o", good), "is damaged"),
        ((tmp_path / "empty", "-o", good), "expected .json or .jsonl files"),
        ((tmp_path / "none.json", "-o", good), "cannot be read"),
        ((f"{record}@ffffffffffffffff", "-o", good), "expected one record"),
        ((record, "-o", tmp_path / "r.txt"), "choose .html or .md"),
        ((record, "-o", tmp_path / "no" / "r.html"), "create it first"),
        ((record, "-o", good, "--exposure", record), "exposure"),
        ((record, "-o", good, "--bundle", tmp_path), "is not a bundle"),
        ((record, "-o", tmp_path / "r.md", "--bundle", tmp_path), "without pictures"),
        ((record,), "--output"),
    ):
        result = run_cli("report", *arguments)
        assert (result.code, what in result.sentence) == (2, True), result.err
    assert not good.exists()


def test_an_input_is_never_replaced(run_cli: RunCli, record: Path, tmp_path: Path) -> None:
    page = tmp_path / "records.html"
    page.write_bytes(record.read_bytes())
    result = run_cli("report", page, "-o", page)
    assert result.code == 2
    assert "is one of the inputs" in result.sentence
    assert page.read_bytes() == record.read_bytes()
