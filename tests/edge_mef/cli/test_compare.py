"""edge-mef compare: table, JSON, exit codes."""

import json
from pathlib import Path

import pytest

from edge_mef.benchmarks.record_files import append_history, write_record
from edge_mef.benchmarks.records import Series
from tests.benchmarks.made_records import latencies, made_record
from tests.conftest import RunCli


@pytest.fixture
def before(tmp_path: Path) -> Path:
    write_record(tmp_path / "before.json", made_record(latencies(1)))
    return tmp_path / "before.json"


@pytest.fixture
def after(tmp_path: Path) -> Path:
    """A tenth slower, by another bundle."""
    subject = {"title": "mine", "precision": "fp16"}
    write_record(tmp_path / "after.json", made_record(latencies(1) * 1.1, subject=subject))
    return tmp_path / "after.json"


APART = (
    "note: these runs were made apart, and what changed on the machine between them looks like a "
    "difference: measure both in turn to be sure\n"
)


def test_slower(run_cli: RunCli, before: Path, after: Path) -> None:
    result = run_cli("compare", before, after)
    assert (result.code, result.err) == (0, APART)
    assert "2 exposures of 1080x1920: end_to_end" in result.out
    assert "changed: title ffmef-edge and mine; precision fp32 and fp16\n" in result.out
    assert "The second is slower: +10.0 % (95 % interval +" in result.out


def test_faster(run_cli: RunCli, before: Path, after: Path) -> None:
    result = run_cli("compare", after, before, "--fail-if-slower", "0%")
    assert result.code == 0
    assert "The second is faster: -9.1 % (95 % interval -" in result.out


def test_no_difference(run_cli: RunCli, before: Path) -> None:
    result = run_cli("compare", before, before, "--fail-if-slower", "0%")
    assert (result.code, result.err) == (0, "note: both are the same record\n")
    assert "No difference of more than 3 % is shown" in result.out


def test_a_gate(run_cli: RunCli, before: Path, after: Path) -> None:
    passed = run_cli("compare", before, after, "--fail-if-slower", "10%")
    assert (passed.code, passed.err) == (0, APART)
    failed = run_cli("compare", before, after, "--fail-if-slower", "5%")
    assert failed.code == 1
    assert failed.err.startswith(f"{APART}error: expected at most 5 % more time, found at least ")
    assert failed.err.count("\n") == 2
    assert "The second is slower" in failed.out


def test_json(run_cli: RunCli, before: Path, after: Path) -> None:
    result = run_cli("compare", before, after, "--json", "--fail-if-slower", "5%", "--level", 0.9)
    assert result.code == 1
    answer = json.loads(result.out)
    assert (answer["verdict"], answer["failed"], answer["paired"]) == ("slower", True, False)
    assert answer["low"] < answer["ratio"] < answer["high"]
    assert answer["ratio"] == pytest.approx(1.1)
    assert (answer["level"], answer["fail_if_slower"], answer["least_change"]) == (0.9, 0.05, 0.03)
    assert answer["after"]["title"] == "mine"
    assert answer["after"]["summary"]["count"] == 200
    assert {"field": "title", "before": "ffmef-edge", "after": "mine"} in answer["changed"]


def test_records_out_of_a_history(run_cli: RunCli, tmp_path: Path, before: Path) -> None:
    history, slow = tmp_path / "runs.jsonl", made_record(latencies(1) * 1.2)
    append_history(history, made_record(latencies(1)))
    append_history(history, slow)
    with history.open("ab") as stream:
        stream.write(b'{"docu')
    result = run_cli("compare", before, f"{history}@{slow.id[:10]}")
    assert result.code == 0
    assert "The second is slower: +20.0 %" in result.out
    assert result.err == (
        f"note: line 3 of '{history}' was cut off while it was written, and is left out\n{APART}"
    )
    refused = run_cli("compare", before, history)
    assert refused.code == 2
    assert "expected one record" in refused.sentence
    assert slow.id[:12] in refused.sentence


def test_other_conditions(run_cli: RunCli, tmp_path: Path, before: Path) -> None:
    other = tmp_path / "other.json"
    write_record(other, made_record(latencies(1) * 1.5, settings={"threads": 1}))
    refused = run_cli("compare", before, other)
    assert refused.code == 2
    assert "not comparable, they differ in threads 2 and 1" in refused.sentence
    allowed = run_cli("compare", before, other, "--across", "threads")
    assert allowed.code == 0
    assert allowed.err == f"note: allowed to differ: threads 2 and 1\n{APART}"
    unknown = run_cli("compare", before, other, "--across", "weather")
    assert unknown.code == 2
    assert "'weather'" in unknown.sentence


def test_a_phase(run_cli: RunCli, tmp_path: Path, before: Path) -> None:
    series = {"end_to_end": Series.of(latencies(1)), "compute": Series.of(latencies(2))}
    write_record(tmp_path / "a.json", made_record(series=series))
    result = run_cli("compare", tmp_path / "a.json", tmp_path / "a.json", "--phase", "compute")
    assert result.code == 0
    assert "compute" in result.out
    refused = run_cli("compare", before, before, "--phase", "compute")
    assert "the first record has no compute (not asked for)" in refused.sentence


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--fail-if-slower", "0.05"), "expected a percentage such as 5%, found '0.05'"),
        (("--fail-if-slower", "-5%"), "expected a percentage"),
        (("--phase", "lunch"), "expected a phase out of end_to_end, copy_in"),
        (("--level", "1"), "--level"),
    ],
)
def test_wrong_use(run_cli: RunCli, before: Path, arguments: tuple[str, ...], what: str) -> None:
    result = run_cli("compare", before, before, *arguments)
    assert result.code == 2
    assert what in result.sentence


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"schema_version": 1}'])
def test_what_is_no_record(run_cli: RunCli, before: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content, encoding="utf-8")
    result = run_cli("compare", before, tmp_path / "x.json")
    assert result.code == 2
    assert "x.json" in result.sentence


def test_a_file_that_is_not_there(run_cli: RunCli, before: Path, tmp_path: Path) -> None:
    result = run_cli("compare", tmp_path / "none.json", before)
    assert result.code == 2
    assert "none.json' cannot be read: No such file" in result.sentence
