"""The export matrix: what it exports, what a row says, when it fails, and where it goes on."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_mef.benchmarks import matrix
from edge_mef.benchmarks.matrix import FIXED, MatrixSettings, main, plan_cases, run_matrix
from edge_mef.benchmarks.matrix_page import page
from edge_mef.benchmarks.matrix_rows import (
    Case,
    Row,
    failed_row,
    read_rows,
    verified_row,
    write_rows,
)
from edge_mef.bundle import Bundle, load_bundle
from edge_mef.errors import GateError, InputError
from edge_mef.export import build
from edge_mef.export.build import ExportSettings
from edge_mef.export.parity import VerifyResult
from edge_mef.manifest import CheckEntry, LossEntry, QuantizationEntry, Verification

SETTINGS = MatrixSettings()
EDGE = load_bundle("ffmef-edge")


def check(**changes: Any) -> CheckEntry:
    usual = CheckEntry(
        artefact="model.onnx", runtime="onnxruntime", reference="torch", scene="s 48x64",
        max_difference=1, psnr=80.0, gate="at most 1 grey level", passed=True,
    )  # fmt: skip
    return usual.model_copy(update=changes)


class Exports:
    """Stands in for exporting and verifying; keeps what was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, ExportSettings]] = []
        self.refused: set[str] = set()
        self.checks: tuple[CheckEntry, ...] = (check(),)
        monkeypatch.setattr(build, "export_bundle", self.export)
        monkeypatch.setattr(matrix, "verify_bundle", self.verify)

    def export(self, output: Path, settings: ExportSettings, *, target: str) -> Bundle:
        self.asked.append((target, settings))
        if settings.precision in self.refused:
            raise GateError("expected int8 to reach 47 dB,\nfound 3")
        quantized = QuantizationEntry(
            recipe="minmax",
            calibration_digest="0" * 64,
            layers=9,
            kept=("stem",),
            loss=LossEntry(psnr=50.0, mef_ssim_drop=0.0),
            sensitivity={},
            notes=(),
        )
        update = {"quantization": quantized if settings.precision == "int8" else None}
        return replace(EDGE, manifest=EDGE.manifest.model_copy(update=update))

    def verify(self, *_: object, **__: object) -> VerifyResult:
        return VerifyResult(EDGE, Verification(date="", toolchain={}, checks=self.checks), ())

    @property
    def precisions(self) -> list[str]:
        return [settings.precision for _, settings in self.asked]


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> Exports:
    return Exports(monkeypatch)


def cases(*precisions: str) -> list[Case]:
    """Of ffmef-edge to ONNX, for any size and for one."""
    return plan_cases(["ffmef-edge"], ["onnx"], precisions)  # type: ignore[arg-type]


def test_every_combination_is_there_once() -> None:
    planned = plan_cases()
    assert len(planned) == len({case.text for case in planned}) == 2 * 4 * 2 * 3
    kinds = {(case.target, case.sizes_text) for case in planned}
    assert ("trt", "any") in kinds
    assert {sizes for target, sizes in kinds if target == "coreml"} == {
        "240x320", "240x320, 320x240"
    }  # fmt: skip
    assert [case.precision for case in planned[:3]] == ["fp32", "fp16", "int8"]


def test_int8_is_calibrated_and_searched_for_once(exports: Exports) -> None:
    rows = run_matrix(cases("int8"), SETTINGS)
    first, second = (settings.quantization for _, settings in exports.asked)
    assert (first.kept, second.kept) == ((), ("stem",))
    assert first.ranges == second.ranges
    assert first.ranges is not None
    assert [row.kept for row in rows] == [("stem",)] * 2


def test_a_refused_int8_is_not_searched_for_again(exports: Exports) -> None:
    exports.refused = {"int8"}
    first, half, second = run_matrix([*cases("int8")[:1], *cases("fp16", "int8")[2:]], SETTINGS)
    assert exports.precisions == ["int8", "fp16"]
    assert first.failure == "expected int8 to reach 47 dB, found 3"
    assert second.failure.startswith("not tried after the first int8 export: expected int8")
    assert half.passed


def test_the_target_s_own_artefact_is_in_the_row() -> None:
    checks = [
        check(runtime="openvino", artefact="stages", psnr=None, max_difference=0),
        check(artefact="stages", max_difference=1, psnr=91.0, mef_ssim_drop=-0.1),
        check(psnr=82.0, mef_ssim_drop=0.002),
    ]
    row = verified_row(cases("fp32")[0], "", 1.26, EDGE, checks)
    assert (row.passed, row.checks, row.difference, row.psnr, row.drop) == (True, 2, 1, 82.0, 0.002)
    assert (row.runtimes, row.proofs) == (("onnxruntime",), ("14 fp32", "12 fp32"))
    assert (row.gate, row.seconds) == ("at most 1 grey level", 1.3)
    assert row.weight_bytes is not None
    assert 4 * EDGE.manifest.network.parameters <= row.weight_bytes < 10**6


def test_a_failure_elsewhere_in_the_bundle_fails_the_row() -> None:
    wrong = check(runtime="openvino", artefact="model.xml", psnr=30.0, passed=False)
    row = verified_row(cases("fp32")[0], "", 1.0, EDGE, [check(), wrong])
    assert not row.passed
    assert row.psnr == 80.0
    assert "1 of 2 comparisons miss their gate, the worst of model.xml on openvino" in row.failure


def test_nothing_that_ran_is_no_proof() -> None:
    row = verified_row(cases("fp32")[0], "", 1.0, EDGE, [check(runtime="openvino", artefact="x")])
    assert row.failure == "no runtime here runs the onnx model: nothing is proven"


def test_a_second_run_goes_on(exports: Exports, tmp_path: Path) -> None:
    stored = tmp_path / "rows.json"
    told: list[tuple[int, int]] = []
    run_matrix(cases("fp32"), SETTINGS, stored=stored)
    rows = run_matrix(
        cases("fp32", "fp16"),
        SETTINGS,
        stored=stored,
        tell=lambda _, done, total: told.append((done, total)),
    )
    assert exports.precisions == ["fp32", "fp32", "fp16", "fp16"]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert len(read_rows(stored)) == len(rows) == 4


def test_failed_rows_and_those_of_other_scenes_are_done_again(
    exports: Exports, tmp_path: Path
) -> None:
    stored = tmp_path / "rows.json"
    exports.checks = (check(passed=False),)
    assert not any(row.passed for row in run_matrix(cases("fp32"), SETTINGS, stored=stored))
    exports.checks = (check(),)
    assert all(row.passed for row in run_matrix(cases("fp32"), SETTINGS, stored=stored))
    run_matrix(cases("fp32"), replace(SETTINGS, limit=3), stored=stored)
    assert len(exports.asked) == 6
    assert len(read_rows(stored)) == 2


def test_a_file_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text('{"rows": [{}]}')
    with pytest.raises(InputError, match="delete it or name another file"):
        read_rows(tmp_path / "rows.json")


def made(case: Case, **changes: Any) -> Row:
    row = failed_row(case, "", 2.0, "").model_copy(update={"checks": 1, "gate": "a gate"})
    return row.model_copy(update=changes)


def table(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page(tmp_path: Path) -> None:
    full, half = (cases(precision)[0] for precision in ("fp32", "fp16"))
    rows = [
        made(full, weight_bytes=1000, difference=0),
        made(half, weight_bytes=507, psnr=66.25, difference=1, drop=-0.00012),
        made(cases("int8")[0], failure="it broke"),
    ]
    command = ["python", "-m", "edge_mef.benchmarks.matrix", *["--data", "a folder"] * 8]
    text = page(rows, command)
    _, _, first, second, third = table(text)
    assert first[6:] == ["equal", "0", "", "a gate", "ok", "100 %", "2"]
    assert second[6:] == ["66.2", "1", "-0.0001", "a gate", "ok", "51 %", "2"]
    assert third[10:] == ["FAILED", "", "2"]
    assert "2 of 3 rows hold their gates" in text
    assert "* `ffmef-edge` `onnx` int8, any: it broke" in text
    assert "--data 'a folder'" in text
    assert " \\\n    " in text
    assert max(map(len, text.partition("| network")[0].splitlines())) <= 100
    assert page(rows, command, tmp_path / "m.md").startswith("2 of 3 rows hold")
    assert (tmp_path / "m.md").read_text() == text


def test_the_command_writes_the_page_and_fails_with_a_row(
    exports: Exports, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--networks", "ffmef-edge", "--targets", "onnx", "--precisions", "fp16,int8"]
    output = tmp_path / "m.md"
    assert main([*arguments, "-o", str(output)]) == 0
    assert "4 of 4 rows hold their gates" in capsys.readouterr().out
    exports.refused = {"int8"}
    assert main([*arguments, "-o", str(output)]) == 1
    out, err = capsys.readouterr()
    assert "2 of 4 rows hold their gates" in out
    assert "2/4 ffmef-edge onnx int8, any: FAILED: expected int8 to reach" in err
    assert f"--precisions fp16,int8 -o {output}" in output.read_text().replace(" \\\n   ", "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--networks", "nonesuch"], "expected networks of ffmef-edge, ffmef, found 'nonesuch'"),
        (["--targets", "onnx,"], "found ''"),
        (["--precisions", "int3"], "expected precisions of fp32, fp16, int8, found 'int3'"),
        (["--data", "nowhere"], "nowhere"),
        (["-o", "matrix.txt"], "choose .md"),
        (["--rows", "rows"], "choose .json"),
    ],
)
def test_refused(
    arguments: Sequence[str], told: str, exports: Exports, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert told in error
    assert error.count("\n") == 1
    assert exports.asked == []


def test_a_limit_that_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["--limit", "0"])
    assert leaving.value.code == 2
    assert capsys.readouterr().err == "error: argument --limit: expected 1 to 1000, found '0'\n"


def test_a_real_row(tmp_path: Path) -> None:
    case = Case("ffmef", "onnx", "fp16", FIXED)
    (row,) = run_matrix([case], replace(SETTINGS, limit=1, threads=1))
    assert row.passed
    assert (row.proofs, row.runtimes, row.sizes) == (
        ("48 fp16, 2 fp32",), ("onnxruntime",), "240x320"
    )  # fmt: skip
    assert row.psnr is not None
    assert row.psnr >= 50
    write_rows(tmp_path / "rows.json", [row])
    assert read_rows(tmp_path / "rows.json") == [row]
