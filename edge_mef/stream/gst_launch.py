"""GStreamer in a process of its own: `gst-launch-1.0` reads or writes raw frames at our end.

So neither its Python bindings nor an OpenCV that was built with it are needed, and whatever
happens to a pipeline cannot take this process down.
"""

import os
import re
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import psutil
from numpy.typing import NDArray

from edge_mef.errors import InputError, MissingError

PROGRAM = "gst-launch-1.0"
_PATIENCE = 5.0  # seconds that a pipeline may do nothing before it ends
_LOOK, _WORKING = 0.25, 0.03  # seconds between looks, and of CPU time that are work
_KEPT = 50  # lines of what it said


def find_program() -> str:
    """Return the path of gst-launch-1.0.

    Raises:
        MissingError: it is not installed, or this system cannot hand pipes to it.
    """
    if os.name != "posix":
        raise MissingError("pipelines of GStreamer need Linux or macOS: use files or cameras here")
    found = shutil.which(PROGRAM)
    if found is None:
        raise MissingError(
            f"pipelines need GStreamer's '{PROGRAM}', which is not installed: on Debian, apt "
            "install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
        )
    return found


def split_pipeline(text: str) -> list[str]:
    """Return the words of a pipeline as a shell would.

    Raises:
        InputError: it is empty, or a quotation does not end.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InputError(f"the pipeline '{text}' cannot be read: {error}") from error
    if not words:
        raise InputError("expected a pipeline after 'gst:', such as gst:autovideosink, found none")
    return words


def files_of(words: Sequence[str]) -> list[Path]:
    """Return the files that a pipeline's words name as places to read from or write to."""
    return [Path(word.partition("=")[2]) for word in words if word.startswith("location=")]


def stride_of(width: int) -> int:
    """Return the bytes of a row of RGB as GStreamer lays it out: a multiple of 4."""
    return (3 * width + 3) // 4 * 4


def padded(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (H, W, 3) pixels as contiguous rows of `stride_of` bytes."""
    height, width, _ = pixels.shape
    stride = stride_of(width)
    if stride == 3 * width:
        return np.ascontiguousarray(pixels)
    rows = np.zeros((height, stride), np.uint8)
    rows[:, : 3 * width] = pixels.reshape(height, -1)
    return rows


class Launched:
    """A running pipeline; what it says on stderr is kept for the sentence about its end.

    `on_line` is given the lines of its stdout, and None after the last, in a thread of its own.
    """

    def __init__(
        self,
        words: Sequence[str],
        on_line: Callable[[str | None], None] | None = None,
        **pipes: object,
    ) -> None:
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            [find_program(), *words],
            stdout=subprocess.DEVNULL if on_line is None else subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us, who then end it in order
            env={**os.environ, "LANGUAGE": "en"},  # its words are looked for
            **pipes,  # type: ignore[call-overload]
        )
        self._said: list[str] = []
        self._asked = False  # whether it had to be asked to end
        self._listeners = [
            threading.Thread(target=_listen, args=(pipe, heard), daemon=True)
            for pipe, heard in ((self.process.stderr, self._keep), (self.process.stdout, on_line))
            if pipe is not None and heard is not None
        ]
        for listener in self._listeners:
            listener.start()

    def _keep(self, line: str | None) -> None:
        if line is not None and len(self._said) < _KEPT:
            self._said.append(line.strip())

    def why(self) -> str:
        """Return what went wrong as far as it said so."""
        errors = [line for line in self._said if re.match(r"(ERROR|WARNING: erroneous)", line)]
        told = re.sub(r"^(ERROR|WARNING): (from element \S+: )?", "", errors[0]) if errors else ""
        if not told and self._asked:
            return f"it did nothing for {_PATIENCE:g} seconds, and was stopped"
        return told.rstrip(".") or f"it ended with {self.process.poll()}"

    def end(self) -> int:
        """Wait for its end, and return its exit code.

        It may take as long as it works, as encoders do that look ahead. Where it does nothing it is
        asked to end, and then made to.
        """
        try:
            code = self._wait()
        except BaseException:  # a signal: leave no process behind
            self.process.kill()
            self.process.wait()
            raise
        for listener in self._listeners:
            listener.join(1.0)
        return code

    def _wait(self) -> int:
        if not self._ended_by_itself():
            self._asked = True
            self.process.terminate()
            try:
                return self.process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def _ended_by_itself(self) -> bool:
        """Wait while it works; False where it has done nothing for a while."""
        used, since = self._cpu_seconds(), time.monotonic()
        while time.monotonic() - since < _PATIENCE:
            try:
                self.process.wait(_LOOK)
            except subprocess.TimeoutExpired:
                now = self._cpu_seconds()
                if now - used > _WORKING:
                    used, since = now, time.monotonic()
            else:
                return True
        return False

    def _cpu_seconds(self) -> float:
        try:
            times = psutil.Process(self.process.pid).cpu_times()
        except psutil.Error:  # it has just ended
            return 0.0
        return float(times.user + times.system)


def _listen(pipe: IO[bytes], heard: Callable[[str | None], None]) -> None:
    with pipe:
        for line in pipe:
            heard(line.decode(errors="replace"))
    heard(None)
