"""A lock between processes that dies with its holder."""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from edge_mef.runtimes.build_watch import watcher

_LOOK = 0.1  # seconds between two tries: so Ctrl-C is heard


@contextlib.contextmanager
def file_lock(path: Path, note: str) -> Iterator[None]:
    """Hold the lock inside of the block; while another process does, the watcher hears `note`.

    The system frees it when its holder ends in any way, a kill too. The file stays, and is empty.
    Where no file can be made or locked, such as on a read-only disk, nothing is held.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("ab")
    except OSError:
        yield
        return
    with stream:
        held = _wait(stream, note)
        try:
            yield
        finally:
            if held:
                _release(stream)


def _wait(stream: IO[bytes], note: str) -> bool:
    """Wait for the lock; False where this file system has none."""
    told = False
    while True:
        try:
            _try(stream)
        except BlockingIOError:
            if not told:
                watcher().note(note)
            told = True
            time.sleep(_LOOK)
        except OSError:
            return False
        else:
            return True


if sys.platform == "win32":
    import msvcrt

    def _try(stream: IO[bytes]) -> None:
        stream.seek(0)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error

    def _release(stream: IO[bytes]) -> None:
        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try(stream: IO[bytes]) -> None:
        # Not lockf, which two threads of one process would both be given.
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_UN)
