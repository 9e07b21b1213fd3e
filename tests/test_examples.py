"""The examples: all compile, and those for a device run where torch is not installed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_mef.fuser import fuse
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
    assert len(EXAMPLES) >= 6


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


def test_brackets_are_streamed(tmp_path: Path) -> None:
    found = run_example("stream_brackets.py", "out", folder=tmp_path)
    assert found.returncode == 0, found.stderr
    assert re.fullmatch(r"[\d.]+ fps, p99 [\d.]+ ms\n", found.stdout)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{i:04}.png" for i in range(6)]


def test_a_loop_over_frames_of_opencv(tmp_path: Path) -> None:
    """A lost frame costs its bracket, and no other."""
    writer = cv2.VideoWriter(
        str(tmp_path / "in.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48)
    )
    under, over = demo_bracket(48, 64).exposures
    for index in [0, 1, 2, 4, 5, 6, 7, 8, 9]:
        writer.write(np.ascontiguousarray((over if index % 2 else under)[:, :, ::-1]))
    writer.release()
    found = run_example("opencv_loop.py", "in.avi", "out.avi", folder=tmp_path)
    assert found.returncode == 0, found.stderr
    capture = cv2.VideoCapture(str(tmp_path / "out.avi"))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1][:, :, ::-1].astype(int))
    expected = fuse(under, over).astype(int)
    assert len(frames) == 4
    assert max(np.abs(frame - expected).mean() for frame in frames) < 6
