"""edge-mef calibrate: its tables, files and refusals."""

import json
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from edge_mef.calibration.records import CalibrationRecord
from edge_mef.calibration.sets import open_calibration_set
from edge_mef.pictures import picture_size
from tests.calibration.conftest import invented_bracket, write_brackets
from tests.conftest import MAIN, RunCli, contents, run_python

SMALL = ("rendered:10", "--longest-side", "64")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six brackets, (48, 64)."""
    brackets = [invented_bracket(seed) for seed in range(6)]
    return write_brackets(tmp_path / "in", [(dark, bright) for dark, _, bright in brackets])


def test_the_tables_show_scenes_and_coverage(run_cli: RunCli, folder: Path) -> None:
    result = run_cli("calibrate", folder, "--count", 4)
    assert (result.code, result.err) == (0, "")
    chosen = open_calibration_set(folder, count=4)
    rows = [line.split() for line in result.out.splitlines() if line.strip()]
    first = [row for row in rows if row[0] in "1234" and len(row) == 7]
    assert [row[1] for row in first] == [scene.name for scene in chosen.scenes]
    gaps = [f"{scene.features.gap:.2f}" for scene in chosen.scenes]
    assert [row[2] for row in first] == gaps
    (gap,) = [row for row in rows if row[0] == "gap" and len(row) == 8]
    assert gap[-1] == f"{chosen.coverage.features['gap'].share:.0%}"
    assert f"{chosen.coverage.farthest:.2f} standard deviations" in result.out
    assert f"digest: {chosen.digest}" in result.out
    assert "4 of 6 scenes, 2 exposures, longest side 640" in result.out


def test_json_record_and_sheet(run_cli: RunCli, tmp_path: Path, folder: Path) -> None:
    save, sheet = tmp_path / "set.json", tmp_path / "sheet.jpg"
    result = run_cli("calibrate", folder, "--json", "--save", save, "--sheet", sheet)
    assert (result.code, result.err) == (0, "")
    answer = json.loads(result.out)
    record = CalibrationRecord.from_json(save.read_bytes())
    assert record == CalibrationRecord.from_json(result.out)
    assert answer["digest"] == open_calibration_set(folder).digest
    assert answer["notes"] == ["16 scenes were asked for, and all 6 that there are taken"]
    height, width = picture_size(sheet)
    assert (width > 6 * 320, height > 2 * 240) == (True, True)


def test_a_damaged_picture_is_a_note(run_cli: RunCli, folder: Path) -> None:
    (folder / "s2" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = run_cli("calibrate", folder, "--count", 4)
    assert result.code == 0
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("note: left out: s2: ")
    assert "4 of 5 scenes" in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nonesuch",), "there is no folder, manifest or video 'nonesuch'"),
        (("rendered:2",), "expected 4 different scenes or more in 'rendered:2', found 1"),
        ((*SMALL, "--count", "3"), "expected 4 scenes or more, found 3"),
        ((*SMALL, "--count", "-1"), "found -1"),
        ((*SMALL, "--count", "x"), "--count"),
        ((*SMALL, "--exposures", "1"), "2 exposures of each scene or more, found 1"),
        (("rendered:2", "--exposures", "4"), "expected 4 exposures, found 3"),
        (("rendered:10", "--longest-side", "1"), "16 pixels"),
        ((*SMALL, "--save", "set.txt"), "choose .json"),
        ((*SMALL, "--sheet", "sheet.gif"), "no ending"),
        ((*SMALL, "--sheet", "no/sheet.jpg"), "there is no folder 'no'"),
    ],
)
def test_refusals_are_one_sentence(
    run_cli: RunCli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run_cli("calibrate", *arguments)
    assert result.code == 2
    assert words in result.sentence
    assert contents(tmp_path) == {}


def test_an_empty_folder_one_scene_and_one_exposure_are_refused(
    run_cli: RunCli, tmp_path: Path, folder: Path
) -> None:
    (tmp_path / "empty").mkdir()
    assert "found none" in run_cli("calibrate", tmp_path / "empty").sentence
    for number in range(1, 6):
        (folder / f"s{number}" / "1.png").unlink()
    result = run_cli("calibrate", folder)
    assert result.code == 2
    assert "found 1 (left out: s1: expected two or more exposures" in result.sentence


def test_an_output_over_an_input_is_refused(run_cli: RunCli, folder: Path) -> None:
    before = contents(folder)
    for output in (folder / "s1" / "0.png", folder / "new.jpg"):
        result = run_cli("calibrate", folder, "--sheet", output)
        assert result.code == 2
        assert "the output" in result.sentence
    assert contents(folder) == before


def test_a_full_disk_still_shows_the_tables(
    run_cli: RunCli, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = run_cli("calibrate", folder, "--save", tmp_path / "set.json", "--count", 4)
    assert result.code == 2
    assert "digest: " in result.out
    assert len(result.err.splitlines()) == 1
    assert "the disk is full" in result.err
    assert {Path(name).parts[0] for name in contents(tmp_path)} == {"in"}


def test_it_needs_no_torch(folder: Path) -> None:
    without = 'import sys\nsys.modules["torch"] = sys.modules["onnx"] = None\n'
    result = run_python(without + MAIN, "calibrate", folder, "--count", 4)
    assert (result.code, result.err) == (0, "")
    assert "digest: " in result.out


@pytest.mark.skipif(find_spec("torchao") is None, reason="needs torchao")
def test_the_sensitivity_of_layers(run_cli: RunCli) -> None:
    arguments = ("calibrate", "rendered:8", "--longest-side", "64", "--sensitivity")
    result = run_cli(*arguments, "--channels", 2)
    assert result.code == 0
    assert "one layer in int8 at a time" in result.out
    table = result.out[result.out.index("PSNR dB") :].splitlines()
    answer = json.loads(run_cli(*arguments, "--channels", 2, "--json").out)
    assert len(answer["sensitivity"]) == 11
    for name, loss in answer["sensitivity"].items():
        assert 30.0 < loss["psnr"] < 99.0
        row = next(line.split() for line in table[2:] if line.split()[:1] == [name])
        assert row[1:3] == [f"{loss['psnr']:.1f}", f"{loss['mef_ssim_drop']:.4f}"]


def test_a_network_that_there_is_not(run_cli: RunCli) -> None:
    result = run_cli("calibrate", "rendered:4", "--sensitivity", "--model", "unet")
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert "there is no network called 'unet'" in result.err


def test_a_network_without_sensitivity_is_refused(run_cli: RunCli) -> None:
    result = run_cli("calibrate", "rendered:8", "--model", "ffmef")
    assert (result.code, result.out) == (2, "")
    assert "are for --sensitivity" in result.err


@pytest.mark.skipif(find_spec("torchao") is None, reason="needs torchao")
def test_wrong_weights_are_told_before_scenes_are_read(run_cli: RunCli, tmp_path: Path) -> None:
    weights = tmp_path / "none.safetensors"
    result = run_cli("calibrate", tmp_path / "gone", "--sensitivity", "--weights", weights)
    assert (result.code, result.out) == (2, "")
    assert "there is no weight file" in result.err
