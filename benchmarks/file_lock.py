"""A lock on an open file, which the system takes back where its process ends."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edge_mef.errors import OutputError

PATIENCE = 10.0  # seconds; a line is written in milliseconds
_PAUSE = 0.02


@contextmanager
def locked(stream: IO[bytes], path: Path, *, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the only lock on a file; `OutputError` where others hold it longer than `patience`."""
    end = time.monotonic() + patience
    while not _try_lock(stream):
        if time.monotonic() > end:
            raise OutputError(
                f"'{path}' is being written to by another program for {patience:g} s: wait until "
                "that ends, or write to another file"
            )
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        _unlock(stream)


if sys.platform == "win32":
    import msvcrt

    _FAR = 2**62  # this byte stands for the file: Windows locks what it names for readers too

    def _try_lock(stream: IO[bytes]) -> bool:
        stream.seek(_FAR)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(stream: IO[bytes]) -> None:
        stream.seek(_FAR)
        msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(stream: IO[bytes]) -> bool:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_UN)
