"""The distribution of latencies, and the samples in the order in which they were measured."""

from collections.abc import Sequence

import numpy as np

from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.axes import Axis, axis_around, tick_texts
from edge_mef.benchmarks.report.drawing import (
    LEFT,
    RIGHT,
    SMALL_LETTER,
    bottom_axis,
    colour_class,
    dots,
    fitted,
    line,
    mark,
    plot,
    polyline,
    rectangle,
    row_heading,
    text,
)
from edge_mef.benchmarks.report.figures import milliseconds, size_text, with_interval
from edge_mef.benchmarks.report.groups import Group, Names, Size
from edge_mef.benchmarks.report.markup import Markup, joined
from edge_mef.benchmarks.report.samples import by_rank, by_time, running_medians, tenths
from edge_mef.benchmarks.report.tables import figure, folded, paragraph, plots, section, table
from edge_mef.benchmarks.statistics import Summary

_MOST_ROWS = 8  # of one plot
_ROW, _BAND = 72.0, 26.0  # units that a record takes, and its samples of it
_LOG_FROM = 3.0  # an axis that spans more is logarithmic, or spikes squeeze all the rest
_SMALL_WIDTH, _SMALL_HEIGHT = 250.0, 132.0
_GOLDEN = 0.6180339887  # of a sequence that fills the band evenly and not in lines


def latency_section(group: Group, names: Names, shown: int) -> Markup:
    """Return the distributions and the course of all records, size by size."""
    note = ""
    if any(len(r.series["end_to_end"].samples) > shown for r in group.records):
        note = (
            f" Of more than {shown} samples those are drawn that stand for the others, and the "
            "most extreme; numbers are those of all."
        )
    strips = [
        drawing
        for size, records in group.sizes
        for drawing in strip_figures(size, records, names, shown)
    ]
    distributions = section(
        "Latency distributions",
        paragraph(
            "Every dot is a call, and all have one scale: multiples of the median of their own "
            "record. The bar below them is the range from p5 to p95, the tall line the median "
            "with its interval as a box; the ticks are p90, p95 and p99, from tall to low. Arrows "
            "are calls beyond the plot." + note
        ),
        plots(strips),
        _distribution_table(group, names),
    )
    course = section(
        "Samples in the order of time",
        paragraph(
            "Each plot has its own scale. The line joins the medians of stretches: where it leans, "
            "the machine warmed up, heated up, or was busy. Triangles at the top are calls that "
            "took longer than the plot is high."
        ),
        plots(
            [
                order_figure(size, record, names.record(record, records), names, shown)
                for size, records in group.sizes
                for record in records
            ],
            "plots small",
        ),
        _order_table(group, names),
    )
    return joined([distributions, course])


def strip_figures(size: Size, records: Sequence[Record], names: Names, shown: int) -> list[Markup]:
    """Return the distributions of all records of a size: on one axis, few enough for a page."""
    axis = _relative_axis([r.series["end_to_end"].summary for r in records])
    called = [(record, names.record(record, records)) for record in records]
    return [
        _strips(called[first : first + _MOST_ROWS], axis, names, size_text(size), shown)
        for first in range(0, len(called), _MOST_ROWS)
    ]


def _strips(
    records: Sequence[tuple[Record, str]], axis: Axis, names: Names, size: str, shown: int
) -> Markup:
    bottom = 4 + _ROW * len(records)
    rows = [
        _strip(record, names, name, axis, 14 + _ROW * index, shown)
        for index, (record, name) in enumerate(records)
    ]
    said = "; ".join(f"{name}: {_said(r.series['end_to_end'].summary)}" for r, name in records)
    label = f"times the median of each{' (logarithmic)' * axis.log}"
    title, axes = f"Latency distributions at {size}", bottom_axis(axis, 2, bottom, label)
    return figure(plot(title, said, bottom + 36, axes, *rows), size)


def _relative_axis(summaries: Sequence[Summary]) -> Axis:
    """Return an axis from the least to what no rare spike has moved, as multiples of medians."""
    low = min(s.min / s.median for s in summaries)
    high = max(_reach(s, 3.0) / s.median for s in summaries)
    return axis_around((low, high), LEFT + 2, RIGHT - 10, log=high / low > _LOG_FROM, margin=0.03)


def _reach(summary: Summary, times: float) -> float:
    """Return the longest call, but no more than so many times the spread above the median."""
    spread = max(summary.p95 - summary.median, summary.median - summary.min)
    return min(summary.max, summary.median + times * spread)


def _said(s: Summary) -> str:
    tails = ", ".join(
        f"{name} {milliseconds(value)}"
        for name, value in (("p90", s.p90), ("p95", s.p95), ("p99", s.p99), ("max", s.max))
    )
    return f"median {milliseconds(s.median)}, {tails} ms"


def _strip(record: Record, names: Names, name: str, axis: Axis, top: float, shown: int) -> Markup:
    series, colour = record.series["end_to_end"], names.colour(record)
    summary, kind = series.summary, colour_class(colour)
    base, tails = top + 8 + _BAND, _said(summary).partition(", ")[2]
    beyond = sum(value / summary.median > axis.high for value in series.samples)
    if beyond:
        tails += f"; {beyond} beyond the plot"
    return joined([
        row_heading(top, colour, name, f"{milliseconds(summary.median)} ms"),
        *_calls(record, axis, top + 6, shown, kind),
        *_box(record, axis, base, kind),
        line(axis(1.0), top + 5, axis(1.0), base + 8, "median"),
        text(LEFT, base + 20, fitted(tails, RIGHT - LEFT, SMALL_LETTER), kind="detail"),
    ])  # fmt: skip


def _calls(record: Record, axis: Axis, top: float, shown: int, kind: str) -> list[Markup]:
    series = record.series["end_to_end"]
    inside: list[tuple[float, float]] = []
    outside: list[tuple[float, float]] = []
    for index in by_rank(series.samples, shown):
        share = series.samples[index] / series.summary.median
        y = top + _BAND * ((int(index) * _GOLDEN) % 1)
        (inside if share <= axis.high else outside).append((axis(share), y))
    arrows = [
        polyline(((x + 3, y - 3), (x + 8, y), (x + 3, y + 3), (x + 3, y - 3)), f"beyond {kind}")
        for x, y in outside
    ]
    return [dots(inside, f"dots {kind}"), *arrows]


def _box(record: Record, axis: Axis, y: float, kind: str) -> list[Markup]:
    """Return the range of most calls, the interval of the median, and ticks for the tail."""
    series = record.series["end_to_end"]
    s = series.summary
    low, high = (axis(float(np.percentile(series.samples, p)) / s.median) for p in (5, 95))
    ends = axis(s.min / s.median), axis(s.max / s.median)
    parts = [
        line(ends[0], y, ends[1], y, f"whisker {kind}"),
        rectangle(low, y - 2, max(high - low, 1), 4, f"bar {kind}"),
    ]
    if (interval := s.intervals.get("median")) is not None:
        left, right = (axis(end / s.median) for end in interval)
        parts.append(rectangle(left, y - 5, max(right - left, 1), 10, f"box {kind}"))
    for value, half in ((s.p90, 8), (s.p95, 6), (s.p99, 4)):
        if (x := value / s.median) <= axis.high:
            parts.append(line(axis(x), y - half, axis(x), y + half, f"tick-mark {kind}"))
    return parts


def _distribution_table(group: Group, names: Names) -> Markup:
    rows = []
    for size, records in group.sizes:
        for record in records:
            series = record.series["end_to_end"]
            s = series.summary
            low, high = np.percentile(series.samples, (5, 25)).tolist(), s.p90
            rows.append((
                names.record(record, records), size_text(size), milliseconds(s.min),
                *map(milliseconds, low), with_interval(s.median, s.intervals.get("median")),
                *map(milliseconds, (high, s.p95, s.p99, s.max, s.mean)),
                "" if s.std is None else milliseconds(s.std), str(s.independent),
            ))  # fmt: skip
    columns = ("subject", "size", "min", "p5", "p25", "median (95 %)", "p90", "p95", "p99", "max",
               "mean", "std", "independent")  # fmt: skip
    whole = table("Latency in ms; independent: how many unrelated samples they are worth",
                  columns, rows)  # fmt: skip
    return folded("The numbers of these plots", whole)


def order_figure(size: Size, record: Record, name: str, names: Names, shown: int) -> Markup:
    """Return the samples of one record from the first to the last."""
    series = record.series["end_to_end"]
    samples, summary = series.samples, series.summary
    # What is rare and far off would squeeze a drift into a flat line.
    top_value = _reach(summary, 2.0)
    left, right, top, bottom = 40.0, _SMALL_WIDTH - 6, 34.0, _SMALL_HEIGHT - 26
    down = axis_around((summary.min, top_value), bottom, top, log=False)
    along = Axis(0.0, max(len(samples) - 1, 1), left + 3, right - 3)
    kind, points = colour_class(names.colour(record)), by_time(samples, shown)
    inside = [(along(i), down(v)) for i, v in points if v <= down.high]
    beyond = [along(i) for i, v in points if v > down.high]
    medians = [(along(i), down(v)) for i, v in running_medians(samples)]
    parts = [
        mark(8, 10, names.colour(record)),
        text(18, 14, fitted(name, right - 18)),
        *_small_axes(down, left, right, bottom, len(samples)),
        dots(inside, f"dots strong {kind}"),
        *(
            polyline(((x - 3, top), (x + 3, top), (x, top - 5), (x - 3, top)), f"beyond {kind}")
            for x in beyond
        ),
        polyline(medians, "trend"),
    ]
    title = f"{name} at {size_text(size)}: samples in the order of time"
    drift = tenths(samples)
    said = (
        f"The median of the first tenth is {milliseconds(drift[0])} ms, that of the last "
        f"{milliseconds(drift[-1])} ms; the longest call took {milliseconds(summary.max)} ms."
    )
    drawing = plot(title, said, _SMALL_HEIGHT, *parts, width=_SMALL_WIDTH)
    return figure(drawing, f"{size_text(size)}: {said}")


def _small_axes(down: Axis, left: float, right: float, bottom: float, count: int) -> list[Markup]:
    values = down.ticks(4)
    parts = [line(left, down(v), right, down(v), "grid") for v in values]
    for value, shown in zip(values, tick_texts(values), strict=True):
        parts.append(text(left - 4, down(value) + 4, shown, anchor="end", kind="tick"))
    parts.append(line(left, bottom, right, bottom, "axis"))
    parts.append(text(left, bottom + 14, "1", anchor="middle", kind="tick"))
    parts.append(text((left + right) / 2, bottom + 20, "sample", anchor="middle", kind="label"))
    parts.append(text(right, bottom + 14, str(count), anchor="end", kind="tick"))
    parts.append(text(left - 4, 25, "ms", anchor="end", kind="label"))
    return parts


def _order_table(group: Group, names: Names) -> Markup:
    rows = []
    for size, records in group.sizes:
        for record in records:
            found = [milliseconds(v) for v in tenths(record.series["end_to_end"].samples)]
            rows.append((names.record(record, records), size_text(size), *found,
                         *[""] * (10 - len(found))))  # fmt: skip
    columns = ("subject", "size", *(f"{i}/10" for i in range(1, 11)))
    whole = table("Medians of ten stretches of each run in ms", columns, rows)
    return folded("The numbers of these plots", whole)
