"""What a command shows of the engines that are built while it runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from edge_mef.cli.progress import Bar
from edge_mef.runtimes.build_watch import BuildWatcher, watched


class ShownBuilds(BuildWatcher):
    """Prints notes as they come, and a bar from the first phase on; `notes` keeps them."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._bar: Bar | None = None
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Print a note on stderr, between bars."""
        self.end_bar()
        self.notes.append(text)
        if self._shown:
            typer.echo(f"note: {' '.join(text.split())}", err=True)

    def progress(self, phase: str, done: int, total: int) -> None:
        """Move the bar."""
        if self._bar is None:
            self._bar = Bar(phase, shown=self._shown)
            self._bar.__enter__()
        self._bar.update(phase, done, total)

    def end_bar(self) -> None:
        """Leave the bar, where there is one."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
        self._bar = None


@contextmanager
def shown_builds(*, shown: bool) -> Iterator[ShownBuilds]:
    """Show what is built inside of the block, or only keep the notes."""
    builds = ShownBuilds(shown=shown)
    try:
        with watched(builds):
            yield builds
    finally:
        builds.end_bar()
