"""The temporary folder of a conversion, and what is said where its disk is full.

Converters write files of their own. On a full disk some raise an `OSError`, others say that they
could not convert the model, or notice only when they read it back; so the disk is asked.
"""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_mef.errors import OutputError

_ROOM = 1 << 20  # bytes, more than any file of ours
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def conversion_folder() -> Iterator[Path]:
    """Give a folder that is gone at the end, whatever happens in it.

    Raises:
        OutputError: something failed, and the folder's disk is full.
    """
    place = tempfile.gettempdir()
    try:
        with tempfile.TemporaryDirectory(prefix="edge-mef-") as folder:
            try:
                yield Path(folder)
            except Exception as error:
                if _is_full(error) or _is_full(error.__cause__) or not _has_room(Path(folder)):
                    raise _full(place) from error
                raise
    except OSError as error:  # of the folder itself
        if _is_full(error):
            raise _full(place) from error
        raise


def _has_room(folder: Path) -> bool:
    try:
        (folder / "room").write_bytes(bytes(_ROOM))
    except OSError as error:
        return not _is_full(error)
    return True


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in _FULL


def _full(place: str) -> OutputError:
    return OutputError(
        f"the disk of the temporary folder '{place}' is full: make room there, or name another "
        "folder in the variable TMPDIR"
    )
