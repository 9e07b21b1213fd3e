"""The precision advisor: fp32, fp16 and int8 of a network on every runtime of this machine.

Speed is measured on a rendered frame, all candidates in turn; quality on scenes, against the fp32
pipeline in torch. What is chosen, and why, is in `edge_mef.benchmarks.advice`.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.advice import Candidate, Quality, choose_candidate, explain
from edge_mef.benchmarks.command import frame_size
from edge_mef.benchmarks.precision_exports import (
    Journal,
    Progress,
    Source,
    export_precisions,
    given_bundles,
)
from edge_mef.benchmarks.precision_quality import choose_scenes, measure_qualities, weight_bytes
from edge_mef.benchmarks.speed import rendered_frames
from edge_mef.benchmarks.timing import Timing, time_interleaved
from edge_mef.contract import FusionContract
from edge_mef.data.scenes import Scene
from edge_mef.errors import BundleError, InputError, MissingError
from edge_mef.export.targets import check_target
from edge_mef.fuser import Fuser
from edge_mef.runtimes.stage_models import usable_cores
from edge_mef.runtimes.table import RUNTIMES, open_runtime, why_not

Frame = NDArray[np.uint8]

USUAL_SIZE = "1080x1920"
LEAST_REPEATS = 3  # of fewer samples there is no spread
_UNMEASURED = ("not measured: ", "left out: ")


@dataclass(frozen=True)
class Advice:
    """What was measured, the winner (None where no gate holds), and a text that says why.

    `size` is (height, width) of the timed frame; `scenes` is how many the quality is of.
    """

    winner: Candidate | None
    text: str
    candidates: tuple[Candidate, ...]
    size: tuple[int, int]
    exposures: int
    scenes: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Plan:
    """How everything is measured; `size` is "HxW", None for what the bundles take."""

    scenes: Sequence[Scene]
    size: str | None
    threads: int | None
    repeats: int
    journal: Journal


@dataclass(frozen=True)
class _Run:
    """One bundle on one runtime, open."""

    source: Source
    fuser: Fuser
    weight_bytes: int | None


def advise_precision(
    model: str | None = None,
    weights: Path | None = None,
    *,
    calibration: str | None = None,
    bundles: Sequence[str | Path] = (),
    data: str | None = None,
    size: str | None = None,
    threads: int | None = None,
    repeats: int = 10,
    progress: Progress | None = None,
) -> Advice:
    """Measure precisions and runtimes, and choose.

    Args:
        model, weights: the network to export in every precision; the defaults where None.
        calibration: scenes for int8, as `edge_mef.calibration.sets` takes them; rendered if None.
        bundles: bundles of one network to choose from; then nothing is exported.
        data: scenes that the quality is measured on, those of the split "val" or rendered ones.
        size: "HxW" of the timed frame; None is 1080x1920, or what the bundles take.
        threads: CPU threads of the runtimes; None for all.
        repeats: timed calls of each candidate, after two that do not count.
        progress: is told what begins, how many steps are done, and how many there are.

    Raises:
        InputError: options that do not go together, no such data, weights or size.
        BundleError: a bundle that cannot be opened.
        MissingError: a package to export with is missing, or nothing can run here.
    """
    if bundles and (model or weights or calibration):
        raise InputError(
            "--bundle advises on bundles as they are: leave --model, --weights and --calibration "
            "out, or leave --bundle out to export"
        )
    if repeats < LEAST_REPEATS:
        raise InputError(f"expected {LEAST_REPEATS} repeats or more, found {repeats}")
    frame_size(size or USUAL_SIZE)
    scenes = choose_scenes(data)
    journal = Journal(progress or _ignore)
    _note_load(journal)
    plan = _Plan(scenes, size, threads, repeats, journal)
    if bundles:
        return _advise(given_bundles(bundles), plan)
    check_target("onnx")
    with tempfile.TemporaryDirectory() as folder:
        name = model or "ffmef-edge"
        sources = export_precisions(Path(folder), name, weights, calibration, journal)
        return _advise(sources, plan)


def _advise(sources: Sequence[Source], plan: _Plan) -> Advice:
    contract = _common_contract([s.bundle.manifest.contract for s in sources])
    fixed = None if contract.height is None else f"{contract.height}x{contract.width}"
    size = frame_size(plan.size or fixed or USUAL_SIZE, contract.exposures)
    frames = rendered_frames(*size, contract.exposures)
    journal = plan.journal
    with ExitStack() as opened:
        runs = [run for source in sources for run in _open_runs(source, frames, opened, plan)]
        if not runs:
            reason = "; ".join(note for note in journal.notes if note.startswith(_UNMEASURED))
            raise MissingError(f"nothing can run on this machine: {reason}")
        journal.progress("timing", 0, 1)
        # Before torch computes: its threads keep cores busy for a while.
        calls = [partial(run.fuser.fuse, *frames, sort=False) for run in runs]
        timings = time_interleaved(calls, repeats=plan.repeats)
        fusers = [run.fuser for run in runs]
        qualities = measure_qualities(fusers, contract, plan.scenes, journal, threads=plan.threads)
    candidates = tuple(map(_candidate, runs, timings, qualities))
    winner = choose_candidate(candidates)
    return Advice(
        winner=winner,
        text=explain(winner, candidates),
        candidates=candidates,
        size=size,
        exposures=contract.exposures,
        scenes=max(1, len(plan.scenes)),
        notes=tuple(journal.notes),
    )


def _common_contract(contracts: Sequence[FusionContract]) -> FusionContract:
    """The contract of frames that all of these take."""
    sizes = {(c.height, c.width) for c in contracts if c.height is not None}
    if len(sizes) > 1:
        text = ", ".join(sorted(f"{height}x{width}" for height, width in sizes))
        raise InputError(f"expected bundles that take one size, found {text}: export one again")
    height, width = next(iter(sizes), (None, None))
    return replace(contracts[0], height=height, width=width)


def _open_runs(
    source: Source, frames: Sequence[Frame], opened: ExitStack, plan: _Plan
) -> Iterator[_Run]:
    """Open a bundle on every runtime that takes it here; notes say what of the others."""
    held = {artefact.format for artefact in source.bundle.manifest.artefacts}
    for row in RUNTIMES.values():
        # The others interpret a model for the sake of its numbers, and say nothing about speed.
        if not row.automatic or row.artefact not in held.intersection(source.formats):
            continue
        problem = why_not(row)
        if problem is not None:
            plan.journal.note(f"not measured: {problem}")
            continue
        label = f"{source.name or source.bundle.manifest.precision} on {row.name}"
        try:
            runtime = open_runtime(source.bundle, row.name, plan.threads)
            fuser = opened.enter_context(Fuser(source.bundle, runtime))
            refusal = runtime.refusal(*frames[0].shape[:2])
            if refusal is None:
                fuser.check(len(frames), *frames[0].shape[:2])
                fuser.fuse(*frames, sort=False)
        except (BundleError, MissingError) as error:
            refusal = str(error)
        if refusal is not None:
            plan.journal.note(f"left out: {label}: {refusal}")
            continue
        yield _Run(source, fuser, weight_bytes(source.bundle, row.artefact, runtime.artefact))


def _candidate(run: _Run, timing: Timing, quality: Quality) -> Candidate:
    return Candidate(
        bundle=run.source.name,
        precision=run.source.bundle.manifest.precision,
        runtime=run.fuser.runtime.name,
        artefact=run.fuser.runtime.artefact,
        timing=timing,
        quality=quality,
        weight_bytes=run.weight_bytes,
    )


def _note_load(journal: Journal) -> None:
    """Say that other programs compete, which no interleaving makes up for."""
    load, cores = (os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0), usable_cores()
    if load > 0.5 * cores:
        journal.note(
            f"this machine is busy with other programs (load {load:.1f} on {cores} cores): the "
            "times are longer than they could be, and less certain"
        )


def _ignore(name: str, done: int, total: int) -> None:
    pass
