"""edge-mef metrics: tables, JSON, and what it refuses."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_mef.exposures import Frame
from edge_mef.metrics import MEFB_METRICS, compare, evaluate
from edge_mef.saving import write_picture
from tests.conftest import RunCli


@pytest.fixture
def files(tmp_path: Path, pair: tuple[Frame, Frame]) -> list[Path]:
    """Under, over, their mean, and a reference that is brighter: (48, 64)."""
    mean = np.mean(pair, axis=0).astype(np.uint8)
    names = ("under", "over", "fused", "reference")
    paths = [tmp_path / f"{name}.png" for name in names]
    for path, frame in zip(paths, (*pair, mean, np.maximum(mean, 30)), strict=True):
        write_picture(path, frame)
    return paths


def test_the_14_metrics_in_a_table(run_cli: RunCli, files: list[Path]) -> None:
    result = run_cli("metrics", *files[:3])
    assert (result.code, result.err) == (0, "")
    rows = {line.split()[0]: line for line in result.out.splitlines() if line.strip()}
    assert rows["fused.png"].strip() == "fused.png against 2 exposures"
    assert [name for name in rows if name in MEFB_METRICS] == list(MEFB_METRICS)
    assert {name for name in MEFB_METRICS if "↓" in rows[name]} == {"CE", "Q_CV"}
    assert {name for name in MEFB_METRICS if "↑" in rows[name]} == {*MEFB_METRICS} - {"CE", "Q_CV"}


def test_json_holds_the_values(
    run_cli: RunCli, files: list[Path], pair: tuple[Frame, Frame]
) -> None:
    result = run_cli("metrics", *files[:3], "--json", "--names", "vif, EN")
    assert (result.code, result.err) == (0, "")
    answer = json.loads(result.out)
    fused = np.mean(pair, axis=0).astype(np.uint8)
    assert list(answer["exposures"]) == ["VIF", "EN"]
    assert answer["exposures"] == pytest.approx(evaluate(pair, fused, ["VIF", "EN"]))
    assert (answer["fused"], answer["size"]) == (str(files[2]), [48, 64])
    assert answer["reference"] == {}


def test_more_exposures_and_any_order(run_cli: RunCli, files: list[Path]) -> None:
    under, over, fused, middle = files
    answers = [
        json.loads(run_cli("metrics", *order, fused, "--json").out)["exposures"]
        for order in ([under, middle, over], [over, middle, under])
    ]
    assert answers[0] == pytest.approx(answers[1])
    two = json.loads(run_cli("metrics", under, over, fused, "--json").out)["exposures"]
    assert answers[0]["MEF_SSIM"] != pytest.approx(two["MEF_SSIM"], rel=1e-6)
    assert answers[0]["Q_ABF"] == pytest.approx(two["Q_ABF"])


def test_a_reference_besides_the_exposures(run_cli: RunCli, files: list[Path]) -> None:
    arguments = [*files[:3], "--reference", files[3], "--names", "EN,PSNR,SSIM"]
    answer = json.loads(run_cli("metrics", *arguments, "--json").out)
    assert list(answer["exposures"]) == ["EN", "PSNR"]
    assert list(answer["reference"]) == ["PSNR", "SSIM"]
    assert answer["exposures"]["PSNR"] != pytest.approx(answer["reference"]["PSNR"])
    table = run_cli("metrics", *arguments).out
    assert "fused.png against 2 exposures" in table
    assert "fused.png against reference.png" in table


def test_a_reference_alone(run_cli: RunCli, tmp_path: Path) -> None:
    frame = np.random.default_rng(1).integers(0, 256, (176, 180, 3), dtype=np.uint8)
    one, other = tmp_path / "one.png", tmp_path / "other.png"
    write_picture(one, frame)
    write_picture(other, frame // 2)
    answer = json.loads(run_cli("metrics", one, "--reference", other, "--json").out)
    assert answer["exposures"] == {}
    assert answer["reference"] == pytest.approx(compare(frame // 2, frame))


def test_equal_pictures_have_no_psnr_in_json(run_cli: RunCli, files: list[Path]) -> None:
    same = [files[0]] * 3
    arguments = [*same, "--reference", files[0], "--names", "PSNR"]
    answer = json.loads(run_cli("metrics", *arguments, "--json").out)
    assert answer["exposures"] == answer["reference"] == {"PSNR": None}
    assert "inf" in run_cli("metrics", *arguments).out


def test_words_where_there_are_no_arrows(
    monkeypatch: pytest.MonkeyPatch, files: list[Path], run_cli: RunCli
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "cp1252", write_through=True))
    assert run_cli("metrics", *files[:3], "--names", "EN,CE").code == 0
    lines = written.getvalue().decode("cp1252").splitlines()
    assert " larger " in next(line for line in lines if " EN " in line)
    assert " smaller " in next(line for line in lines if " CE " in line)


@pytest.mark.parametrize(
    ("chosen", "options", "words"),
    [
        ([2], [], "expected UNDER OVER FUSED, found 1 picture: "),
        ([0, 2], [], "expected UNDER OVER FUSED, found 2 pictures: "),
        ([0, 1, 2], ["--names", "EN,NICE"], "found 'NICE'; known are: EN, FMI"),
        ([0, 1, 2], ["--names", "ssim"], "SSIM compares with a reference: give one too"),
        ([0, 1, 2], ["--names", ","], "found no name"),
        ([0, 1, 2], ["--names", "EN,EN"], "'EN' is asked for twice"),
        ([2], ["--reference", "reference.png", "--names", "EN"], "with the exposures: name them"),
        ([2], ["--reference", "reference.png"], "176 pixels or more for MS_SSIM, found 64x48"),
        ([2], ["--reference", "gone.png"], "there is no picture 'gone.png'"),
    ],
)
def test_wrong_use_is_one_sentence(
    run_cli: RunCli,
    files: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    chosen: list[int],
    options: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(files[0].parent)
    result = run_cli("metrics", *(files[index] for index in chosen), *options)
    assert result.code == 2
    assert words in result.sentence


def test_sizes_must_agree(run_cli: RunCli, files: list[Path]) -> None:
    write_picture(files[2], np.zeros((48, 60, 3), np.uint8))
    assert (
        "exposure 1 is 64x48 and the fused picture is 60x48"
        in run_cli("metrics", *files[:3]).sentence
    )
