"""edge-mef fuse on a folder: bad brackets are reported at the end, and a stopped run goes on."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge_mef.exposures import Frame
from edge_mef.pictures import read_picture
from edge_mef.runtimes.onnxruntime import OnnxRuntime
from tests.conftest import (
    LONGEST_RUN,
    MAIN,
    RunCli,
    contents,
    python_environment,
    run_python,
    write_pair,
)

Pair = tuple[Frame, Frame]


@pytest.fixture
def folder(tmp_path: Path, pair: Pair) -> Path:
    """Four brackets in subfolders a to d."""
    (tmp_path / "in").mkdir()
    for name in "abcd":
        write_pair(tmp_path / "in" / name, pair)
    return tmp_path / "in"


def names(folder: Path) -> list[str]:
    """Return the files of a folder, hidden ones too, after reading each as a whole picture."""
    found = sorted(contents(folder))
    assert all(read_picture(folder / name).pixels.shape == (48, 64, 3) for name in found)
    return found


def test_all_brackets(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    result = run_cli("fuse", folder, "-o", tmp_path / "out")
    assert (result.code, result.out, result.err) == (0, "4 fused\n", "")
    assert names(tmp_path / "out") == ["a.png", "b.png", "c.png", "d.png"]
    again = run_cli("fuse", folder, "-o", tmp_path / "out")
    assert again.code == 0
    assert again.out == "0 fused, 4 were there already (--overwrite fuses them again)\n"
    third = run_cli("fuse", folder, "-o", tmp_path / "out", "--overwrite")
    assert third.out == "4 fused\n"


def test_options_reach_every_bracket(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    arguments = ("--suffix", ".jpg", "--quality", "80", "--align", "--extremes", "--gap", "0")
    assert run_cli("fuse", folder, "-o", tmp_path / "out", *arguments).code == 0
    assert names(tmp_path / "out") == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


def test_a_bad_bracket_is_reported_at_the_end(
    run_cli: RunCli, folder: Path, tmp_path: Path
) -> None:
    (folder / "b" / "over.png").write_text("no picture")
    (folder / "c" / "third.png").write_bytes((folder / "c" / "over.png").read_bytes())
    result = run_cli("fuse", folder, "-o", tmp_path / "out", "--bundle", "ffmef")
    assert result.code == 2
    assert result.out == "2 fused\n"
    first, second = result.err.splitlines()
    assert first.startswith("error: b: expected a JPEG, PNG or TIFF")
    assert second.startswith("error: c: this bundle fuses 2 exposures, found 3")
    assert names(tmp_path / "out") == ["a.png", "d.png"]


def test_json(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    (folder / "b" / "over.png").unlink()
    run_cli("fuse", folder / "a" / "under.png", folder / "a" / "over.png", "-o", tmp_path / "x.png")
    (tmp_path / "out").mkdir()
    shutil.copy(tmp_path / "x.png", tmp_path / "out" / "a.png")
    result = run_cli("fuse", folder, "-o", tmp_path / "out", "--json")
    assert (result.code, result.err) == (2, "")
    answer = json.loads(result.out)
    assert answer["fused"] == [str(tmp_path / "out" / f"{name}.png") for name in "cd"]
    assert answer["kept"] == [str(tmp_path / "out" / "a.png")]
    assert [failed["bracket"] for failed in answer["failed"]] == ["b"]
    assert "found only" in answer["failed"][0]["error"]


@pytest.mark.parametrize(
    ("output", "arguments", "message"),
    [
        ("in", (), "the output folder is the input folder"),
        ("file", (), "is a file: name a folder"),
        ("file/out", (), "cannot be made: Not a directory"),
        ("out", ("--suffix", ".bmp"), "expected one of the endings"),
        ("out", ("--suffix", "jpg"), "expected one of the endings"),
    ],
)
def test_refusals(
    run_cli: RunCli,
    folder: Path,
    tmp_path: Path,
    output: str,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    before = contents(tmp_path)
    result = run_cli("fuse", folder, "-o", tmp_path / output, *arguments)
    assert result.code == 2
    assert message in result.sentence
    assert contents(tmp_path) == before
    assert folder.is_dir()
    assert not (tmp_path / "out").exists()


def test_an_empty_folder(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run_cli("fuse", tmp_path / "empty", "-o", tmp_path / "out")
    assert result.code == 2
    assert "found none: check the folder" in result.sentence
    assert not (tmp_path / "out").exists()


def test_an_unwritable_output(
    run_cli: RunCli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    result = run_cli("fuse", folder, "-o", tmp_path / "out")
    assert result.code == 2
    assert "may not be written to" in result.sentence


def test_a_disk_that_fills_up(
    run_cli: RunCli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def fill_up(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fill_up)
    result = run_cli("fuse", folder, "-o", tmp_path / "out")
    assert result.code == 2
    assert "c.png': the disk is full" in result.sentence
    assert result.sentence.endswith("(stopped after 2 of 4 brackets)")
    assert names(tmp_path / "out") == ["a.png", "b.png"]


def test_an_interrupt_and_a_second_run(
    run_cli: RunCli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, calls = OnnxRuntime.run, []

    def interrupted(runtime: OnnxRuntime, exposures: Sequence[Frame], out: Frame | None) -> Frame:
        calls.append(len(exposures))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(runtime, exposures, out)

    with monkeypatch.context() as patched:
        patched.setattr(OnnxRuntime, "run", interrupted)
        result = run_cli("fuse", folder, "-o", tmp_path / "out")
    assert result.code == 130
    assert "interrupted after 2 of 4 brackets; run it again to go on" in result.sentence
    assert names(tmp_path / "out") == ["a.png", "b.png"]
    again = run_cli("fuse", folder, "-o", tmp_path / "out", "--json")
    assert [Path(path).name for path in json.loads(again.out)["fused"]] == ["c.png", "d.png"]
    assert len(names(tmp_path / "out")) == 4


# The program stops in its third bracket and waits for a signal, which the test then sends.
WAITS_IN_THE_THIRD = f"""
import signal, sys
from edge_mef.runtimes.onnxruntime import OnnxRuntime
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may start us with it ignored
run, calls = OnnxRuntime.run, []
def waiting(runtime, exposures, out):
    calls.append(1)
    if len(calls) == 3:
        print("waiting", flush=True)
        signal.pause()
    return run(runtime, exposures, out)
OnnxRuntime.run = waiting
{MAIN}
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_control_c(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WAITS_IN_THE_THIRD, "fuse", str(folder)]
    with subprocess.Popen(
        [*command, "-o", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=python_environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONGEST_RUN)
    assert (process.returncode, out) == (130, "")
    assert err == "error: interrupted after 2 of 4 brackets; run it again to go on\n"
    assert names(tmp_path / "out") == ["a.png", "b.png"]
    again = run_python(MAIN, "fuse", folder, "-o", tmp_path / "out")
    assert again.out.startswith("2 fused, 2 were there already")
    assert names(tmp_path / "out") == ["a.png", "b.png", "c.png", "d.png"]
