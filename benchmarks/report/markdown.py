"""The report as Markdown, short enough for a pull request."""

import re
from collections.abc import Sequence

from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.absent import NOT_MEASURED, reasons_of
from edge_mef.benchmarks.report.figures import percent, size_of, size_text
from edge_mef.benchmarks.report.groups import Group, Names, date_text, group_records
from edge_mef.benchmarks.report.markup import clean
from edge_mef.benchmarks.report.ratios import paired_turns, ratio_text, sureness
from edge_mef.benchmarks.report.sizes import FIT_COLUMNS, fit_row, lines_of
from edge_mef.benchmarks.report.summary import NUMBERS, row_numbers, warnings_of
from edge_mef.version import __version__

_MARKED = re.compile(r"([\\`*_{}\[\]#|~!])")
_ID = 12  # digits that people are shown


def escape_markdown(text: str) -> str:
    """Return text that stays text: no HTML, no table cell, no link, nobody is mentioned.

    GitHub links @names and addresses after everything else, so no backslash helps; an invisible
    word joiner does.
    """
    text = " ".join(clean(text).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _MARKED.sub(r"\\\1", text)
    text = text.replace("@", "@\u2060").replace("://", ":\u2060//").replace("www.", "www\u2060.")
    # At the start of a line a number, + or - would begin a list.
    return re.sub(r"^(\d*)([-+.)])(?= |$)", r"\1\\\2", text)


def markdown_page(records: Sequence[Record], *, notes: Sequence[str] = ()) -> str:
    """Return the report of one record or more; notes are sentences on what was left out."""
    groups, names = group_records(records), Names.of(records)
    lines = ["# Measurements", ""]
    for group in groups:
        lines += _group(group, names)
    lines += _notes([*notes, *warnings_of(records, names)], records, names)
    lines += [f"Written by EdgeMEF {__version__}.", ""]
    return "\n".join(lines)


def _group(group: Group, names: Names) -> list[str]:
    rows = [
        (
            names.record(r, records),
            r.subject.precision or "none",
            r.subject.runtime,
            size_text(size),
            *row_numbers(r, lambda *_: NOT_MEASURED),
        )
        for size, records in group.sizes
        for r in records
    ]
    lines = [f"## {escape_markdown(group.heading)}", ""]
    if group.unknown:
        lines += [f"Only some of these records tell their {', '.join(group.unknown)}.", ""]
    columns = ("subject", "precision", "runtime", "size", *NUMBERS)
    some = [i for i in range(len(columns)) if any(row[i] != NOT_MEASURED for row in rows)]
    lines += _table([columns[i] for i in some], [[row[i] for i in some] for row in rows], 4)
    if len(some) < len(columns):
        nowhere = "; ".join(name for i, name in enumerate(columns) if i not in some)
        lines += [f"Measured nowhere here: {nowhere}.", ""]
    ratios = _ratios(group, names)
    fits = [fit_row(one, names) for one in lines_of(group.records) if one.fit is not None]
    if fits:
        ratios += ["### Size scaling", "", *_table(FIT_COLUMNS, fits, 2)]
    return lines + ratios


def _ratios(group: Group, names: Names) -> list[str]:
    rows, notes = [], []
    for turns in paired_turns(group.records):
        beside, size = names.subject(turns.reference), size_text(size_of(turns.reference))
        for turn in turns.others:
            change = "" if turn.ratio is None else percent(turn.ratio.ratio)
            rows.append((names.subject(turn.record), beside, size, turn.verdict or "not known",
                         ratio_text(turn), change, str(turn.rounds)))  # fmt: skip
        if sureness(turns):
            notes.append(sureness(turns))
    if not rows:
        return []
    columns = ("subject", "beside", "size", "verdict", "ratio (95 %)", "time", "rounds")
    heading = ["### Ratios", "", "Medians of the ratios of rounds that were measured in turn.", ""]
    return heading + _table(columns, rows, 4) + _bullets(list(dict.fromkeys(notes)))


def _notes(notes: Sequence[str], records: Sequence[Record], names: Names) -> list[str]:
    own = [f"{names.subject(r)}: {note}" for r in records for note in r.notes]
    absent: dict[str, dict[str, None]] = {}
    for record in records:
        for name, why in reasons_of(record).items():
            absent.setdefault(why, {})[name] = None
    missing = [f"{why} ({', '.join(fields)})" for why, fields in absent.items()]
    ids = [
        f"{names.subject(r)} at {size_text(size_of(r))}, {date_text(r)} UTC: {r.id[:_ID]}"
        for r in records
    ]
    lines: list[str] = []
    for heading, items in (
        ("Notes", list(dict.fromkeys([*notes, *own]))),
        ("Not measured", missing),
        ("Records", ids),
    ):
        if items:
            folded = heading == "Records" and len(items) > 12
            lines += [f"### {heading}", ""]
            lines += ["<details><summary>All ids</summary>", ""] if folded else []
            lines += _bullets(items)
            lines += ["</details>", ""] if folded else []
    return lines


def _bullets(items: Sequence[str]) -> list[str]:
    return [*(f"- {escape_markdown(item)}" for item in items), ""] if items else []


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], names: int) -> list[str]:
    """Return a table whose first columns (`names`) are words and whose others are numbers."""
    sides = ["---" if index < names else "---:" for index in range(len(columns))]
    return [
        f"| {' | '.join(map(escape_markdown, columns))} |",
        f"| {' | '.join(sides)} |",
        *(f"| {' | '.join(escape_markdown(cell) or ' ' for cell in row)} |" for row in rows),
        "",
    ]
