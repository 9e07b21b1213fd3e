"""How latency grows with the size of frames, one line for every subject."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.axes import Axis, axis_around
from edge_mef.benchmarks.report.drawing import (
    RIGHT,
    bottom_axis,
    colour_class,
    left_axis,
    legend,
    line,
    mark,
    plot,
    polyline,
)
from edge_mef.benchmarks.report.figures import (
    megapixels,
    milliseconds,
    significant,
    size_of,
    size_text,
    with_interval,
)
from edge_mef.benchmarks.report.groups import Group, Names, subject_key
from edge_mef.benchmarks.report.markup import Markup
from edge_mef.benchmarks.report.tables import figure, folded, paragraph, plots, section, table
from edge_mef.benchmarks.scaling import FEWEST_SIZES, Scaling, fit_scaling

_SPAN = 2.0  # of the largest by the smallest: on less, noise is all that a fit sees


@dataclass(frozen=True)
class Line:
    """One subject: its records from the smallest size on, and the fit where sizes are enough."""

    records: tuple[Record, ...]
    fit: Scaling | None


def lines_of(records: Sequence[Record]) -> list[Line]:
    """Return a line for every subject that was measured at several sizes."""
    subjects: dict[object, list[Record]] = {}
    for record in records:
        subjects.setdefault(subject_key(record), []).append(record)
    lines = []
    for found in subjects.values():
        ordered = tuple(sorted(found, key=megapixels))
        count = len({megapixels(r) for r in ordered})
        if count > 1:
            wide = megapixels(ordered[-1]) >= _SPAN * megapixels(ordered[0])
            lines.append(Line(ordered, _fit(ordered) if count >= FEWEST_SIZES and wide else None))
    return lines


def _fit(records: Sequence[Record]) -> Scaling:
    times = [r.series["end_to_end"].summary.median for r in records]
    return fit_scaling([megapixels(r) for r in records], times)


def scaling_section(group: Group, names: Names) -> Markup:
    """Return the plot of all subjects of a group, and what their fits say."""
    lines = lines_of(group.records)
    heading = "Size scaling"
    if not lines:
        why = f"No subject was measured at several sizes here; a fit takes {FEWEST_SIZES}."
        return section(heading, paragraph(why))
    fits = [line for line in lines if line.fit is not None]
    explained = [
        paragraph(
            "Medians with their intervals, and two laws fitted by relative errors: t = fixed + ms "
            "per megapixel, and t ~ MP^k, with k 1 where twice the pixels take twice the time. The "
            "line is the law with the smaller residual, and ends with the sizes measured."
        )
    ]
    if len(fits) < len(lines):
        few = [names.subject(line.records[0]) for line in lines if line.fit is None]
        explained.append(
            paragraph(
                f"Measured at fewer than {FEWEST_SIZES} sizes, or at sizes all within a factor of "
                f"{_SPAN:g}, so without a fit: {', '.join(few)}."
            )
        )
    tables = [_fit_table(fits, names)] if fits else []
    points = folded("The numbers of this plot", _point_table(lines, names))
    return section(heading, *explained, plots([_figure(lines, names)]), *tables, points)


def _figure(lines: Sequence[Line], names: Names) -> Markup:
    records = [record for one in lines for record in one.records]
    times = [v for r in records for v in _range(r)]
    top, bottom = 26.0, 246.0
    along = axis_around([megapixels(r) for r in records], 50, RIGHT - 4, log=True)
    down = axis_around(times, bottom, top, log=True)
    parts = [
        left_axis(down, along.start, along.end, "median latency, ms (logarithmic)"),
        bottom_axis(along, top, bottom, "megapixels (logarithmic)"),
    ]
    for one in lines:
        parts += _line(one, names.colour(one.records[0]), along, down)
    entries = [(names.colour(o.records[0]), names.subject(o.records[0])) for o in lines]
    parts.append(legend(bottom + 36, entries))
    said = "; ".join(_said(one, names.subject(one.records[0])) for one in lines)
    height = bottom + 46 + 17 * len(lines)
    return figure(plot("Median latency against megapixels", said, height, *parts), "End to end")


def _range(record: Record) -> tuple[float, ...]:
    summary = record.series["end_to_end"].summary
    return (summary.median, *(summary.intervals.get("median") or ()))


def _line(one: Line, colour: int, along: Axis, down: Axis) -> list[Markup]:
    kind, parts = colour_class(colour), []
    if one.fit is not None:
        sizes = np.geomspace(one.fit.sizes[0], one.fit.sizes[-1], 40).tolist()
        curve = [(along(s), down(one.fit.milliseconds(s))) for s in sizes]
        parts.append(polyline(curve, f"fit {kind}"))
    for record in one.records:
        summary, x = record.series["end_to_end"].summary, along(megapixels(record))
        interval = summary.intervals.get("median")
        if interval is not None:
            parts.append(line(x, down(interval[0]), x, down(interval[1]), f"interval {kind}"))
        parts.append(mark(x, down(summary.median), colour))
    return parts


def _said(one: Line, name: str) -> str:
    if one.fit is None:
        return f"{name}: too few sizes for a fit"
    return f"{name}: {significant(one.fit.per_megapixel)} ms per megapixel"


def fit_row(one: Line, names: Names) -> tuple[str, ...]:
    """Return what a fit says: subject, sizes, both laws, the better one and its residual."""
    fit = one.fit
    assert fit is not None
    sizes = dict.fromkeys(size_text(size_of(r)) for r in one.records)
    interval = f"{fit.exponent_low:.2f} to {fit.exponent_high:.2f}"
    return (
        names.subject(one.records[0]),
        ", ".join(sizes),
        significant(fit.per_megapixel),
        significant(fit.fixed),
        f"{fit.exponent:.2f} ({interval})",
        "fixed + ms per megapixel" if fit.is_linear else "power law",
        f"{100 * fit.largest_residual:.1f} %",
    )


FIT_COLUMNS = (
    "subject", "sizes measured", "ms per megapixel", "fixed, ms", "exponent (95 %)",
    "better law", "its largest residual",
)  # fmt: skip


def _fit_table(lines: Sequence[Line], names: Names) -> Markup:
    rows = [fit_row(one, names) for one in lines]
    return table("What the fits say", FIT_COLUMNS, rows, names=2)


def _point_table(lines: Sequence[Line], names: Names) -> Markup:
    rows = []
    for one in lines:
        for record in one.records:
            summary, size = record.series["end_to_end"].summary, megapixels(record)
            fitted = "" if one.fit is None else milliseconds(one.fit.milliseconds(size))
            rows.append((
                names.record(record, [r for r in one.records if size_of(r) == size_of(record)]),
                size_text(size_of(record)), significant(size),
                with_interval(summary.median, summary.intervals.get("median")), fitted,
            ))  # fmt: skip
    columns = ("subject", "size", "megapixels", "median (95 %), ms", "fitted, ms")
    return table("Points and fits", columns, rows)
