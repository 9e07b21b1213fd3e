"""The memory of one subject in a process of its own: true peaks, and reasons instead of errors."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from edge_mef.benchmarks import footprint
from edge_mef.benchmarks.footprint import (
    Footprint,
    FootprintRequest,
    Frame,
    forget_peak,
    measure_footprint,
    peak_bytes,
)
from edge_mef.runtimes.onnxruntime import OnnxRuntime
from tests.conftest import ROOT, python_environment

MIB = 2**20
LONGEST = 60  # seconds
ours = FootprintRequest(270, 480, bundle="ffmef-edge", runtime="onnxruntime", threads=1)
NEEDS_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="uses /proc")


@pytest.fixture(autouse=True)
def child_imports_this_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def child(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """Have another program stand in for Python."""
    program = folder / "python"
    program.write_text(f"#!{sys.executable} -IS\nimport os, signal, sys, time\n{code}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


def mertens(height: int, width: int) -> Footprint:
    return measure_footprint(
        FootprintRequest(height, width, peer="mertens", threads=1), timeout=LONGEST
    )


def test_a_bundle(capfd: pytest.CaptureFixture[str]) -> None:
    found = measure_footprint(ours, timeout=LONGEST)
    assert found.reason is None
    assert found.device_bytes is None
    assert found.peak_bytes is not None
    assert found.before_bytes is not None
    # Two sessions and their arenas, on top of Python with numpy, OpenCV and ONNX Runtime.
    assert 5 * MIB < found.peak_bytes - found.before_bytes < 120 * MIB
    assert 40 * MIB < found.before_bytes < 400 * MIB
    assert capfd.readouterr() == ("", "")


def test_the_peak_grows_with_the_frame() -> None:
    """Mertens holds pyramids of floats; what its libraries take once is in both peaks."""
    small, large = mertens(270, 480), mertens(1080, 1920)
    taken = []
    for found in (small, large):
        assert found.peak_bytes is not None
        assert found.before_bytes is not None
        taken.append(found.peak_bytes - found.before_bytes)
    assert 40 < (taken[1] - taken[0]) / (1080 * 1920 - 270 * 480) < 160


@NEEDS_LINUX
def test_what_was_before_is_forgotten() -> None:
    code = """
import json
from edge_mef.benchmarks.footprint import forget_peak, peak_bytes
block = bytearray(b"x") * 200_000_000
high = peak_bytes()
del block
before_reset = peak_bytes()
problem = forget_peak()
low = peak_bytes()
block = bytearray(b"x") * 50_000_000
print(json.dumps([high, before_reset, problem, low, peak_bytes()]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=python_environment(),
        capture_output=True,
        check=True,
        timeout=LONGEST,
    )
    high, before_reset, problem, low, after = json.loads(done.stdout)
    if problem is not None:
        pytest.skip(problem)
    assert before_reset == pytest.approx(high, abs=MIB)
    assert low < high - 190_000_000
    assert after - low == pytest.approx(50_000_000, rel=0.05)


@NEEDS_LINUX
def test_making_the_frames_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(request: FootprintRequest) -> tuple[Frame, ...]:
        block = np.ones(300_000_000, np.uint8)
        return (np.full((64, 96, 3), block[0]), np.full((64, 96, 3), 200, np.uint8))

    monkeypatch.setattr(footprint, "_frames", greedy)
    problem = forget_peak()
    if problem is not None:
        pytest.skip(problem)
    started = peak_bytes()
    found = footprint._measure(FootprintRequest(64, 96, peer="mertens"))
    assert found.peak_bytes is not None
    assert found.peak_bytes < started + 100_000_000


def test_a_peak_that_cannot_be_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts where it rose; else it is that of what came first."""
    request = FootprintRequest(64, 96, peer="mertens")
    monkeypatch.setattr(footprint, "forget_peak", lambda: "it is not allowed")
    peaks = iter([100, 100])
    monkeypatch.setattr(footprint, "peak_bytes", lambda: next(peaks))
    found = footprint._measure(request)
    assert (found.peak_bytes, found.before_bytes) == (None, 100)
    assert found.reason == "making the frames took more than fusing, and it is not allowed"
    peaks = iter([100, 120])
    assert footprint._measure(request) == Footprint(120, 100)


@NEEDS_LINUX
def test_reading_proc(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("VmPeak:\t  9 kB\nVmHWM:\t  1234 kB\nVmRSS:\t 5 kB\n")
    assert peak_bytes(tmp_path) == 1234 * 1024
    assert forget_peak(tmp_path) is None
    assert (tmp_path / "clear_refs").read_bytes() == b"5"
    (tmp_path / "status").write_text("VmRSS:\t 5 kB\n")  # some containers tell no peak
    assert peak_bytes(tmp_path) > MIB
    reason = forget_peak(tmp_path / "missing")
    assert reason is not None
    assert "No such file" in reason


def test_the_device_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OnnxRuntime, "device_bytes", lambda runtime: 77, raising=False)
    found = footprint._measure(FootprintRequest(64, 96, bundle="ffmef-edge", threads=1))
    assert found.device_bytes == 77


def test_one_subject_is_asked_for() -> None:
    with pytest.raises(ValueError, match="either a bundle or a peer"):
        FootprintRequest(64, 96)
    with pytest.raises(ValueError, match="either a bundle or a peer"):
        FootprintRequest(64, 96, bundle="ffmef-edge", peer="mertens")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bundle": "nothing"}, "'nothing' is not a bundle"),
        ({"bundle": "ffmef-edge", "runtime": "x"}, "there is no runtime called 'x'"),
        ({"peer": "nobody"}, "there is no peer called 'nobody'"),
        ({"peer": "meflut", "exposures": 5}, "for 2, 3, 4 exposures, found 5"),
    ],
)
def test_errors_become_reasons(changes: dict[str, Any], reason: str) -> None:
    found = footprint._answer(FootprintRequest(64, 96, **changes))
    assert found == Footprint(reason=found.reason)
    assert found.reason is not None
    assert reason in found.reason


def test_no_memory_becomes_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(request: FootprintRequest) -> None:
        raise MemoryError

    monkeypatch.setattr(footprint, "_frames", fail)
    found = footprint._answer(FootprintRequest(64, 96, peer="mertens"))
    assert found == Footprint(reason="the memory of this machine was not enough")


def test_a_crash_of_the_real_child(capfd: pytest.CaptureFixture[str]) -> None:
    request = FootprintRequest(-1, 96, peer="mertens")
    found = measure_footprint(request, timeout=LONGEST)
    assert found == Footprint(reason=found.reason)
    assert found.reason is not None
    assert found.reason.startswith("it ended with 1: ")
    assert "\n" not in found.reason
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform == "win32", reason="a script stands in for Python")
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed (signal 9)"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "it ended with -11"),
        ("sys.exit('terminate called after throwing')", "it ended with 1: terminate called"),
        ("print('no JSON')", "it ended with 0"),
        ("print('[1]')", "it ended with 0"),
        ("time.sleep(60)", "it did not end within 0.5 s"),
        ("sys.stdin.close(); time.sleep(60)", "it did not end within 0.5 s"),
    ],
)
def test_a_child_that_fails(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    code: str,
    reason: str,
) -> None:
    child(monkeypatch, tmp_path, code)
    limit = 0.5 if "sleep" in code else LONGEST
    started = time.monotonic()
    found = measure_footprint(ours, timeout=limit)
    assert time.monotonic() - started < 10
    assert found == Footprint(reason=found.reason)
    assert found.reason is not None
    assert reason in found.reason
    assert capfd.readouterr() == ("", "")


def test_python_cannot_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    found = measure_footprint(ours, timeout=LONGEST)
    assert found == Footprint(reason="no process could be started: No such file or directory")


def test_what_libraries_print_is_no_answer() -> None:
    code = """
import os
from edge_mef.benchmarks import footprint
def measure(request):
    os.write(1, b"a banner of C")
    print("one of Python")
    return footprint.Footprint(3, 2)
footprint._measure = measure
footprint.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=python_environment(),
        input=json.dumps(asdict(ours)).encode(),
        capture_output=True,
        check=True,
        timeout=LONGEST,
    )
    assert json.loads(done.stdout) == asdict(Footprint(3, 2))
    assert b"a banner of C" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a script stands in for Python")
def test_ctrl_c_kills_the_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    number = tmp_path / "pid"
    part = tmp_path / "part"
    child(
        monkeypatch,
        tmp_path,
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        f"open({str(part)!r}, 'w').write(str(os.getpid()))\n"
        f"os.rename({str(part)!r}, {str(number)!r})\ntime.sleep(60)",
    )

    def press_when_started() -> None:
        while not number.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=press_when_started)
    try:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            measure_footprint(ours, timeout=LONGEST)
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    assert not psutil.pid_exists(int(number.read_text()))
