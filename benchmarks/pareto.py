"""Quality against speed: every method as a point, on one plot.

    python -m edge_mef.benchmarks.pareto --data FOLDER --bundle ffmef-edge --bundle ffmef-edge-4

prints the mean of a metric over the validation scenes and the median time on a rendered frame, and
draws both. A method is on the frontier where no other is at least as fast and better.
"""

import argparse
import io
import json
import math
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from edge_mef.benchmarks.command import Parser, add_timing, frame_size, run
from edge_mef.benchmarks.speed import limit_libraries, rendered_frames
from edge_mef.benchmarks.timing import time_interleaved
from edge_mef.cli.reporting import finite
from edge_mef.data.scenes import Scene, choose, data_files, load_scenes
from edge_mef.errors import missing_extra
from edge_mef.methods import Method, open_methods
from edge_mef.metrics import MEFB_METRICS, evaluate
from edge_mef.metrics.table import choose_metrics
from edge_mef.saving import check_output, write_atomically


@dataclass(frozen=True)
class Point:
    """One method: the median of its times in milliseconds, and its mean over the scenes."""

    method: str
    milliseconds: float
    quality: float
    on_frontier: bool = False


@dataclass(frozen=True)
class Measured:
    """All methods, the fastest first, and sentences on those that could not be measured."""

    points: list[Point]
    notes: list[str]


def measure_points(
    data: str | Path,
    size: tuple[int, int],
    *,
    bundles: Sequence[str | None] = (None,),
    published: Path | None = None,
    metric: str = "MEF_SSIM",
    threads: int = 2,
    repeats: int = 5,
) -> Measured:
    """Measure bundles and all peers, two exposures of every scene.

    Args:
        data: scenes, as `load_scenes` takes them; those for validation are used.
        size: height and width of the frame that is timed.
        bundles: folders or names; None is the default one.
        published: the authors' weights of FFMEF; ours where None.
        metric: of `MEFB_METRICS`.
        threads: for ONNX Runtime, OpenCV and torch alike.
        repeats: timed calls of each method, after two that do not count.

    Raises:
        InputError: no such data, metric or bundle.
    """
    (wanted,) = choose_metrics([metric], MEFB_METRICS)
    scenes = choose(load_scenes(data), "val")
    with ExitStack() as opened:
        found = open_methods(
            opened, bundles=bundles, peers=True, published=published, threads=threads
        )
        methods = found.found
        limit_libraries(threads)  # a peer may just have loaded torch
        frames = rendered_frames(*size)
        timings = time_interleaved([partial(m.fuse, *frames) for m in methods], repeats=repeats)
        qualities = [_quality(method, scenes, wanted.name) for method in methods]
    points = [
        Point(method.name, timing.median, quality)
        for method, timing, quality in zip(methods, timings, qualities, strict=True)
    ]
    marked = mark_frontier(points, larger_is_better=wanted.better == "larger")
    return Measured(marked, found.notes)


def _quality(method: Method, scenes: Sequence[Scene], metric: str) -> float:
    values = []
    for scene in scenes:
        frames = scene.read()
        ends = frames[0], frames[-1]
        values.append(evaluate(ends, method.fuse(*ends), [metric])[metric])
    return float(np.mean(values))


def mark_frontier(points: Sequence[Point], *, larger_is_better: bool = True) -> list[Point]:
    """Return the points by time, with those marked that no quicker one equals in quality."""
    marked: list[Point] = []
    best = -np.inf
    sign = 1.0 if larger_is_better else -1.0
    for point in sorted(points, key=lambda p: (p.milliseconds, -sign * p.quality)):
        ahead = sign * point.quality > best
        best = max(best, sign * point.quality)
        marked.append(replace(point, on_frontier=ahead))
    return marked


def draw(points: Sequence[Point], path: Path, *, metric: str, size: tuple[int, int]) -> None:
    """Write the plot to a PNG file.

    Raises:
        MissingError: Matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise missing_extra("drawing a plot", "matplotlib", "dev") from error
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    frontier = [p for p in points if p.on_frontier]
    axes.plot([p.milliseconds for p in frontier], [p.quality for p in frontier], c="tab:green")
    middle = math.sqrt(points[0].milliseconds * points[-1].milliseconds)
    for point in points:
        colour = "tab:green" if point.on_frontier else "tab:gray"
        axes.plot(point.milliseconds, point.quality, "o", color=colour)
        place = point.milliseconds, point.quality
        # Names lie inside of the plot: to the left of points on its right half.
        side, shift = ("right", -6) if point.milliseconds > middle else ("left", 6)
        axes.annotate(point.method, place, (shift, 6), textcoords="offset points", ha=side)
    axes.set_xscale("log")
    axes.margins(x=0.25, y=0.15)
    axes.set_xlabel(f"median time at {size[0]}x{size[1]}, ms")
    axes.set_ylabel(f"mean {metric} of the validation scenes")
    axes.grid(alpha=0.3)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=150)
    write_atomically(path, stream.getvalue())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line of this module."""
    parser = Parser(prog="edge_mef.benchmarks.pareto", description=__doc__)
    parser.add_argument("--data", required=True, help="scenes, as edge-mef evaluate takes them")
    add_timing(parser, repeats=5)
    parser.add_argument("--published", type=Path, help="the authors' weights; ours without")
    parser.add_argument("--metric", default="MEF_SSIM")
    parser.add_argument("--output", "-o", type=Path, help="the plot, a .png file")
    return run(partial(_run, parser.parse_args(arguments)))


def _run(given: argparse.Namespace) -> str:
    if given.output is not None:
        check_output(given.output, inputs=data_files(given.data), endings=(".png",))
    size = frame_size(given.size)
    measured = measure_points(
        given.data,
        size,
        bundles=given.bundle or [None],
        published=given.published,
        metric=given.metric,
        threads=given.threads,
        repeats=given.repeats,
    )
    if given.output is not None:
        draw(measured.points, given.output, metric=given.metric, size=size)
    for note in measured.notes:
        sys.stderr.write(f"{note}\n")
    return _report(measured.points, given.metric, as_json=given.json)


def _report(points: Sequence[Point], metric: str, *, as_json: bool) -> str:
    if as_json:
        rows = [asdict(point) | {"quality": finite(point.quality)} for point in points]
        return json.dumps(rows, indent=2) + "\n"
    lines = [f"{'method':<32} {'median ms':>10} {metric:>10}"]
    for p in points:
        mark = "  on the frontier" if p.on_frontier else ""
        lines.append(f"{p.method:<32} {p.milliseconds:10.1f} {p.quality:10.4f}{mark}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
