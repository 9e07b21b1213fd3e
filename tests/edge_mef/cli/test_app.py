"""The program as a whole: help that is fast and complete, one line for wrong use."""

import json
import statistics
import sys
import time
from typing import Any

import pytest
import typer

from edge_mef.cli.app import app
from edge_mef.version import __version__
from tests.conftest import MAIN, RunCli, run_python

COMMANDS = (
    "advise",
    "bench",
    "calibrate",
    "compare",
    "demo",
    "doctor",
    "evaluate",
    "export",
    "fuse",
    "inspect",
    "metrics",
    "models",
    "report",
    "stream",
    "train",
    "verify",
)
HEAVY = ("torch", "onnx", "onnxruntime", "onnxscript", "cv2", "numpy", "tensorboard")
LONGEST_HELP = 0.5  # seconds


def test_the_commands() -> None:
    group: Any = typer.main.get_command(app)
    assert tuple(sorted(group.commands)) == COMMANDS


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run_cli: RunCli, command: str, flag: str) -> None:
    result = run_cli(command, flag)
    assert (result.code, result.err) == (0, "")
    assert f"Usage: edge-mef {command}" in result.out
    assert "--help" in result.out


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_the_commands(run_cli: RunCli, arguments: tuple[str, ...]) -> None:
    result = run_cli(*arguments)
    assert (result.code, result.err) == (0, "")
    assert all(command in result.out for command in COMMANDS)


def test_the_version(run_cli: RunCli) -> None:
    result = run_cli("--version")
    assert (result.code, result.out, result.err) == (0, f"edge-mef {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("fusee",), "fusee"),
        (("--frobnicate",), "--frobnicate"),
        (("fuse",), "Missing argument"),
        (("fuse", "a.png", "b.png"), "--output"),
        (("fuse", "a.png", "b.png", "-o"), "-o"),
        (("fuse", "a.png", "b.png", "-o", "c.png", "--frobnicate"), "--frobnicate"),
        (("fuse", "a.png", "b.png", "-o", "c.png", "--threads", "few"), "--threads"),
        (("fuse", "a.png", "b.png", "-o", "c.png", "--threads", "0"), "--threads"),
        (("fuse", "a.png", "b.png", "-o", "c.png", "--quality", "0"), "--quality"),
        (("fuse", "a.png", "b.png", "-o", "c.png", "--quality", "101"), "--quality"),
        (("fuse", "a.png", "b.png", "-o", "c.png", "--gap", "-1"), "--gap"),
        (("fuse", "a.png", "b.png", "-o", "c.png", "--max-memory", "-1"), "--max-memory"),
        (("inspect", "a", "b"), "extra argument"),
        (("evaluate",), "--data"),
        (("verify", "--limit", "0"), "--limit"),
    ],
)
def test_wrong_use_is_one_line(run_cli: RunCli, arguments: tuple[str, ...], what: str) -> None:
    result = run_cli(*arguments)
    assert result.code == 2
    assert what in result.sentence
    assert "edge-mef --help" in result.sentence


@pytest.mark.parametrize("module", ["edge_mef", "edge_mef.cli", "edge_mef.models"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    result = run_python(
        f"import sys, json, {module}; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    )
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == []


@pytest.mark.parametrize("command", ["fuse", "train", "export"])
def test_help_loads_nothing_heavy(command: str) -> None:
    code = f"""import atexit, sys
atexit.register(lambda: print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr))
{MAIN}"""
    result = run_python(code, command, "--help")
    assert (result.code, result.err.strip()) == (0, "[]")


@pytest.mark.timing
def test_help_is_fast() -> None:
    """The median of five runs; a busy machine gets four chances."""
    medians = []
    for _ in range(4):
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            result = run_python(MAIN, "--help")
            seconds.append(time.perf_counter() - started)
            assert result.code == 0
        medians.append(statistics.median(seconds))
        if medians[-1] <= LONGEST_HELP:
            return
    pytest.fail(f"--help took {min(medians):.2f} s, expected {LONGEST_HELP} s ({sys.version})")
