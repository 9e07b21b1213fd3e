"""The command lines of the benchmarks: what is refused, and how."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_mef.benchmarks import command, pareto, speed
from edge_mef.benchmarks.command import frame_size, run
from edge_mef.bundle import BUNDLES_FOLDER
from edge_mef.errors import FrameTooLargeError, InputError

PROGRAMS = [(speed.main, []), (pareto.main, ["--data", "nowhere"])]


@pytest.mark.parametrize("text", ["dynamic", "0x0", "0x5", "999999x999999", "12", "axb"])
def test_impossible_sizes(text: str) -> None:
    with pytest.raises(InputError, match=f"found '{text}'"):
        frame_size(text)


def test_frames_that_memory_cannot_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "available_bytes", lambda: 10**9)
    assert frame_size("1000x1000") == (1000, 1000)
    with pytest.raises(FrameTooLargeError, match=r"about 3\.7 GiB"):
        frame_size("8000x5000")
    with pytest.raises(FrameTooLargeError):
        frame_size("1500x1500", exposures=9)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--repeats", "0"],
        ["--repeats", "-1"],
        ["--threads", "0"],
        ["--threads", "many"],
        ["--size", "0x0"],
        ["--colour", "blue"],
    ],
)
@pytest.mark.parametrize(("program", "needed"), PROGRAMS, ids=["speed", "pareto"])
def test_bad_arguments_are_one_line(
    program: Callable[[list[str]], int],
    needed: list[str],
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as leaving:
        sys.exit(program([*needed, *arguments]))
    out, err = capsys.readouterr()
    assert (leaving.value.code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_interrupting_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> str:
        raise KeyboardInterrupt

    assert run(work) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_bundles_of_one_name_are_both_timed(tmp_path: Path) -> None:
    copies = [shutil.copytree(BUNDLES_FOLDER / "ffmef", tmp_path / n / "same") for n in "xy"]
    found = speed.measure_speed(32, 48, bundles=list(map(str, copies)), peers=[], repeats=1)
    assert [row.method for row in found] == ["same", "y/same"]
