"""edge-mef bench: tables, JSON, the history, and what it refuses."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edge_mef.benchmarks.record_files import read_record, read_records
from edge_mef.benchmarks.records import Record
from edge_mef.bundle import BUNDLES_FOLDER
from edge_mef.errors import OutputError
from tests.conftest import MAIN, Result, RunCli, python_environment

QUICK = ("--size", "48x64", "--threads", 1, "--seconds", 0.3, "--samples", 10)
BARE = ("--skip", "quality", "--skip", "memory", "--skip", "layers", "--skip", "throughput")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def records_of(result: Result) -> list[Record]:
    assert result.code == 0, result.err
    return [Record.model_validate_json(json.dumps(one)) for one in json.loads(result.out)]


def test_a_record_of_a_bundle_is_complete(run_cli: RunCli, tmp_path: Path) -> None:
    result = run_cli("bench", "ffmef-edge-2", *QUICK, "--json")
    (record,) = records_of(result)
    assert (tmp_path / "edge-mef-history.jsonl").is_file()
    assert read_records("edge-mef-history.jsonl").records == (record,)
    assert (record.subject.title, record.subject.network) == ("ffmef-edge-2", "ffmef-edge")
    assert set(record.series) == {"end_to_end", "copy_in", "compute", "copy_out"}
    assert record.load.open_ms is not None
    assert record.load.first_ms is not None
    assert record.throughput is not None
    assert record.memory.host_peak_bytes is not None
    assert record.memory.host_peak_bytes > 20 * 2**20
    assert record.layers is not None
    assert sum(layer.share for layer in record.layers) == pytest.approx(1)
    assert record.quality is not None
    assert 0.9 < record.quality.values["MEF_SSIM"] < 1
    assert (record.settings.threads, record.settings.height) == (1, 48)
    assert record.settings.provider == "CPUExecutionProvider"
    whole = record.series["end_to_end"].summary.median
    phases = [record.series[name].summary.median for name in ("copy_in", "compute", "copy_out")]
    assert 0.3 * whole < sum(phases) < 3 * whole


def test_the_table_names_machine_and_file(run_cli: RunCli) -> None:
    result = run_cli("bench", "ffmef-edge-2", *QUICK, *BARE, "-o", "mine.jsonl")
    assert (result.code, result.err) == (0, "")
    assert "1 thread" in result.out
    assert "ffmef-edge-2" in result.out
    assert result.out.endswith("1 record appended to mine.jsonl\n")
    again = run_cli("bench", "ffmef-edge-2", *QUICK, *BARE, "-o", "mine.jsonl")
    assert again.code == 0
    assert len(read_records("mine.jsonl").records) == 2


def test_one_record_as_json_file(run_cli: RunCli) -> None:
    result = run_cli("bench", "ffmef-edge-2", *QUICK, *BARE, "-o", "one.json")
    assert result.out.endswith("1 record written to one.json\n")
    assert read_record("one.json")[0].subject.title == "ffmef-edge-2"


def test_no_history(run_cli: RunCli, tmp_path: Path) -> None:
    assert run_cli("bench", "ffmef-edge-2", *QUICK, *BARE, "--no-history").code == 0
    assert list(tmp_path.iterdir()) == []


def test_peers_take_turns_and_are_compared(run_cli: RunCli) -> None:
    result = run_cli("bench", "ffmef-edge-2", "--peer", "mertens", *QUICK, *BARE)
    assert result.code == 0
    assert re.search(r"48x64: mertens takes [0-9.]+ times as long as ffmef-edge-2 \(", result.out)
    bundle, peer = read_records("edge-mef-history.jsonl").records
    assert bundle.settings.interleaved == peer.settings.interleaved
    assert (peer.subject.kind, peer.subject.runtime) == ("peer", "opencv")


def test_all_peers_where_they_are(run_cli: RunCli) -> None:
    result = run_cli("bench", "ffmef-edge-2", "--peers", *QUICK, *BARE, "--json")
    titles = [record.subject.title for record in records_of(result)]
    assert titles[:3] == ["ffmef-edge-2", "mertens", "meflut"]
    if len(titles) == 3:
        assert "note: left out: the peer 'ffmef-published' needs" in result.err
    else:
        assert titles[3:] == ["ffmef-published"]


def test_sizes_and_streams(run_cli: RunCli) -> None:
    arguments = ("--size", "48x64,32x32", "--streams", "1,2", *QUICK[2:], *BARE, "--json")
    found = records_of(run_cli("bench", "ffmef-edge-2", *arguments))
    kinds = [(r.settings.height, r.settings.streams) for r in found]
    assert kinds == [(48, 1), (48, 2), (32, 1), (32, 2)]


def test_a_bundle_of_ones_own_has_the_name_of_its_folder(run_cli: RunCli, tmp_path: Path) -> None:
    shutil.copytree(BUNDLES_FOLDER / "ffmef-edge-2", tmp_path / "mine")
    result = run_cli("bench", "mine", "ffmef-edge-2", *QUICK, *BARE, "--json")
    assert [record.subject.title for record in records_of(result)] == ["mine", "ffmef-edge-2"]


def test_what_is_skipped_says_so(run_cli: RunCli) -> None:
    skip = [word for part in ("phases", "energy") for word in ("--skip", part)]
    (record,) = records_of(run_cli("bench", "ffmef-edge-2", *QUICK, *BARE, *skip, "--json"))
    assert record.not_measured["throughput"] == "it was skipped, as asked"
    assert record.not_measured["series.compute"] == "it was skipped, as asked"
    assert record.not_measured["energy"] == "it was skipped, as asked"


REFUSALS: list[tuple[tuple[Any, ...], int, str]] = [
    (("nowhere",), 2, "nowhere"),
    (("ffmef-edge-2", "ffmef-edge-2"), 2, "given twice"),
    (("--size", "big"), 2, "expected a size such as 1080x1920"),
    (("--size", "0x10"), 2, "0x10"),
    (("--streams", "0"), 2, "expected 1 to 64 streams, found '0'"),
    (("--streams", "two"), 2, "expected numbers of streams"),
    (("--percentile", "p42"), 2, "expected a percentile out of median, p90, p95, p99"),
    (("--skip", "sleep"), 2, "--skip takes phases, throughput, energy"),
    (("--peer", "nobody"), 2, "there is no peer called 'nobody'"),
    (("--runtime", "nothing"), 2, "there is no runtime called 'nothing'"),
    (("--provider", "Nowhere"), 3, "Nowhere"),
    (("--cuda-graph",), 2, "does not take the option"),
    (("--exposures", 12), 2, "12"),
    (("--data", "nowhere"), 2, "nowhere"),
    (("-o", "records.txt"), 2, "choose .json or .jsonl"),
    (("-o", "no/such/folder.jsonl"), 2, "create it first"),
    (
        ("-o", "one.json", "--size", "32x32,48x48"),
        2,
        "and these are 2 or more",
    ),
    (("-o", "one.json", "--no-history"), 2, "expected --output or --no-history, found both"),
    (("--seconds", "nan"), 2, "--seconds"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), REFUSALS)
def test_refusals(
    run_cli: RunCli, arguments: tuple[Any, ...], code: int, said: str, tmp_path: Path
) -> None:
    result = run_cli("bench", *arguments)
    assert (result.code, result.out) == (code, "")
    assert said in result.err
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_bundle(run_cli: RunCli, tmp_path: Path) -> None:
    shutil.copytree(BUNDLES_FOLDER / "ffmef-edge-2", tmp_path / "mine")
    (tmp_path / "mine/model.onnx").write_bytes(b"other")
    result = run_cli("bench", "mine", *QUICK)
    assert (result.code, result.out) == (2, "")
    assert "model.onnx" in result.err


def _in_the_foreground() -> None:
    """What runs in the background may begin with signals that are ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interruption_keeps_the_samples(name: str, tmp_path: Path) -> None:
    arguments = ["bench", "ffmef-edge-2", "--size", "48x64", "--samples", "100000", "--threads=1"]
    arguments += ["--seconds", "100", "--skip", "quality", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments],
        env=python_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_in_the_foreground,
    )
    time.sleep(6)
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "error: interrupted\n"
    (kept,) = read_records(tmp_path / "edge-mef-history.jsonl").records
    assert [Record.model_validate_json(json.dumps(one)) for one in json.loads(out)] == [kept]
    assert any("ended early" in note for note in kept.notes)


def test_only_a_record_is_replaced(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "mine"}')
    shutil.copytree(BUNDLES_FOLDER / "ffmef-edge-2", tmp_path / "mine")
    for name in ("package.json", "mine/manifest.json"):
        before = (tmp_path / name).read_bytes()
        result = run_cli("bench", "mine", *QUICK, *BARE, "-o", name)
        assert (result.code, result.out) == (2, "")
        assert "is no record, which alone is replaced" in result.err
        assert (tmp_path / name).read_bytes() == before
    for _ in range(2):
        assert run_cli("bench", "mine", *QUICK, *BARE, "-o", "one.json").code == 0


def test_what_was_not_kept_is_not_claimed(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, record: Record) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr("edge_mef.benchmarks.record_files.append_history", full)
    result = run_cli("bench", "ffmef-edge-2", *QUICK, *BARE)
    assert result.code == 2
    assert result.out.endswith("0 of 1 record appended to edge-mef-history.jsonl\n")
    assert result.err == "error: the disk is full\n"
