"""edge-mef compare."""

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from edge_mef.cli.options import Json
from edge_mef.cli.reporting import print_json, print_table, printable
from edge_mef.errors import GateError, InputError

if TYPE_CHECKING:
    from edge_mef.benchmarks.compare import Comparison
    from edge_mef.benchmarks.records import Record

# Said once more here: to import the records takes longer than help may.
_Phase = Literal["end_to_end", "copy_in", "compute", "copy_out"]


def compare(
    before: Annotated[
        str, typer.Argument(metavar="RECORD", help="The first: a .json, or FILE@ID of a history.")
    ],
    after: Annotated[str, typer.Argument(metavar="RECORD", help="The second.")],
    fail_if_slower: Annotated[
        str | None,
        typer.Option("--fail-if-slower", help="Leave with 1 if slower by more, such as 5%."),
    ] = None,
    phase: Annotated[
        str, typer.Option("--phase", help="end_to_end, copy_in, compute or copy_out.")
    ] = "end_to_end",
    level: Annotated[
        float, typer.Option("--level", min=0.5, max=0.999, help="Of the interval.")
    ] = 0.95,
    across: Annotated[
        list[str] | None,
        typer.Option("--across", help="A condition that may differ, such as threads."),
    ] = None,
    json: Json = False,
) -> None:
    """Say whether the second record is faster or slower than the first, beyond the noise."""
    from edge_mef.benchmarks.compare import compare_records
    from edge_mef.benchmarks.record_files import read_record

    limit = _percentage(fail_if_slower)
    (first, notes), (second, more) = read_record(before), read_record(after)
    found = compare_records(first, second, phase=_phase(phase), level=level, across=across or ())
    notes = (*notes, *more, *found.notes)
    if json:
        print_json(_describe(found, notes, limit))
    else:
        _print_comparison(found, notes)
    if limit is not None and found.slower_than(limit):
        raise GateError(
            f"expected at most {100 * limit:g} % more time, found at least "
            f"{100 * (found.ratio.low - 1):.1f} % with {100 * level:g} % confidence: look at what "
            "changed between the records"
        )


def _percentage(text: str | None) -> float | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,4}(\.\d{1,4})?%", text):
        raise InputError(f"expected a percentage such as 5%, found '{text}'")
    return float(text[:-1]) / 100


def _phase(text: str) -> "_Phase":
    from edge_mef.benchmarks.records import PHASES

    for phase in PHASES:
        if phase == text:
            return phase
    raise InputError(f"expected a phase out of {', '.join(PHASES)}, found '{text}'")


def _print_comparison(found: "Comparison", notes: tuple[str, ...]) -> None:
    rows = [
        _row(which, record, found.phase)
        for which, record in (("first", found.before), ("second", found.after))
    ]
    sizes = dict.fromkeys(f"{r.settings.height}x{r.settings.width}" for r in _both(found))
    counts = dict.fromkeys(str(r.settings.exposures) for r in _both(found))
    typer.echo(f"{' and '.join(counts)} exposures of {' and '.join(sizes)}: {found.phase}, in ms")
    columns = ("", "title", "median", "95 % interval", "p90", "p99", "samples")
    print_table("", columns, rows, whole=(0, 2, 3, 4, 5, 6))
    if found.changed:
        typer.echo(printable(f"changed: {'; '.join(d.text for d in found.changed)}"))
    typer.echo(found.text)
    for difference in found.allowed:
        typer.echo(printable(f"note: allowed to differ: {difference.text}"), err=True)
    for note in notes:
        typer.echo(printable(f"note: {note}"), err=True)


def _both(found: "Comparison") -> tuple["Record", "Record"]:
    return found.before, found.after


def _row(which: str, record: "Record", phase: "_Phase") -> tuple[str, ...]:
    subject, summary = record.subject, record.series[phase].summary
    interval = summary.intervals.get("median")
    return (
        which,
        subject.title,
        f"{summary.median:.2f}",
        "-" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}",
        f"{summary.p90:.2f}",
        f"{summary.p99:.2f}",
        f"{summary.count}",
    )


def _describe(found: "Comparison", notes: tuple[str, ...], limit: float | None) -> dict[str, Any]:
    from dataclasses import asdict

    from edge_mef.benchmarks.compare import LEAST_CHANGE

    return {
        "verdict": found.verdict,
        "text": found.text,
        "phase": found.phase,
        **found.ratio.model_dump(),
        "paired": found.paired,
        "machine_moved": found.moved,
        "least_change": LEAST_CHANGE,
        "fail_if_slower": limit,
        "failed": limit is not None and found.slower_than(limit),
        "before": _describe_one(found.before, found.phase),
        "after": _describe_one(found.after, found.phase),
        "changed": [asdict(difference) for difference in found.changed],
        "allowed": [asdict(difference) for difference in found.allowed],
        "notes": notes,
    }


def _describe_one(record: "Record", phase: "_Phase") -> dict[str, Any]:
    return {
        "id": record.id,
        "date": record.date,
        "title": record.subject.title,
        "summary": record.series[phase].summary.model_dump(mode="json"),
    }
