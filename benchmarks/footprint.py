"""The peak memory of the host while one subject fuses, measured in a process of its own.

A peak belongs to a process and never falls, so every subject gets a new one:

    python -m edge_mef.benchmarks.footprint < REQUEST.json

prints the numbers as JSON. Linux tells the peak as VmHWM (proc(5)), and forgets it on request, so
that making the frames does not count. Its ru_maxrss is not used: a child begins with its parent's.
"""

import contextlib
import ctypes
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from edge_mef.benchmarks.peers.table import PEERS, open_peer
from edge_mef.benchmarks.speed import limit_libraries
from edge_mef.errors import EdgeMefError
from edge_mef.fuser import Fuser
from edge_mef.runtimes.table import RUNTIMES

Frame = NDArray[np.uint8]
_PROCESS = Path("/proc/self")
_FORGET_PEAK = b"5"  # proc(5), clear_refs
_FUSIONS = 2  # the second one has what the first one allocated, and may need more
_KILLED = -9


@dataclass(frozen=True)
class FootprintRequest:
    """What is measured: a bundle or a peer, and frames of a size.

    Attributes:
        bundle: a folder, or the name of one that comes with EdgeMEF. peer: a name of `PEERS`.
            Exactly one of them is given.
        runtime: a name of `RUNTIMES`; None takes what runs here, and counts its import too.
        provider: what the runtime computes on; None is its default.
        threads: of the runtime, OpenCV and torch; None for all.
    """

    height: int
    width: int
    bundle: str | None = None
    peer: str | None = None
    runtime: str | None = None
    provider: str | None = None
    threads: int | None = None
    exposures: int = 2

    def __post_init__(self) -> None:
        if (self.bundle is None) == (self.peer is None):
            raise ValueError("expected either a bundle or a peer")


@dataclass(frozen=True)
class Footprint:
    """Bytes; what could not be measured is None, and `reason` says why `peak_bytes` is.

    Attributes:
        peak_bytes: of the whole process: Python, libraries, frames, and fusing.
        before_bytes: the same when frames and imports were there, and nothing was opened.
        device_bytes: what the runtime has on its device; None where it does not tell.
    """

    peak_bytes: int | None = None
    before_bytes: int | None = None
    device_bytes: int | None = None
    reason: str | None = None


def measure_footprint(request: FootprintRequest, *, timeout: float) -> Footprint:
    """Fuse twice in a new process, and return its peak; whatever fails there becomes a reason.

    Args:
        timeout: seconds after which the process is killed.
    """
    # Warnings would be seen by nobody, and must not become errors because they are some here.
    command = [sys.executable, "-W", "ignore", "-m", "edge_mef.benchmarks.footprint"]
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
    except OSError as error:
        return Footprint(reason=f"no process could be started: {error.strerror or error}")
    with process:
        try:
            output, said = process.communicate(json.dumps(asdict(request)).encode(), timeout)
        except subprocess.TimeoutExpired:
            return Footprint(reason=f"it did not end within {timeout:g} s")
        finally:
            process.kill()  # Ctrl-C too; one that has ended is left alone
            process.wait()
    return _read_answer(process.returncode, output, said)


def _read_answer(code: int, output: bytes, said: bytes) -> Footprint:
    if code == _KILLED:
        return Footprint(reason="it was killed (signal 9): most likely the memory was not enough")
    try:
        return Footprint(**json.loads(output))
    except (ValueError, TypeError):
        lines = said.decode(errors="replace").strip().splitlines()
        last = f": {lines[-1]}" if lines else ""
        return Footprint(reason=f"it ended with {code}{last}")


def main() -> None:
    """Measure what stdin asks for, and print the numbers as JSON."""
    with _stdout_kept() as answer:
        request = FootprintRequest(**json.load(sys.stdin))
        os.write(answer, json.dumps(asdict(_answer(request))).encode())


@contextlib.contextmanager
def _stdout_kept() -> Iterator[int]:
    """Send to stderr what libraries print, those in C too; yield the true stdout."""
    answer = os.dup(1)
    os.dup2(2, 1)
    try:
        yield answer
    finally:
        os.close(answer)


def _answer(request: FootprintRequest) -> Footprint:
    try:
        return _measure(request)
    except EdgeMefError as error:
        return Footprint(reason=str(error))
    except MemoryError:
        return Footprint(reason="the memory of this machine was not enough")


def _measure(request: FootprintRequest) -> Footprint:
    frames = _frames(request)
    _import_subject(request)
    limit_libraries(request.threads)
    problem = forget_peak()
    before = peak_bytes()
    device = _fuse(request, frames)
    peak = peak_bytes()
    if problem is not None and peak <= before:
        # It is the peak of what came first; had fusing taken more, it would have risen.
        hidden = f"making the frames took more than fusing, and {problem}"
        return Footprint(None, before, device, hidden)
    return Footprint(peak, before, device)


def _frames(request: FootprintRequest) -> tuple[Frame, ...]:
    """Make exposures of noise: memory does not depend on pixels, and rendering takes seconds."""
    drawn = np.random.default_rng(0)
    shape = (request.height, request.width, 3)
    return tuple(drawn.integers(0, 256, shape, np.uint8) for _ in range(request.exposures))


def _import_subject(request: FootprintRequest) -> None:
    row = PEERS.get(request.peer or "") or RUNTIMES.get(request.runtime or "")
    # What is missing is said by those who open it.
    with contextlib.suppress(ImportError):
        if row is not None:
            importlib.import_module(row.module)


def _fuse(request: FootprintRequest, frames: Sequence[Frame]) -> int | None:
    """Open, fuse, and return the bytes on the runtime's device, where it tells."""
    if request.peer is not None:
        _repeat(open_peer(request.peer), frames)
        return None
    options: dict[str, Any] = {"runtime": request.runtime, "threads": request.threads}
    if request.provider is not None:
        options["provider"] = request.provider
    with Fuser.open(request.bundle, **options) as fuser:
        _repeat(lambda *given: fuser.fuse(*given, sort=False), frames)
        device_bytes = getattr(fuser.runtime, "device_bytes", None)
        return None if device_bytes is None else device_bytes()


def _repeat(call: Callable[..., Frame], frames: Sequence[Frame]) -> None:
    for _ in range(_FUSIONS):
        call(*frames)


def forget_peak(process: Path = _PROCESS) -> str | None:
    """Let the peak of this process begin anew; return why that cannot be done here, or None."""
    if sys.platform != "linux":
        return "this system does not forget a peak"
    # What was freed and not yet given back would hide as much of what fusing takes. glibc only.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        (process / "clear_refs").write_bytes(_FORGET_PEAK)
    except OSError as error:
        return f"the kernel does not let the peak be forgotten ({error.strerror or error})"
    return None


def peak_bytes(process: Path = _PROCESS) -> int:
    """Return the most memory in bytes that this process has had in RAM at a time.

    Linux counts in batches of pages: it is off by some hundred kB.
    """
    if sys.platform == "linux":
        found = re.search(r"^VmHWM:\s*(\d+) kB", (process / "status").read_text(), re.MULTILINE)
        if found is not None:
            return int(found[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()
