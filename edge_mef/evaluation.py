"""Comparing methods on the same scenes: every metric of every picture, mean ranks, and a sheet."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_mef.data.scenes import Scene, choose, data_files, load_scenes
from edge_mef.errors import InputError
from edge_mef.methods import Method, open_methods
from edge_mef.metrics import IVF_METRICS, MEFB_METRICS, evaluate, mean_ranks
from edge_mef.metrics.table import choose_metrics
from edge_mef.saving import check_output
from edge_mef.sheet import contact_sheet

Frame = NDArray[np.uint8]
Values = dict[str, dict[str, float]]
Progress = Callable[[str, int, int], None]

_SHEET_SIDE = 800


@dataclass
class Evaluation:
    """What was measured.

    Attributes:
        metrics: their names, in the order asked for.
        values: by scene, method and metric; every scene has all methods and all metrics.
        failed: (scene, why) of those that are left out, for every method.
        notes: what a reader has to know besides, in sentences.
        sheet: the contact sheet, where one was asked for and a scene is left.
    """

    metrics: tuple[str, ...]
    values: dict[str, Values] = field(default_factory=dict)
    failed: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sheet: Frame | None = None

    def means(self) -> Values:
        """Return the mean of each metric over the scenes, by method; empty without scenes."""
        scenes = list(self.values.values())
        methods = list(scenes[0]) if scenes else []
        return {
            method: {
                name: float(np.mean([values[method][name] for values in scenes]))
                for name in self.metrics
            }
            for method in methods
        }

    def mean_ranks(self) -> dict[str, float]:
        """Return each method's rank, 1 is best, by `means`, averaged over `metrics`."""
        return mean_ranks(self.means(), self.metrics)

    def rows(self) -> Iterator[tuple[str, str, str, float]]:
        """Yield (scene, method, metric, value)."""
        for scene, methods in self.values.items():
            for method, values in methods.items():
                for name, value in values.items():
                    yield scene, method, name, value

    def to_csv(self) -> bytes:
        """Return `rows` as a table in UTF-8 with a heading; values in full precision."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("scene", "method", "metric", "value"))
        writer.writerows(self.rows())
        # Names of files need not be text.
        return text.getvalue().encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class _Task:
    """What is done with each scene."""

    methods: Sequence[Method]
    metrics: tuple[str, ...]
    longest_side: int | None
    all_exposures: bool

    @property
    def caption(self) -> str:
        """The metric that a caption gives."""
        return "MEF_SSIM" if "MEF_SSIM" in self.metrics else self.metrics[0]

    def check(self) -> None:
        """Raise `InputError` if a method cannot take two exposures, and those are asked for."""
        for method in self.methods:
            if not self.all_exposures and not method.takes(2):
                raise InputError(
                    f"{method.name} fuses {method.exposures[0]} exposures or more, and two of each "
                    "scene are compared: ask for all of them (--all-exposures)"
                )


@dataclass(frozen=True)
class _Row:
    """A scene on the sheet, and the methods that did not take all of its exposures."""

    pictures: list[Frame]
    captions: list[str]
    got_fewer: list[str] = field(default_factory=list)


def evaluate_methods(
    data: str | Path,
    *,
    bundles: Sequence[str | Path | None] = (None,),
    weights: Sequence[Path] = (),
    model: str | None = None,
    peers: bool = False,
    published: Path | None = None,
    split: str = "val",
    longest_side: int | None = None,
    metrics: Sequence[str] | None = None,
    all_exposures: bool = False,
    csv: Path | None = None,
    sheet: Path | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Fuse every scene with every method and measure each picture against its exposures.

    A scene that cannot be read, fused or measured by one method is left out for all of them, so
    that means are over the same scenes.

    Args:
        data: scenes, as `load_scenes` takes them.
        bundles, weights, model, peers, published: what to compare, as `open_methods` takes it.
        split: which scenes.
        longest_side: reduce the scenes to it; None keeps their size.
        metrics: of `MEFB_METRICS` and `IVF_METRICS`; the 14 of MEFB where None.
        all_exposures: fuse all exposures of a scene where the method takes so many, and measure
            against all; else, and for the other methods, the darkest and the brightest.
        csv, sheet: where values and contact sheet will be written; checked before any work.
        progress: is told what begins, how many pictures are done, and how many there are.

    Raises:
        InputError: no such data, split, metrics or methods.
        BundleError, MissingError: a method cannot be opened.
        OutputError: csv or sheet cannot be written, or would replace the data.
    """
    wanted = MEFB_METRICS if metrics is None else metrics
    names = tuple(m.name for m in choose_metrics(wanted, (*MEFB_METRICS, *IVF_METRICS)))
    scenes = _choose_scenes(data, split)
    _check_outputs(data, csv, sheet)
    with ExitStack() as opened:
        methods = open_methods(
            opened, bundles=bundles, weights=weights, model=model, peers=peers, published=published
        )
        task = _Task(methods.found, names, longest_side, all_exposures)
        task.check()
        result = Evaluation(names, notes=methods.notes)
        rows = _measure_scenes(scenes, task, result, progress or _ignore)
    if sheet is not None and rows:
        result.sheet = contact_sheet([r.pictures for r in rows], [r.captions for r in rows])
    return result


def _choose_scenes(data: str | Path, split: str) -> list[Scene]:
    if split not in ("train", "calib", "val"):
        raise InputError(f"expected the split train, calib or val, found '{split}'")
    return choose(load_scenes(data), split)  # type: ignore[arg-type]


def _check_outputs(data: str | Path, csv: Path | None, sheet: Path | None) -> None:
    inputs = data_files(data)  # of every split, not only the one that is measured
    if csv is not None:
        check_output(csv, inputs=inputs, endings=(".csv",))
    if sheet is not None:
        check_output(sheet, inputs=inputs)


def _measure_scenes(
    scenes: Sequence[Scene], task: _Task, result: Evaluation, progress: Progress
) -> list[_Row]:
    """Measure all scenes into `result`; return the rows of the contact sheet."""
    each = len(task.methods)
    rows: list[_Row] = []
    for index, scene in enumerate(scenes):
        tell = partial(_tell, progress, index * each, len(scenes) * each)
        try:
            values, row = _measure_scene(scene, task, tell)
        except InputError as error:
            result.failed.append((scene.name, str(error)))
            continue
        result.values[scene.name] = values
        rows.append(row)
    counts = Counter(name for row in rows for name in row.got_fewer)
    result.notes += [
        f"{name} fused only the darkest and the brightest exposure of {count} of the scenes"
        for name, count in counts.items()
    ]
    return rows


def _measure_scene(
    scene: Scene, task: _Task, tell: Callable[[str, int], None]
) -> tuple[Values, _Row]:
    tell(scene.name, 0)
    frames = scene.read(task.longest_side)
    extremes = frames[0], frames[-1]
    if not task.all_exposures:
        frames = extremes
    values: Values = {}
    row = _Row([_small(frame) for frame in extremes], [f"{scene.name}: under", "over"])
    for index, method in enumerate(task.methods):
        tell(f"{scene.name}: {method.name}", index)
        taken = frames if method.takes(len(frames)) else extremes
        fused = method.fuse(*taken)
        values[method.name] = evaluate(frames, fused, task.metrics)
        row.pictures.append(_small(fused))
        row.captions.append(f"{method.name}: {values[method.name][task.caption]:.4f}")
        if len(taken) < len(frames):
            row.got_fewer.append(method.name)
    return values, row


def _tell(progress: Progress, before: int, total: int, name: str, done: int) -> None:
    progress(name, before + done, total)


def _ignore(name: str, done: int, total: int) -> None:
    pass


def _small(frame: Frame) -> Frame:
    step = max(1, max(frame.shape[:2]) // _SHEET_SIDE)
    return np.ascontiguousarray(frame[::step, ::step])
