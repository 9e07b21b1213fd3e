"""The answer of edge-mef bench: tables for people, records for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edge_mef.cli.reporting import print_json, print_table, printable

if TYPE_CHECKING:
    from edge_mef.benchmarks.records import Record

_COLUMNS = (
    "",
    "size",
    "streams",
    "ms",
    "±",
    "p99",
    "fps",
    "MiB",
    "mJ/frame",
    "MEF-SSIM",
)


def show(target: Path | None, records: Sequence[Record], kept: int, *, json: bool) -> None:
    """Print what was measured, and where how many of it are kept."""
    if not records:
        return
    if json:
        print_json([record.model_dump(mode="json") for record in records])
        return
    _print_records(records)
    for _, group in groupby(records, _group_of):
        _print_ratios(list(group))
    if target is not None:
        count = "1 record" if len(records) == 1 else f"{len(records)} records"
        if kept < len(records):
            count = f"{kept} of {count}"
        how = "appended to" if target.suffix == ".jsonl" else "written to"
        typer.echo(f"{count} {how} {target}")


def print_notes(notes: Iterable[str]) -> None:
    """Print notes on stderr."""
    for note in notes:
        typer.echo(f"note: {printable(note)}", err=True)


def _print_records(records: Sequence[Record]) -> None:
    rows = [_row(record) for record in records]
    told = [i for i in range(len(_COLUMNS)) if i < 1 or len({row[i] for row in rows} - {"-"}) > 0]
    columns = [_COLUMNS[i] for i in told]
    machine = records[0].machine
    # Above the table and not its title, which would be broken where the table is narrow.
    typer.echo(f"{machine.board or machine.cpu}, {_threads(records[0])}; medians in ms")
    print_table("", columns, [[row[i] for i in told] for row in rows], whole=(0, 1))


def _threads(record: Record) -> str:
    count = record.settings.threads
    return "all threads" if count is None else f"{count} thread{'' if count == 1 else 's'}"


def _row(record: Record) -> tuple[str, ...]:
    from edge_mef.benchmarks.report.figures import significant

    digits = partial(significant, thousands="")  # terminals need not know a narrow space
    summary, settings = record.series["end_to_end"].summary, record.settings
    interval = summary.intervals.get("median")
    rate, energy = record.throughput, record.joules_per_frame
    memory, quality = record.memory.host_peak_bytes, record.quality
    return (
        record.subject.title,
        f"{settings.height}x{settings.width}",
        "-" if settings.streams == 1 else str(settings.streams),
        digits(summary.median, 4),
        "-" if interval is None else digits((interval[1] - interval[0]) / 2, 3),
        digits(summary.p99, 4),
        "-" if rate is None else digits(rate.frames_per_second, 3),
        "-" if memory is None else f"{memory / 2**20:.0f}",
        "-" if energy is None else f"{1e3 * energy:.1f}",
        "-" if quality is None else f"{quality.values.get('MEF_SSIM', float('nan')):.4f}",
    )


def _group_of(record: Record) -> str:
    turns = record.settings.interleaved
    return record.id if turns is None else turns.group


def _print_ratios(records: Sequence[Record]) -> None:
    """Say how the others of a group compare with its first, pair by pair."""
    from edge_mef.benchmarks.compare import ratio_in_turn

    first, settings = records[0], records[0].settings
    for record in records[1:]:
        found, pairs = ratio_in_turn(first, record)
        if found is not None:
            typer.echo(
                f"{settings.height}x{settings.width}: {record.subject.title} takes "
                f"{found.ratio:.3g} times as long as {first.subject.title} ({found.low:.3g} to "
                f"{found.high:.3g} by {pairs} pairs)"
            )
