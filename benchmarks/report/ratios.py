"""Subjects that took turns: how many times as long each takes as the first bundle."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_mef.benchmarks.compare import LEAST_CHANGE, Verdict, judge, ratio_in_turn
from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.axes import axis_around
from edge_mef.benchmarks.report.drawing import (
    LEFT,
    RIGHT,
    bottom_axis,
    colour_class,
    line,
    mark,
    plot,
    rectangle,
    row_heading,
)
from edge_mef.benchmarks.report.figures import percent, significant, size_of, size_text
from edge_mef.benchmarks.report.groups import Group, Names
from edge_mef.benchmarks.report.markup import Markup
from edge_mef.benchmarks.report.tables import figure, folded, paragraph, plots, section, table
from edge_mef.benchmarks.statistics import Ratio

NO_TURNS = (
    "No records here were measured in turn, so there are no ratios pair by pair. edge-mef compare "
    "compares two runs that were made apart, and knows less."
)


@dataclass(frozen=True)
class Turn:
    """One subject beside the first: its ratio is None where fewer than 10 rounds are shared."""

    record: Record
    ratio: Ratio | None
    rounds: int

    @property
    def verdict(self) -> Verdict | None:
        """What the interval allows to claim."""
        return None if self.ratio is None else judge(self.ratio)


@dataclass(frozen=True)
class Turns:
    """The records of one interleaved run, compared with the first bundle of it.

    Attributes:
        missing: titles that took turns too, and are not among the records.
    """

    reference: Record
    others: tuple[Turn, ...]
    order: str
    missing: tuple[str, ...]


def paired_turns(records: Sequence[Record]) -> list[Turns]:
    """Compare the records of every interleaved run, in the order of the first."""
    runs: dict[object, list[Record]] = {}
    for record in records:
        if record.settings.interleaved is not None:
            key = record.settings.interleaved.group, size_of(record)
            runs.setdefault(key, []).append(record)
    return [_turns(run) for run in runs.values() if len(run) > 1]


def _turns(records: Sequence[Record]) -> Turns:
    turns = records[0].settings.interleaved
    assert turns is not None
    titles = list(turns.titles)
    ordered = sorted(records, key=lambda r: _place(r.subject.title, titles))
    reference = next((r for r in ordered if r.subject.kind == "bundle"), ordered[0])
    others = tuple(Turn(r, *ratio_in_turn(reference, r)) for r in ordered if r is not reference)
    there = {r.subject.title for r in records}
    missing = tuple(title for title in titles if title not in there)
    return Turns(reference, others, turns.order, missing)


def _place(title: str, titles: Sequence[str]) -> int:
    return titles.index(title) if title in titles else len(titles)


def ratio_text(turn: Turn) -> str:
    """Return a ratio with its interval."""
    if turn.ratio is None:
        return f"{turn.rounds} rounds are too few"
    ratio = turn.ratio
    return f"{_times(ratio.ratio)} ({_times(ratio.low)} to {_times(ratio.high)})"


def sureness(turns: Turns) -> str:
    """Say what makes the ratios of a run less sure; nothing where nothing does."""
    found = []
    if turns.order == "fixed":
        found.append(
            "The calls were made in a fixed order, which may fall into step with the time slices "
            "of a busy machine."
        )
    if turns.missing:
        found.append(f"Also in these rounds, but not here: {', '.join(turns.missing)}.")
    return " ".join(found)


def ratio_section(group: Group, names: Names) -> Markup:
    """Return a forest plot and a table for every interleaved run."""
    runs = paired_turns(group.records)
    if not runs:
        return section("Ratios", paragraph(NO_TURNS))
    explained = paragraph(
        "The median of the ratios of all rounds, with its 95 % interval: above 1 is slower than "
        f"the first bundle. The band is the {100 * LEAST_CHANGE:g} % in which nothing is claimed; "
        "only an interval wholly beside it is a difference."
    )
    figures = [_forest(turns, names) for turns in runs]
    notes = [paragraph(note, kind="note") for note in dict.fromkeys(map(sureness, runs)) if note]
    return section("Ratios", explained, plots(figures), *notes, _ratio_table(runs, names))


def _forest(turns: Turns, names: Names) -> Markup:
    found = [t.ratio for t in turns.others if t.ratio is not None]
    ends = [1 / (1 + LEAST_CHANGE), 1 + LEAST_CHANGE, *(v for r in found for v in (r.low, r.high))]
    axis = axis_around(ends, LEFT + 8, RIGHT - 8, log=True, margin=0.04)
    row, head = 38.0, 22.0
    bottom = head + row * len(turns.others) + 4
    parts = [
        rectangle(axis(ends[0]), head, axis(ends[1]) - axis(ends[0]), bottom - head, "band"),
        bottom_axis(axis, head, bottom, "times as long (logarithmic)"),
        line(axis(1.0), head, axis(1.0), bottom, "reference"),
        row_heading(14, names.colour(turns.reference), f"1: {names.subject(turns.reference)}"),
    ]
    for index, turn in enumerate(turns.others):
        y, colour = head + row * index, names.colour(turn.record)
        shown = "" if turn.ratio is None else _times(turn.ratio.ratio)
        parts.append(row_heading(y + 14, colour, names.subject(turn.record), shown))
        if turn.ratio is not None:
            low, high = axis(turn.ratio.low), axis(turn.ratio.high)
            parts.append(line(low, y + 26, high, y + 26, f"interval {colour_class(colour)}"))
            parts.append(mark(axis(turn.ratio.ratio), y + 26, colour))
    size = size_text(size_of(turns.reference))
    said = "; ".join(f"{names.subject(t.record)}: {ratio_text(t)}" for t in turns.others)
    title = f"Latency as a multiple of that of {names.subject(turns.reference)} at {size}"
    return figure(plot(title, said, bottom + 36, *parts), size)


def _ratio_table(runs: Sequence[Turns], names: Names) -> Markup:
    rows = [
        (
            names.subject(turn.record),
            names.subject(turns.reference),
            size_text(size_of(turns.reference)),
            turn.verdict or "not known",
            ratio_text(turn),
            "" if turn.ratio is None else percent(turn.ratio.ratio),
            str(turn.rounds),
            turns.order,
        )
        for turns in runs
        for turn in turns.others
    ]
    columns = ("subject", "beside", "size", "verdict", "ratio (95 %)", "time", "rounds", "order")
    return folded("The numbers of these plots", table("Ratios of rounds", columns, rows, names=4))


def _times(ratio: float) -> str:
    return significant(ratio, 3 if ratio >= 1 else 2 + (ratio >= 0.1))
