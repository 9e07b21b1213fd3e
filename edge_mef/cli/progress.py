"""A bar for work that takes a while, here or on another machine."""

import re
import time
from types import TracebackType

_PAUSE = 1.0  # seconds between two lines


class Bar:
    """A progress bar on stderr, where that is a terminal; use it as a context manager."""

    def __init__(self, what: str, *, shown: bool = True) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._shown = shown and console.is_terminal
        self._progress = Progress(console=console, disable=not self._shown)
        self._task = self._progress.add_task(what, total=None)
        self.done, self.total = 0, 0

    def update(self, name: str, done: int, total: int) -> None:
        """Show what begins, how many are done, and how many there are."""
        from rich.markup import escape

        self.done, self.total = done, total
        # A name may look like markup.
        self._progress.update(self._task, description=escape(name), completed=done, total=total)

    def __enter__(self) -> "Bar":
        if self._shown:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None and self.total:
            self._progress.update(self._task, completed=self.total)
        if self._shown:  # rich before 14 ends even a disabled bar with an empty line
            self._progress.stop()


class Lines:
    """Progress as lines on stderr, for a program at the other end that shows it (`show_line`)."""

    def __init__(self) -> None:
        self._last = 0.0

    def update(self, name: str, done: int, total: int) -> None:
        """Print a line, at most one a second."""
        import typer

        now = time.monotonic()
        if now - self._last >= _PAUSE:
            self._last = now
            typer.echo(f"progress {done}/{total} {name}", err=True)


def show_line(bar: Bar, line: str) -> None:
    """Show a line of another machine: progress on the bar, anything else as it is."""
    import typer

    told = re.fullmatch(r"progress (\d{1,9})/(\d{1,9}) (.*)", line)
    if told:
        bar.update(told[3], int(told[1]), int(told[2]))
    else:
        typer.echo(line, err=True)
