"""Programs of the system that tell something: run once, or read line by line. None may hang us."""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edge_mef.benchmarks.sensors.sensor import NotMeasuredError

PATIENCE = 5.0  # seconds that a program may take to answer
Runner = Callable[[Sequence[str]], str]


def find_tool(root: Path, name: str) -> str | None:
    """Return where a program is: on the path of this machine, or in the tree of another one."""
    if root == Path("/"):
        return shutil.which(name)
    paths = (root / folder / name for folder in ("usr/bin", "usr/sbin", "bin"))
    return next((str(path) for path in paths if path.is_file()), None)


def run_tool(words: Sequence[str], patience: float = PATIENCE) -> str:
    """Return what a program prints; raises with the reason where it fails, or does not end."""
    process = _start(words)
    try:
        output, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        raise NotMeasuredError(f"{words[0]} did not answer within {patience:g} s") from None
    finally:
        _end(process)
    text = output.decode(errors="replace").strip()
    if process.returncode:
        said = text.splitlines()[0] if text else "nothing"
        raise NotMeasuredError(f"{words[0]} left with {process.returncode} and said: {said}")
    return text


class LineReader:
    """A program that prints a line for every reading, until it is stopped (not on Windows)."""

    def __init__(self, words: Sequence[str]) -> None:
        self._name = words[0]
        self._process = _start(words)
        self._rest = b""

    def newest(self, patience: float) -> str:
        """Wait for at least one more line, and return the last that is complete."""
        end = time.monotonic() + patience
        while b"\n" not in self._rest:
            self._rest += self._more(end - time.monotonic(), patience)
        *lines, self._rest = self._rest.split(b"\n")
        return lines[-1].decode(errors="replace").strip()

    def _more(self, seconds: float, patience: float) -> bytes:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        ready = select.select([pipe], [], [], max(0.0, seconds))[0]
        if not ready:
            raise NotMeasuredError(f"{self._name} printed no line within {patience:g} s")
        found = os.read(pipe, 65536)
        if not found:
            raise NotMeasuredError(f"{self._name} ended before it was stopped")
        return found

    def close(self) -> None:
        """End the program."""
        _end(self._process)


def _start(words: Sequence[str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A group of its own, so that a script is ended with all that it has started.
            start_new_session=True,
        )
    except OSError as error:
        said = error.strerror or str(error)
        raise NotMeasuredError(f"{words[0]} could not be started: {said}") from error


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a program and what it started, and give its pipe back."""
    # Only before its end is seen: after that its number may be another program's.
    if process.poll() is None:
        _kill(process)
    if process.stdout is not None:
        process.stdout.close()
    # Nothing more can be done for one that does not even end then.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=PATIENCE)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if sys.platform == "win32":
        process.kill()
        return
    # It may have ended meanwhile, or have become another user's.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
