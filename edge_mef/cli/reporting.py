"""What commands share: one sentence for an error, JSON for programs, tables for people."""

import errno
import functools
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, ParamSpec, TypeVar

import typer

from edge_mef.errors import EdgeMefError

P = ParamSpec("P")
R = TypeVar("R")
INTERRUPTED = 130


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Turn errors of a command into one sentence on stderr and an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except EdgeMefError as error:
            raise fail(str(error), error.exit_code) from error
        except KeyboardInterrupt as error:
            raise fail("interrupted", INTERRUPTED) from error
        except MemoryError as error:
            raise fail("this machine's memory is not enough: use smaller frames", 2) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise typer.Exit(0) from error
            what = f"{error.filename}: " if error.filename else ""
            raise fail(f"{what}{error.strerror or error}", 2) from error

    return run


def fail(message: str, code: int) -> typer.Exit:
    """Print an error in one line; return the exception that leaves with the code."""
    typer.echo(f"error: {printable(' '.join(message.split()))}", err=True)
    return typer.Exit(code)


def printable(text: str) -> str:
    """Return a text without what a terminal would obey: escapes, line breaks, directions."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def print_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    typer.echo(json.dumps(value, indent=2, default=str))


def finite(value: float) -> float | None:
    """JSON has no infinity: the PSNR of equal pictures is null."""
    return value if math.isfinite(value) else None


def finite_values(values: Mapping[str, float]) -> dict[str, float | None]:
    """`finite` for every value."""
    return {name: finite(value) for name, value in values.items()}


def arrows() -> tuple[str, str]:
    """Arrows for larger and smaller, in words where the terminal's encoding has none."""
    try:
        "↑↓".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "larger", "smaller"
    return "↑", "↓"


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    whole: Sequence[int] = (),
) -> None:
    """Print a table; numbers are right-aligned, and columns in `whole` are not broken."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title, "bold"), title_justify="left", box=box.SIMPLE_HEAD)
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        side: Literal["left", "right"] = "right" if numeric else "left"
        table.add_column(column, justify=side, overflow="fold", no_wrap=index in whole)
    for row in rows:
        table.add_row(
            *(Text(f"{v:.4f}" if isinstance(v, float) else printable(str(v))) for v in row)
        )
    Console().print(table)


def _cell(value: object) -> str:
    """Return what a table shows of a value; lines of a text stay lines."""
    if isinstance(value, float):
        return f"{value:.4f}"
    return "\n".join(map(printable, str(value).split("\n")))
