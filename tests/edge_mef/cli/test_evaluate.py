"""edge-mef evaluate: its tables, JSON and CSV, and what is left behind where something fails."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_mef import evaluation
from edge_mef.bundle import DEFAULT_BUNDLE
from edge_mef.data.scenes import Frame
from edge_mef.methods import Method, Methods
from edge_mef.metrics import MEFB_METRICS
from edge_mef.render.brackets import random_bracket
from tests.conftest import Result, RunCli, contents, write_manifest

FAST = ("--metrics", "mef_ssim, ce,Q_ABF")


def over(*exposures: Frame) -> Frame:
    return exposures[-1]


def mean(*exposures: Frame) -> Frame:
    return np.asarray(np.mean(exposures, axis=0), np.uint8)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Compare two fast methods; the keywords that the command asked with are kept here."""
    asked: dict[str, Any] = {}

    def opening(_: object, **keywords: Any) -> Methods:
        asked.update(keywords)
        return Methods([Method("over", over, (2, 2)), Method("mean", mean, (2, None))])

    monkeypatch.setattr(evaluation, "open_methods", opening)
    return asked


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes of three exposures, (48, 64)."""
    brackets = {
        name: random_bracket(seed, height=48, width=64, frames=3).exposures
        for seed, name in enumerate(("one", "two"))
    }
    return write_manifest(tmp_path_factory.mktemp("data"), brackets)


def cells(result: Result) -> dict[str, list[str]]:
    """Return the rows of the printed table by their first word."""
    lines = [line.split() for line in result.out.splitlines() if line.strip()]
    return {line[0]: line[1:] for line in lines}


def test_the_default_bundle_and_the_14_metrics(run_cli: RunCli, data: Path) -> None:
    result = run_cli("evaluate", "--data", data)
    assert (result.code, result.err) == (0, "")
    rows = cells(result)
    assert [name for name in rows if name in MEFB_METRICS] == list(MEFB_METRICS)
    assert "2 scenes, two exposures" in result.out
    assert rows["better"] == [DEFAULT_BUNDLE]
    assert "mean" not in rows  # there is nothing to rank
    assert rows["CE"][0] == "↓"
    assert rows["EN"][0] == "↑"


@pytest.mark.usefixtures("opened")
def test_mean_ranks_come_first_and_the_best_is_left(run_cli: RunCli, data: Path) -> None:
    result = run_cli("evaluate", "--data", data, *FAST)
    assert (result.code, result.err) == (0, "")
    lines = [line.split() for line in result.out.splitlines() if line.strip()]
    assert lines[0][:4] == ["2", "scenes,", "two", "exposures"]
    assert lines[1] == ["better", "mean", "over"]
    assert lines[3] == ["mean", "rank", "↓", "1.3333", "1.6667"]
    assert [line[:2] for line in lines[4:]] == [["MEF_SSIM", "↑"], ["CE", "↓"], ["Q_ABF", "↑"]]
    assert float(lines[4][2]) > float(lines[4][3])


@pytest.mark.usefixtures("opened")
def test_json_and_csv_hold_every_value(run_cli: RunCli, tmp_path: Path, data: Path) -> None:
    table, sheet = tmp_path / "values.csv", tmp_path / "sheet.png"
    outputs = ("--csv", table, "--sheet", sheet)
    result = run_cli("evaluate", "--data", data, *FAST, "--json", *outputs)
    assert (result.code, result.err) == (0, "")
    answer = json.loads(result.out)
    assert answer["metrics"] == ["MEF_SSIM", "CE", "Q_ABF"]
    assert (answer["failed"], answer["notes"]) == ([], [])
    assert [m["method"] for m in answer["methods"]] == ["over", "mean"]
    assert sorted(m["mean_rank"] for m in answer["methods"]) == pytest.approx([4 / 3, 5 / 3])
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
    assert len(rows) == 12
    assert [row | {"value": float(row["value"])} for row in rows] == answer["values"]
    first = [v["value"] for v in answer["values"] if (v["method"], v["metric"]) == ("mean", "CE")]
    assert answer["methods"][1]["means"]["CE"] == pytest.approx(sum(first) / 2)
    assert set(contents(tmp_path)) == {"values.csv", "sheet.png"}


@pytest.mark.usefixtures("opened")
def test_infinity_is_null_in_json(run_cli: RunCli, tmp_path: Path) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    write_manifest(tmp_path, {"same": (frame, frame)})
    result = run_cli("evaluate", "--data", tmp_path, "--metrics", "PSNR", "--json")
    answer = json.loads(result.out)
    assert [m["means"] for m in answer["methods"]] == [{"PSNR": None}, {"PSNR": None}]
    assert [m["mean_rank"] for m in answer["methods"]] == [1.5, 1.5]


@pytest.mark.usefixtures("opened")
def test_a_damaged_scene_is_one_sentence_and_the_rest_is_printed(
    run_cli: RunCli, tmp_path: Path, pair: tuple[Frame, Frame]
) -> None:
    write_manifest(tmp_path, {"good": pair, "bad": pair})
    (tmp_path / "bad1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    table = tmp_path / "values.csv"
    result = run_cli("evaluate", "--data", tmp_path, *FAST, "--csv", table)
    assert result.code == 2
    assert "1 scene, two exposures" in result.out
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("error: bad is left out: ")
    assert table.read_text(encoding="utf-8").count("good,") == 6
    answer = json.loads(run_cli("evaluate", "--data", tmp_path, *FAST, "--json").out)
    assert [failed["scene"] for failed in answer["failed"]] == ["bad"]
    (tmp_path / "good0.png").write_bytes(b"")
    table.write_text("of an earlier run")
    none = run_cli("evaluate", "--data", tmp_path, *FAST, "--csv", table)
    assert (none.code, none.out, len(none.err.splitlines())) == (2, "", 2)
    assert table.read_text(encoding="utf-8") == "of an earlier run"


def test_an_interrupt_leaves_nothing(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    calls: list[int] = []

    def slow(*exposures: Frame) -> Frame:
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return exposures[0]

    methods = Methods([Method("slow", slow, (2, 2))])
    monkeypatch.setattr(evaluation, "open_methods", lambda *_, **__: methods)
    outputs = ("--csv", tmp_path / "values.csv", "--sheet", tmp_path / "sheet.png")
    result = run_cli("evaluate", "--data", data, *FAST, *outputs)
    assert (result.code, result.sentence) == (130, "error: interrupted")
    assert len(calls) == 2
    assert contents(tmp_path) == {}


@pytest.mark.usefixtures("opened")
def test_the_table_is_shown_even_if_it_cannot_be_written(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    table = tmp_path / "values.csv"
    result = run_cli("evaluate", "--data", data, *FAST, "--csv", table)
    assert result.code == 2
    assert "mean rank" in result.out
    assert "the disk is full" in result.err
    assert contents(tmp_path) == {}


def test_what_is_asked_for_reaches_the_methods(
    run_cli: RunCli, opened: dict[str, Any], data: Path
) -> None:
    base = ("evaluate", "--data", data, *FAST)
    assert run_cli(*base, "--all-exposures").code == 0
    assert (opened["bundles"], opened["weights"], opened["model"]) == ([None], [], None)
    result = run_cli(*base, "--weights", "a", "--model", "ffmef-edge", "--peers")
    assert "two exposures" in result.out
    assert (opened["bundles"], opened["weights"]) == ([], [Path("a")])
    assert (opened["model"], opened["peers"], opened["published"]) == ("ffmef-edge", True, None)
    run_cli(*base, "--bundle", "b", "--weights", "a", "--published", "p")
    assert (opened["bundles"], opened["published"]) == (["b"], Path("p"))
    run_cli(*base, "--model", "ffmef")
    assert [folder.name for folder in opened["bundles"]] == ["ffmef"]


@pytest.mark.usefixtures("opened")
def test_notes_are_on_stderr_beside_the_table(run_cli: RunCli, data: Path) -> None:
    arguments = ("evaluate", "--data", data, *FAST, "--all-exposures")
    result = run_cli(*arguments)
    note = "over fused only the darkest and the brightest exposure of 2 of the scenes"
    assert result.err == f"note: {note}\n"
    assert "2 scenes, all exposures" in result.out
    quiet = run_cli(*arguments, "--json")
    assert quiet.err == ""
    assert json.loads(quiet.out)["notes"] == [note]


def test_many_methods_take_several_tables(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    methods = Methods([Method(f"m{number}", over, (2, 2)) for number in range(5)])
    monkeypatch.setattr(evaluation, "open_methods", lambda *_, **__: methods)
    result = run_cli("evaluate", "--data", data, *FAST)
    ranks = [line.split()[3:] for line in result.out.splitlines() if "mean rank" in line]
    assert ranks == [["3.0000"] * 4, ["3.0000"]]


@pytest.mark.usefixtures("opened")
def test_words_where_there_are_no_arrows(
    monkeypatch: pytest.MonkeyPatch, run_cli: RunCli, data: Path
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "cp1252", write_through=True))
    assert run_cli("evaluate", "--data", data, *FAST).code == 0
    lines = [line.split() for line in written.getvalue().decode("cp1252").splitlines()]
    words = [[word for word in line if word != "|"] for line in lines]
    assert ["mean", "rank", "smaller"] in [line[:3] for line in words]
    assert ["MEF_SSIM", "larger"] in [line[:2] for line in words]
