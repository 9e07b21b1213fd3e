"""Who is told what a build does: nobody, unless a command line asks for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class BuildWatcher:
    """Hears of builds, which take minutes; this one keeps it to itself.

    TensorRT calls `progress` from threads of its own.
    """

    def note(self, text: str) -> None:
        """Hear why something is built, or what came of it."""

    def progress(self, phase: str, done: int, total: int) -> None:
        """Hear that a phase has `done` of `total` steps behind it."""


_WATCHER: ContextVar[BuildWatcher | None] = ContextVar("build_watcher", default=None)


def watcher() -> BuildWatcher:
    """Return who is told."""
    return _WATCHER.get() or BuildWatcher()


@contextmanager
def watched(by: BuildWatcher) -> Iterator[None]:
    """Tell `by` of all builds inside of the block."""
    token = _WATCHER.set(by)
    try:
        yield
    finally:
        _WATCHER.reset(token)
