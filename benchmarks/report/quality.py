"""Quality against latency: which subjects no other beats in both."""

from collections.abc import Sequence

from edge_mef.benchmarks.pareto import Point, mark_frontier
from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.absent import none_here
from edge_mef.benchmarks.report.axes import axis_around
from edge_mef.benchmarks.report.drawing import (
    RIGHT,
    bottom_axis,
    left_axis,
    legend,
    mark,
    plot,
    polyline,
)
from edge_mef.benchmarks.report.figures import milliseconds, significant, size_text
from edge_mef.benchmarks.report.groups import Group, Names, Size
from edge_mef.benchmarks.report.markup import Markup
from edge_mef.benchmarks.report.tables import bullets, figure, paragraph, plots, section, table
from edge_mef.metrics.table import METRICS

_USUAL = "MEF_SSIM"


def quality_section(group: Group, names: Names) -> Markup:
    """Return a plot for every size and set of scenes that two subjects or more share."""
    heading = "Quality against latency"
    judged = [r for r in group.records if r.quality is not None]
    if not judged:
        return section(heading, none_here("a quality", group.records, "quality"))
    figures: list[str] = []
    left_out: list[str] = []
    rows: list[tuple[str, ...]] = []
    for size, records in group.sizes:
        for scenes, sharing in _by_scenes(records).items():
            metric = _shared_metric(sharing)
            if len(sharing) < 2 or metric is None:
                why = "no other shares its scenes" if metric else "they share no metric"
                who = ", ".join(names.record(r, records) for r in sharing)
                left_out.append(f"{who} at {size_text(size)}: {why}")
                continue
            points = frontier(sharing, metric)
            figures.append(_figure(size, len(scenes), sharing, points, metric, names))
            rows += _rows(size, len(scenes), records, sharing, points, metric, names)
    parts: list[str] = [plots(figures)] if figures else []
    if left_out:
        parts += [paragraph("Not in a plot, since one compares the same scenes at the same size:"),
                  bullets(left_out)]  # fmt: skip
    if rows:
        columns = ("subject", "size", "metric", "frontier", "median, ms", "value", "scenes")
        parts.append(table("Quality and latency", columns, rows, names=4))
    explained = paragraph(
        "The line joins the frontier: no other is as fast and better. Quality is the mean over "
        "the scenes; records without it are left out."
    )
    return section(heading, explained, *parts)


def _by_scenes(records: Sequence[Record]) -> dict[tuple[str, ...], list[Record]]:
    found: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        if record.quality is not None:
            found.setdefault(tuple(sorted(record.quality.scenes)), []).append(record)
    return found


def _shared_metric(records: Sequence[Record]) -> str | None:
    """Return MEF-SSIM where all have it, or else the first that all have."""
    values = [record.quality.values for record in records if record.quality is not None]
    shared = [name for name in values[0] if all(name in other for other in values)]
    return _USUAL if _USUAL in shared else next(iter(shared), None)


def larger_is_better(metric: str) -> bool:
    """Say in which direction a metric is better; unknown ones as most are."""
    return metric not in METRICS or METRICS[metric].better == "larger"


def frontier(records: Sequence[Record], metric: str) -> list[Point]:
    """Return a point for every record, in their order, with the frontier marked."""
    points = [
        Point(str(i), r.series["end_to_end"].summary.median, r.quality.values[metric])
        for i, r in enumerate(records)
        if r.quality is not None
    ]
    marked = mark_frontier(points, larger_is_better=larger_is_better(metric))
    return sorted(marked, key=lambda point: int(point.method))


def _figure(
    size: Size,
    scenes: int,
    records: Sequence[Record],
    points: Sequence[Point],
    metric: str,
    names: Names,
) -> Markup:
    top, bottom = 26.0, 206.0
    along = axis_around([p.milliseconds for p in points], 56, RIGHT - 8, log=True, margin=0.08)
    down = axis_around([p.quality for p in points], bottom, top, log=False, margin=0.12)
    ahead = sorted((p for p in points if p.on_frontier), key=lambda p: p.milliseconds)
    better = "higher" if larger_is_better(metric) else "lower"
    parts = [
        left_axis(down, along.start - 6, along.end, f"{metric}, {better} is better", most=5),
        bottom_axis(along, top, bottom, "median latency, ms (logarithmic)"),
        polyline([(along(p.milliseconds), down(p.quality)) for p in ahead], "frontier"),
    ]
    entries = []
    for record, point in zip(records, points, strict=True):
        parts.append(mark(along(point.milliseconds), down(point.quality), names.colour(record),
                          "mark large" if point.on_frontier else "mark faint"))  # fmt: skip
        name = names.record(record, records)
        entries.append((names.colour(record), f"{name}{' (frontier)' * point.on_frontier}"))
    parts.append(legend(bottom + 36, entries))
    said = "; ".join(
        f"{name}: {significant(p.quality, 4)} in {milliseconds(p.milliseconds)} ms"
        for (_, name), p in zip(entries, points, strict=True)
    )
    title = f"{metric} against latency at {size_text(size)}"
    drawing = plot(title, said, bottom + 46 + 17 * len(entries), *parts)
    return figure(drawing, f"{size_text(size)}, mean of {scenes} scenes")


def _rows(
    size: Size,
    scenes: int,
    among: Sequence[Record],
    records: Sequence[Record],
    points: Sequence[Point],
    metric: str,
    names: Names,
) -> list[tuple[str, ...]]:
    return [
        (
            names.record(record, among),
            size_text(size),
            metric,
            "yes" if point.on_frontier else "no",
            milliseconds(point.milliseconds),
            significant(point.quality, 4),
            str(scenes),
        )
        for record, point in zip(records, points, strict=True)
    ]
