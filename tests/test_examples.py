"""The examples: all compile, and those for a device run where torch is not installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_mef.pictures import picture_size, write_picture
from edge_mef.render.brackets import demo_bracket

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
# Runs an example as `python FILE ARGUMENTS` does, with torch made impossible to import.
WITHOUT_TORCH = """
import runpy, sys
sys.modules["torch"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_example(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_TORCH, str(ROOT / "examples" / name), *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def bracket(tmp_path: Path) -> Path:
    folder = tmp_path / "brackets" / "room"
    folder.mkdir(parents=True)
    for name, frame in zip(("under", "over"), demo_bracket(48, 64).exposures, strict=True):
        write_picture(folder / f"{name}.png", frame)
    return folder


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_compiles_and_says_how_it_is_run(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    compile(source, str(path), "exec")
    assert f"python examples/{path.name} " in source.partition("\n\n")[0]


def test_an_example_without_arguments_shows_its_usage(tmp_path: Path) -> None:
    found = run_example("fuse_two.py", folder=tmp_path)
    assert found.returncode == 1
    assert "python examples/fuse_two.py UNDER OVER FUSED" in found.stderr


def test_two_files_become_one(bracket: Path) -> None:
    found = run_example("fuse_two.py", "over.png", "under.png", "fused.png", folder=bracket)
    assert found.returncode == 0, found.stderr
    assert picture_size(bracket / "fused.png") == (48, 64)


def test_a_folder_is_fused_and_then_kept(bracket: Path) -> None:
    folder = bracket.parents[1]
    first = run_example("fuse_folder.py", "brackets", "fused", folder=folder)
    assert first.returncode == 0, first.stderr
    assert "1 fused, 0 were there, 0 failed" in first.stdout
    assert picture_size(folder / "fused" / "room.jpg") == (48, 64)
    second = run_example("fuse_folder.py", "brackets", "fused", folder=folder)
    assert "0 fused, 1 were there, 0 failed" in second.stdout


def test_arrays_of_a_camera_are_fused(tmp_path: Path) -> None:
    found = run_example("fuse_arrays_from_camera.py", "out", folder=tmp_path)
    assert found.returncode == 0, found.stderr
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["fused-0.png", "fused-1.png", "fused-2.png"]
