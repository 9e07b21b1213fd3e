"""Processes that want the same engine at once: one builds, the others wait, and load it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="models for the stand-in are made with onnx")

from edge_mef.runtimes.build_watch import BuildWatcher, watched
from edge_mef.runtimes.file_lock import file_lock
from edge_mef.runtimes.tensorrt import TensorRTRuntime
from tests.conftest import LONGEST_RUN, python_environment
from tests.runtimes.trt_device import Device, expected, frames, make_bundle

CHILD = """
import sys
import time
from pathlib import Path
import numpy as np
import pytest
from edge_mef.bundle import load_bundle
from edge_mef.runtimes.build_watch import BuildWatcher, watched
from edge_mef.runtimes.tensorrt import TensorRTRuntime
from tests.runtimes.trt_device import expected, frames, make_device

class Listener(BuildWatcher):
    def note(self, text):
        print(text, flush=True)

    def progress(self, phase, done, total):
        while not Path(sys.argv[3]).exists():
            time.sleep(0.02)

device = make_device(pytest.MonkeyPatch(), Path(sys.argv[2]))
bundle = load_bundle(sys.argv[1])
with watched(Listener()), TensorRTRuntime(bundle) as runtime:
    right = np.array_equal(runtime.run(frames(20, 30)), expected(bundle, frames(20, 30)))
    print(len(device.trt.builds), right, runtime.describe()["engine"], flush=True)
"""
BUILDING, WAITING = "building a TensorRT engine", "another process builds this engine"


class Program:
    """A process that opens the bundle, and builds for as long as the file `go` is not there."""

    def __init__(self, folder: Path, go: Path) -> None:
        command = [sys.executable, "-c", CHILD, folder / "bundle", folder / "cache", go]
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=python_environment(),
        )

    def hears(self, beginning: str) -> bool:
        """Wait for the next line; say whether it begins so."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().startswith(beginning)

    def end(self) -> str:
        """Wait for the last line."""
        out, _ = self.process.communicate(timeout=LONGEST_RUN)
        assert self.process.returncode == 0
        return out.splitlines()[-1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_bundle(tmp_path / "bundle")
    return tmp_path


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    started: list[Program] = []
    yield started
    for program in started:
        program.process.kill()
        program.process.wait()
        assert program.process.stdout is not None
        program.process.stdout.close()


def in_cache(folder: Path) -> list[str]:
    engines = folder / "cache" / "engines"
    return sorted(path.suffix or path.name for path in engines.rglob("*") if path.is_file())


def test_the_second_loads_what_the_first_built(folder: Path, programs: list[Program]) -> None:
    go = folder / "go"
    programs.append(Program(folder, go))
    assert programs[0].hears(BUILDING)
    programs.append(Program(folder, go))
    assert programs[1].hears(WAITING)
    go.touch()
    assert programs[0].end().startswith("1 True built in")
    assert programs[1].end() == "0 True cached"
    assert in_cache(folder) == [".engine", ".json", ".json"]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX")
def test_the_second_builds_where_the_first_is_killed(folder: Path, programs: list[Program]) -> None:
    programs.append(Program(folder, folder / "never"))
    assert programs[0].hears(BUILDING)
    programs.append(Program(folder, folder / "bundle"))
    assert programs[1].hears(WAITING)
    programs[0].process.send_signal(signal.SIGKILL)
    assert programs[1].end().startswith("1 True built in")
    assert in_cache(folder) == [".engine", ".json", ".json"]


def test_two_threads_of_a_program_build_once(device: Device, folder: Path) -> None:
    device.trt.seconds = 0.3
    bundle = make_bundle(folder / "other")
    sources: list[str] = []

    def work() -> None:
        with TensorRTRuntime(bundle) as runtime:
            sources.append(runtime.describe()["engine"].partition(" ")[0])

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sources) == ["built", "cached"]
    assert len(device.trt.builds) == 1


def test_what_a_killed_process_left_is_removed(device: Device, folder: Path) -> None:
    bundle = make_bundle(folder / "other")
    TensorRTRuntime(bundle).close()
    (engine,) = device.engines()
    engine.write_bytes(engine.read_bytes()[:-1])
    (engine.parent / ".edge-mef-0123456789abcdef.part").write_bytes(b"half an engine")
    with TensorRTRuntime(bundle) as runtime:
        assert np.array_equal(runtime.run(frames(16, 16)), expected(bundle, frames(16, 16)))
    assert in_cache(folder) == [".engine", ".json", ".json"]


def test_a_failed_build_lets_the_next_one_go(device: Device, folder: Path) -> None:
    bundle = make_bundle(folder / "other")
    device.trt.faults["build"] = 1
    with pytest.raises(Exception, match="could not build"):
        TensorRTRuntime(bundle)
    TensorRTRuntime(bundle).close()
    assert len(device.trt.builds) == 1


def test_the_lock_itself(tmp_path: Path) -> None:
    path, heard, order = tmp_path / "locks" / "a.lock", list[str](), list[str]()

    class Listener(BuildWatcher):
        def note(self, text: str) -> None:
            heard.append(text)
            release.set()

    release = threading.Event()

    def second() -> None:
        with watched(Listener()), file_lock(path, "wait"):
            order.append("second")

    with file_lock(path, "wait"):
        thread = threading.Thread(target=second)
        thread.start()
        assert release.wait(20)
        order.append("first")
    thread.join()
    assert (heard, order) == (["wait"], ["first", "second"])
    assert path.read_bytes() == b""


def test_where_no_lock_can_be_made_work_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with file_lock(tmp_path / "file" / "a.lock", "wait"):
        pass

    def none(*_: object) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr("edge_mef.runtimes.file_lock._try", none)
    with file_lock(tmp_path / "a.lock", "wait"):
        pass
