"""What a shell must export, and one sentence about what is missing."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import edge_mef
from edge_mef.errors import MissingError
from edge_mef.gst import installation
from edge_mef.gst.__main__ import main
from edge_mef.gst.installation import check_element, environment

PACKAGE = Path(edge_mef.__file__).resolve().parents[1]


def test_the_element_is_where_gstreamer_looks() -> None:
    folder = Path(environment({})["GST_PLUGIN_PATH"])
    assert (folder / "python" / "edgemeffuse.py").is_file()


def test_what_is_set_already_stays_behind() -> None:
    found = environment({"GST_PLUGIN_PATH": "/mine", "PYTHONPATH": f"/other:{PACKAGE}"})
    assert found["GST_PLUGIN_PATH"].split(os.pathsep)[1:] == ["/mine"]
    folders = found["PYTHONPATH"].split(os.pathsep)
    assert folders[0] == str(PACKAGE)
    assert folders[-1] == "/other"
    assert "/other" not in folders[:-1]
    assert len(set(folders)) == len(folders)


def test_the_variable_that_wins_is_taken() -> None:
    assert "GST_PLUGIN_PATH" not in environment({"GST_PLUGIN_PATH_1_0": "/mine"})


def test_a_shell_takes_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    script = capsys.readouterr().out + 'printf "%s\\n" "$GST_PLUGIN_PATH" "$PYTHONPATH"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    plugins, paths = done.stdout.splitlines()
    assert plugins.split(os.pathsep)[0] == str(installation.PLUGINS)
    assert paths.split(os.pathsep)[0] == str(PACKAGE)


class MadeCommands:
    """Stands for the commands that are run: by what they end with, exit code and output."""

    def __init__(self, answers: dict[str, tuple[int, str, str]]) -> None:
        self.answers = answers

    def run(
        self, command: list[str], variables: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        key = command[-1] + (" fresh" if variables else "")
        code, out, err = self.answers.get(key, (0, "", ""))
        return subprocess.CompletedProcess(command, code, out, err)


OWN = f"[{sys.version_info[0]}, {sys.version_info[1]}]"
OTHER = "[3, 99]"
GI, FUSER = installation._ASK_GI, installation._ASK_FUSER


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        (
            {"python fresh": (1, "", "")},
            "loader for Python plugins is not installed: apt-get install",
        ),
        ({GI: (1, "", "")}, "the Python bindings of GStreamer are not installed: apt-get"),
        (
            {GI: (0, OTHER, ""), FUSER: (1, "", "x")},
            "GStreamer's Python is 3.99 and EdgeMEF is installed for",
        ),
        (
            {GI: (0, OWN, ""), FUSER: (1, "", "Traceback\nImportError: no cv2")},
            "cannot import EdgeMEF with what is installed beside it (ImportError: no cv2)",
        ),
        (
            {GI: (0, OWN, ""), "edgemeffuse fresh": (1, "", ""), "edgemeffuse": (1, "", "")},
            "GStreamer does not load",
        ),
        (
            {GI: (0, OWN, ""), "edgemeffuse": (1, "", "")},
            "GStreamer remembers a try that failed",
        ),
    ],
)
def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answers: dict[str, tuple[int, str, str]],
    text: str,
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(installation, "_run", MadeCommands(answers).run)
    assert main(["--check"]) == 3
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert text in error


def test_no_gstreamer_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(MissingError, match=r"apt-get install gstreamer1\.0-tools"):
        check_element()


def test_all_is_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(installation, "_run", MadeCommands({GI: (0, OWN, "")}).run)
    assert main(["--check"]) == 0
    version = "{}.{}".format(*sys.version_info)
    assert capsys.readouterr().out == f"edgemeffuse works with GStreamer's Python {version}\n"
