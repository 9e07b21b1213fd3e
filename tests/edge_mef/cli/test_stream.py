"""edge-mef stream: from a folder to a sink, what it says, and its exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from edge_mef.fuser import fuse
from edge_mef.render.brackets import random_bracket
from edge_mef.stream.sinks.base import NullSink
from tests.conftest import RunCli, noise_stack

SIZE = (48, 64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve frames, dark and bright in turn."""
    stack = noise_stack(2, SIZE)
    (tmp_path / "camera").mkdir()
    for index in range(12):
        Image.fromarray(stack[index % 2]).save(tmp_path / "camera" / f"{index}.png")
    return tmp_path / "camera"


def test_it_fuses_a_folder_into_a_folder(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    result = run_cli("stream", "--source", folder, "--sink", tmp_path / "fused")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("6 fused of 12 frames in ")
    assert "none dropped" in result.out
    found = sorted((tmp_path / "fused").iterdir())
    assert len(found) == 6
    expected = fuse(*noise_stack(2, SIZE), sort=False)
    for path in found:
        np.testing.assert_array_equal(np.asarray(Image.open(path)), expected)


def test_it_answers_in_json(run_cli: RunCli, folder: Path) -> None:
    (folder / "5.png").write_text("damaged")
    result = run_cli(
        "stream", "--source", folder, "--overlap", "--json", "--bundle", "ffmef-edge-2"
    )
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    assert (found["frames_read"], found["bad"], found["ended"]) == (11, 1, "end of the source")
    assert found["fused"] == found["brackets"] == 9
    assert found["p99_ms"] >= found["p50_ms"] > 0
    assert "5.png" in found["notes"][0]


def test_it_writes_a_video_at_half_the_rate(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "fused.avi"
    result = run_cli("stream", "--source", folder, "--sink", path, "--loops", "2")
    assert (result.code, result.err) == (0, "")
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FPS) == 15
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 12


def test_nothing_fused_is_no_success(run_cli: RunCli, folder: Path) -> None:
    result = run_cli("stream", "--source", folder, "--step", "30")
    assert result.code == 2
    assert "11 repeated exposure, 1 left at the end" in result.out
    assert result.err.startswith("error: nothing was fused of 12 frames")


def test_it_ends_after_some_frames(run_cli: RunCli, folder: Path) -> None:
    result = run_cli("stream", "--source", folder, "--loops", "1000", "--frames", "5")
    assert result.code == 0
    assert result.out.startswith("5 fused of ")


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (("--source", "nowhere"), 2, "expected a folder, a video, a camera"),
        (("--source", "."), 2, "expected pictures in '.', found none"),
        (("--source", "camera", "--policy", "newest"), 2, "expected a policy of block"),
        (("--source", "camera", "--fps", "0"), 2, "expected 0.01 to 1000 for --fps"),
        (("--source", "camera", "--step", "0"), 2, "expected a step of more than 0"),
        (("--source", "camera", "--deadline", "-1"), 2, "0 ms for --deadline, found -1"),
        (("--source", "camera", "--sink", "camera"), 2, "is the source"),
        (("--source", "camera", "--slots", "1"), 2, "expected 3 to 64 slots, found 1"),
        (("--source", "camera", "--bundle", "nothing"), 2, "nothing"),
        (("--source", "camera", "--sink", "x.gif"), 2, "expected a folder or a video"),
        (("--source", "camera", "--motion-limit", "0.1"), 2, "is for --motion-guard"),
        (("--source", "camera", "--motion-guard", "--motion-limit", "2"), 2, "limit of motion"),
        (("--source", "/dev/video98"), 3, "no camera can be opened"),
        (
            ("--source", "camera", "--exposures", "3", "--bundle", "ffmef"),
            2,
            "fuses 2 exposures, found 3",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(
    run_cli: RunCli,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(folder.parent)
    result = run_cli("stream", *options)
    assert result.code == code
    assert sentence in result.sentence


def test_a_scene_that_moved_is_one_exposure(run_cli: RunCli, tmp_path: Path) -> None:
    """The picture jumps to the side between the two frames of the second half."""
    camera = tmp_path / "moving"
    camera.mkdir()
    dark, bright = random_bracket(1, height=180, width=320).exposures
    for index in range(8):
        moved = np.roll(bright, 40 if index > 3 else 0, axis=1)
        Image.fromarray(moved if index % 2 else dark).save(camera / f"{index}.png")
    options = ("--source", camera, "--sink", tmp_path / "fused", "--motion-guard")
    result = run_cli("stream", *options)
    assert (result.code, result.err) == (0, "")
    assert "; 2 moved; " in result.out
    shown = [np.asarray(Image.open(tmp_path / "fused" / f"00000{i}.png")) for i in range(4)]
    np.testing.assert_array_equal(shown[0], fuse(dark, bright, sort=False))
    exposures = [dark, np.roll(bright, 40, axis=1)]
    assert any(np.array_equal(shown[2], exposure) for exposure in exposures)
    np.testing.assert_array_equal(shown[2], shown[3])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to a child")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_and_the_video_is_whole(folder: Path, tmp_path: Path, number: int) -> None:
    path = tmp_path / "fused.avi"
    program = (
        "import signal; signal.signal(2, signal.default_int_handler)\n"
        "from edge_mef.cli import main; main()"
    )
    options = ["stream", "--source", str(folder), "--loops", "100000", "--sink", str(path)]
    child = subprocess.Popen(
        [sys.executable, "-c", program, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while sum(partial.stat().st_size for partial in tmp_path.glob(".edge-mef-*")) < 20_000:
        assert child.poll() is None
        time.sleep(0.05)
    os.kill(child.pid, number)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert err == "error: interrupted; what was fused is complete\n"
    count = cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT)
    told = int(out.split()[0])
    assert told > 5
    assert count - told in (0, 1)  # the last one may have been written, and not yet counted


SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore it
from edge_mef.stream.sinks import video
looked = video._frames_in
def slowly(path):
    sys.stderr.write("closing" + chr(10))
    sys.stderr.flush()
    time.sleep(1.0)
    return looked(path)
video._frames_in = slowly
from edge_mef.cli import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to a child")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("ended", ["by itself", "by a signal"])
def test_a_signal_while_the_video_is_closed(
    folder: Path, tmp_path: Path, number: int, ended: str
) -> None:
    """It comes between the last frame and the video's taking its place."""
    path = tmp_path / "fused.avi"
    frames = "8" if ended == "by itself" else "1000000"
    options = ["--source", str(folder), "--loops", "100000", "--frames", frames]
    child = subprocess.Popen(
        [sys.executable, "-c", SLOW, "stream", *options, "--sink", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    if ended == "by a signal":
        while sum(partial.stat().st_size for partial in tmp_path.glob(".edge-mef-*")) < 20_000:
            time.sleep(0.05)
        child.send_signal(number)
    assert child.stderr.readline() == "closing\n"
    child.send_signal(number)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert err == "error: interrupted; what was fused is complete\n"
    assert [found.name for found in tmp_path.glob("*.avi")] == ["fused.avi"]
    count = cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT)
    assert count - int(out.split()[0]) in (0, 1)


def test_a_source_that_fails_replaces_no_video(run_cli: RunCli, tmp_path: Path) -> None:
    camera, older = tmp_path / "camera.avi", tmp_path / "fused.avi"
    writer = cv2.VideoWriter(str(camera), cv2.VideoWriter.fourcc(*"MJPG"), 30, (320, 180))
    for index in range(20):
        frame = random_bracket(1, height=180, width=320).exposures[index % 2]
        writer.write(np.ascontiguousarray(frame[:, :, ::-1]))
    writer.release()
    camera.write_bytes(camera.read_bytes()[: camera.stat().st_size // 3])
    older.write_text("an older one")
    result = run_cli("stream", "--source", camera, "--sink", older)
    assert result.code == 2
    assert "it is damaged; " in result.err
    assert f"what was fused is in '{tmp_path}/fused-2.avi'" in result.err
    assert result.err.count("\n") == 1
    assert older.read_text() == "an older one"
    assert cv2.VideoCapture(f"{tmp_path}/fused-2.avi").read()[0]


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
def test_without_standard_streams(folder: Path, tmp_path: Path) -> None:
    program = 'exec "$0" -c "from edge_mef.cli import main; main()" "$@" <&- >&- 2>&-'
    options = ["stream", "--source", str(folder), "--sink", str(tmp_path / "fused")]
    done = subprocess.run(["bash", "-c", program, sys.executable, *options], check=False)
    assert done.returncode == 0
    assert (tmp_path / "fused" / "000000.png").exists()


class FinishingSink(NullSink):
    """Has much to do at the end, and is interrupted then."""

    waits = True

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1
        if self.closed == 1:
            raise KeyboardInterrupt


def test_a_sink_that_was_interrupted_is_not_complete(
    run_cli: RunCli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_mef.stream.places.open_sink", lambda *_, **__: FinishingSink())
    result = run_cli("stream", "--source", folder)
    assert result.code == 130
    assert "interrupted while the sink was finishing" in result.err
    assert "complete" not in result.err
