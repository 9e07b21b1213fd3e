"""The examples and the documentation's pipelines really run, with gst-launch-1.0."""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import cv2
import numpy as np
import pytest

import edge_mef
from edge_mef.pictures import read_picture, write_picture
from edge_mef.render.brackets import demo_bracket
from tests.edge_mef.gst.conftest import LONGEST

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
PAGE = ROOT / "docs" / "gstreamer.md"
# What stands here for a Jetson's elements.
STAND_INS = {
    r"nvarguscamerasrc sensor-id=\d \"\$\{fixed\[@\]\}\" \"exposuretimerange=[^\"]*\"": (
        "videotestsrc num-buffers=3"
    ),
    r"\(memory:NVMM\)": "",
    "width=1920,height=1080": "width=96,height=64",
    "nvvidconv": "videoconvert",
    "nvv4l2h264enc ! h264parse ! qtmux": "theoraenc ! oggmux",
    "format=NV12": "format=I420",
    "runtime=tensorrt": "runtime=onnxruntime",
    "leaky=downstream": "leaky=no",
}


@pytest.fixture
def examples() -> Path:
    """The folder of the examples, where the whole repository is here."""
    if not EXAMPLES.is_dir():
        pytest.skip("the examples are not beside these tests")
    return EXAMPLES


def bash(
    variables: dict[str, str], folder: Path, *command: object
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", *map(str, command)],
        cwd=folder,
        env={**variables, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


def frames(video: Path) -> list[np.ndarray]:
    capture, found = cv2.VideoCapture(str(video)), []
    while (step := capture.read())[0]:
        found.append(step[1])
    return found


@pytest.mark.gstreamer
def test_the_example_runs(gstreamer: dict[str, str], tmp_path: Path, examples: Path) -> None:
    done = bash(gstreamer, tmp_path, examples / "gst_launch.sh", "fused.ogv")
    assert done.returncode == 0, done.stderr
    found = frames(tmp_path / "fused.ogv")
    assert [frame.shape for frame in found] == [(180, 320, 3)] * 30
    assert found[0].std() > 5


@pytest.mark.gstreamer
def test_a_virtual_environment_does_not_hide_the_bindings(
    gstreamer: dict[str, str], tmp_path: Path
) -> None:
    """GStreamer's Python takes the first `python3` of PATH for its own."""
    venv.create(tmp_path / "venv", symlinks=True)
    variables = {
        **gstreamer,
        "PATH": f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{gstreamer['PATH']}",
        "GST_REGISTRY": str(tmp_path / "fresh.bin"),
    }
    done = bash(variables, tmp_path, "-c", "gst-inspect-1.0 edgemeffuse")
    assert done.returncode == 0, done.stderr


@pytest.mark.gstreamer
def test_the_elements_of_the_jetson_script_are_linked_well(
    gstreamer: dict[str, str], tmp_path: Path, examples: Path
) -> None:
    script = (examples / "jetson_camera.sh").read_text(encoding="utf-8")
    for pattern, stand_in in STAND_INS.items():
        script, count = re.subn(pattern, stand_in, script)
        assert count, pattern
    (tmp_path / "jetson.sh").write_text(script, encoding="utf-8")
    variables = {**gstreamer, "BUNDLE": "ffmef-edge-2"}
    done = bash(variables, tmp_path, "jetson.sh", "fused.ogv")
    assert done.returncode == 0, done.stderr
    assert len(frames(tmp_path / "fused.ogv")) == 3


@pytest.mark.parametrize("name", ["gst_launch.sh", "jetson_camera.sh"])
def test_without_arguments_an_example_shows_its_usage(
    tmp_path: Path, name: str, examples: Path
) -> None:
    done = bash(dict(os.environ), tmp_path, examples / name)
    assert done.returncode == 1
    assert f"bash examples/{name} FUSED." in done.stderr


@pytest.mark.parametrize("name", ["jetson_camera.sh", "edge-mef-stream.service"])
def test_what_was_not_run_says_so(name: str, examples: Path) -> None:
    assert "NOT RUN by us" in (examples / name).read_text(encoding="utf-8").partition("\n\n")[0]


def pipelines() -> list[str]:
    """Return the blocks of the page that are marked to be run."""
    if not PAGE.is_file():
        return []
    marked = re.compile(r"<!-- launch -->\n```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return marked.findall(PAGE.read_text(encoding="utf-8"))


@pytest.mark.gstreamer
@pytest.mark.parametrize("script", pipelines(), ids=lambda text: text.split()[-1])
def test_a_pipeline_of_the_page_runs(
    gstreamer: dict[str, str], tmp_path: Path, script: str
) -> None:
    needed = {"pngdec", "pngenc", "theoraenc"} & set(re.findall(r"\w+", script))
    inspect = shutil.which("gst-inspect-1.0")
    assert inspect is not None
    for element in sorted(needed):
        if subprocess.run([inspect, "--exists", element], check=False).returncode != 0:
            pytest.skip(f"GStreamer has no {element} here")
    for name, frame in zip(("under", "over"), demo_bracket(96, 128).exposures, strict=True):
        write_picture(tmp_path / f"{name}.png", frame)
    done = bash(gstreamer, tmp_path, "-euc", script)
    assert done.returncode == 0, done.stderr
    if (tmp_path / "fused.png").exists():
        wanted = edge_mef.fuse(tmp_path / "under.png", tmp_path / "over.png")
        assert np.array_equal(read_picture(tmp_path / "fused.png").pixels, wanted)


def test_the_page_shows_pipelines() -> None:
    if not PAGE.is_file():
        pytest.skip("the documentation is not beside these tests")
    assert len(pipelines()) >= 3
