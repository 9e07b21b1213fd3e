"""Reporting: errors become one sentence and an exit code, whatever they are."""

import errno
import json
from pathlib import Path

import pytest
import typer

from edge_mef.cli.reporting import fail, guarded, print_json, print_table, printable
from edge_mef.errors import BundleError, GateError, MissingError, missing_extra


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (BundleError("two\nlines  of it"), 2, "error: two lines of it\n"),
        (GateError("too far"), 1, "error: too far\n"),
        (MissingError("no torch"), 3, "error: no torch\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
        (MemoryError(), 2, "error: this machine's memory is not enough: use smaller frames\n"),
        (PermissionError(errno.EACCES, "denied", "x.png"), 2, "error: x.png: denied\n"),
        (OSError("odd"), 2, "error: odd\n"),
        (BrokenPipeError(errno.EPIPE, "broken pipe"), 0, ""),
    ],
)
def test_errors(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    @guarded
    def command() -> None:
        raise error

    with pytest.raises(typer.Exit) as leaving:
        command()
    assert leaving.value.exit_code == code
    assert capsys.readouterr() == ("", line)


def test_our_own_bugs_are_not_hidden() -> None:
    @guarded
    def command() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command()


def test_fail_returns_the_exit(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail("what \n happened", 7).exit_code == 7
    assert capsys.readouterr().err == "error: what happened\n"


def test_a_missing_extra_gives_the_command() -> None:
    error = missing_extra("edge-mef train", "torch", "train")
    assert error.exit_code == 3
    assert str(error).endswith("pip install 'edge-mef[train]'")


def test_json_takes_paths(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"path": Path("a"), "number": 1.5})
    assert json.loads(capsys.readouterr().out) == {"path": "a", "number": 1.5}


def test_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("scores", ("scene", "value"), [("a", 0.12345), ("b", 10.0)])
    out = capsys.readouterr().out
    assert "0.1235" in out
    assert out.index("scores") < out.index("scene") < out.index("10.0000")


def test_a_terminal_obeys_no_text_of_others(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "a\x1b[31mb\x00\u202ec"
    assert printable(hostile) == "a\ufffd[31mb\ufffd\ufffdc"
    print_table("", ("title",), [(hostile,)])
    fail(hostile, 2)
    told = capsys.readouterr()
    assert not {"\x1b", "\x00", "\u202e"} & set(told.out + told.err)
