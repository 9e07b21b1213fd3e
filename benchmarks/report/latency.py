"""The distribution of latencies, and the samples in the order in which they were measured."""

from collections.abc import Sequence

import numpy as np

from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.axes import Axis, axis_around, tick_texts
from edge_mef.benchmarks.report.drawing import (
    LEFT,
    RIGHT,
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

_ROW, _BAND = 58.0, 24.0  # units that a record takes, and its samples of it
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
    strips = [strip_figure(size, records, names, shown) for size, records in group.sizes]
    distributions = section(
        "Latency distributions",
        paragraph(
            "Every dot is a call. The bar below is the range from p5 to p95, the tall line the "
            "median with its interval as a box; the ticks are p90, p95 and p99, from tall to low."
            + note
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


def strip_figure(size: Size, records: Sequence[Record], names: Names, shown: int) -> Markup:
    """Return the distributions of all records of a size, one below the other."""
    ends = [v for r in records for v in _ends(r.series["end_to_end"].summary)]
    log = max(ends) / min(ends) > _LOG_FROM
    axis = axis_around(ends, LEFT + 4, RIGHT - 4, log=log, margin=0.03)
    bottom = 6 + _ROW * len(records)
    label = "latency, ms (logarithmic)" if log else "latency, ms"
    rows = [
        _strip(record, names, names.record(record, records), axis, 16 + _ROW * index, shown)
        for index, record in enumerate(records)
    ]
    title = f"Latency distributions at {size_text(size)}"
    said = "; ".join(_said(r, names.record(r, records)) for r in records)
    drawing = plot(title, said, bottom + 36, bottom_axis(axis, 2, bottom, label), *rows)
    return figure(drawing, size_text(size))


def _ends(summary: Summary) -> tuple[float, float]:
    return summary.min, summary.max


def _said(record: Record, name: str) -> str:
    s = record.series["end_to_end"].summary
    return f"{name}: median {milliseconds(s.median)} ms, p99 {milliseconds(s.p99)} ms"


def _strip(record: Record, names: Names, name: str, axis: Axis, top: float, shown: int) -> Markup:
    series, colour = record.series["end_to_end"], names.colour(record)
    summary, kind = series.summary, colour_class(colour)
    places = by_rank(series.samples, shown)
    points = [(axis(series.samples[i]), top + 6 + _BAND * ((int(i) * _GOLDEN) % 1)) for i in places]
    base = top + 8 + _BAND
    low, high = (axis(float(np.percentile(series.samples, p))) for p in (5, 95))
    parts = [
        row_heading(top, colour, name, f"{milliseconds(summary.median)} ms"),
        dots(points, f"dots {kind}"),
        line(axis(summary.min), base, axis(summary.max), base, f"whisker {kind}"),
        rectangle(low, base - 2, max(high - low, 1), 4, f"bar {kind}"),
    ]
    interval = summary.intervals.get("median")
    if interval is not None:
        left, right = axis(interval[0]), axis(interval[1])
        parts.append(rectangle(left, base - 5, max(right - left, 1), 10, f"box {kind}"))
    for value, half in ((summary.p90, 8), (summary.p95, 6), (summary.p99, 4)):
        parts.append(line(axis(value), base - half, axis(value), base + half, f"tick-mark {kind}"))
    parts.append(line(axis(summary.median), top + 5, axis(summary.median), base + 8, "median"))
    return joined(parts)


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
    top_value = min(summary.max, summary.p95 + 2 * (summary.p95 - summary.min))
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
    parts.append(text(2, 28, "ms", kind="label"))
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
