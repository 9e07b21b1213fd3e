"""The precision advisor: fp32, fp16 and int8 of a network on every runtime of this machine.

Speed is measured on a rendered frame, all candidates in turn; quality on scenes, against the fp32
pipeline in torch. What is chosen, and why, is in `edge_mef.benchmarks.advice`.
"""

import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.advice import PRECISIONS, Candidate, Quality, choose_candidate, explain
from edge_mef.benchmarks.command import frame_size
from edge_mef.benchmarks.speed import limit_torch, rendered_frames
from edge_mef.benchmarks.timing import Timing, time_interleaved
from edge_mef.bundle import Bundle, load_bundle
from edge_mef.contract import FusionContract
from edge_mef.data.scenes import Scene, choose, load_scenes
from edge_mef.errors import BundleError, GateError, InputError, MissingError, missing_extra
from edge_mef.export.golden import read_golden
from edge_mef.export.parity import GATES, Gate, compare, fitted_frames, torch_pipeline
from edge_mef.export.targets import TARGETS, check_target, missing_package
from edge_mef.fuser import Fuser
from edge_mef.manifest import Precision
from edge_mef.metrics import evaluate
from edge_mef.models.table import find_network
from edge_mef.runtimes.stage_models import usable_cores
from edge_mef.runtimes.table import RUNTIMES, open_runtime, why_not

Frame = NDArray[np.uint8]
Progress = Callable[[str, int, int], None]

RENDERED_SCENES = "rendered:32"  # int8 is calibrated on others of these
USUAL_SIZE = "1080x1920"
LEAST_REPEATS = 3  # of fewer samples there is no spread
MOST_SCENES, LONGEST_SIDE = 10, 640
INT8_MEF_SSIM = 0.003
_METRIC = "MEF_SSIM"
_UNMEASURED = ("not measured: ", "left out: ")
_TARGETS = {"openvino": "openvino", "tensorrt": "trt"}  # the targets that add to ONNX, by format


@dataclass(frozen=True)
class Source:
    """A bundle, what sentences call it (None: its precision), and the formats to run of it."""

    bundle: Bundle
    name: str | None = None
    formats: tuple[str, ...] = tuple(row.artefact for row in RUNTIMES.values())


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


@dataclass
class _Work:
    """What all steps need: where notes go, and who is told of the progress."""

    progress: Progress
    threads: int | None
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


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
    scenes = _choose_scenes(data)
    work = _Work(progress or _ignore, threads)
    _note_load(work)
    if bundles:
        return _advise(_given(bundles), scenes, size, repeats, work)
    check_target("onnx")
    with tempfile.TemporaryDirectory() as folder:
        sources = _exported(Path(folder), model or "ffmef-edge", weights, calibration, work)
        return _advise(sources, scenes, size, repeats, work)


def _choose_scenes(data: str | None) -> list[Scene]:
    """The scenes of the quality; where torch is not installed none, golden frames do."""
    if not has_package("torch"):
        if data is not None:
            raise missing_extra("comparing on scenes of your own", "torch", "train")
        return []
    return choose(load_scenes(data or RENDERED_SCENES), "val")[:MOST_SCENES]


def has_package(name: str) -> bool:
    """Say whether a package is installed, without importing it."""
    return importlib.util.find_spec(name) is not None


def _given(paths: Sequence[str | Path]) -> list[Source]:
    loaded = [load_bundle(path) for path in paths]
    same = {(b.manifest.network.weights_sha256, b.manifest.rounding) for b in loaded}
    if len(same) > 1:
        raise InputError(
            "expected bundles of one network in several precisions, found different weights or "
            "rounding: edge-mef evaluate compares networks"
        )
    if len({b.manifest.contract.exposures for b in loaded}) > 1:
        raise InputError("expected bundles of one number of exposures, found several")
    if len({b.folder.resolve() for b in loaded}) < len(loaded):
        raise InputError("expected different bundles, found one of them twice")
    alone = len({b.manifest.precision for b in loaded}) == len(loaded)
    return [Source(b, None if alone else str(p)) for b, p in zip(loaded, paths, strict=True)]


def _exported(
    folder: Path, model: str, weights: Path | None, calibration: str | None, work: _Work
) -> list[Source]:
    """Export every precision for all targets that this machine can run."""
    from edge_mef.export.build import ExportSettings, export_bundle
    from edge_mef.export.quantization import QuantSettings

    found: dict[Precision, list[Source]] = {}
    targets = list(_targets(work))
    # int8 comes first: of all that can be wrong most is wrong there.
    for precision in reversed(PRECISIONS):
        kept: tuple[str, ...] = ()
        for target, formats in targets:
            work.progress(f"exporting {precision}", len(found), len(PRECISIONS))
            settings = ExportSettings(
                model=model,
                weights=weights,
                precision=precision,
                quantization=QuantSettings(calibration, ranges=folder / "ranges", kept=kept),
            )
            try:
                bundle = export_bundle(folder / f"{precision}-{target}", settings, target=target)
            except GateError as error:
                work.note(f"left out: {precision}: {error}")
                break
            if bundle.manifest.quantization is not None:
                kept = bundle.manifest.quantization.kept  # the same again, without the search
                for note in bundle.manifest.quantization.notes:
                    if "measured anew" not in note and "ranges" not in note:
                        work.note(f"int8: {note}")
            found.setdefault(precision, []).append(Source(bundle, None, formats))
    return [source for precision in PRECISIONS for source in found.get(precision, [])]


def _targets(work: _Work) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Targets to export, and what is run of each: ONNX models, which all hold, once."""
    formats: tuple[str, ...] = ("onnx",)
    for row in RUNTIMES.values():
        target = _TARGETS.get(row.artefact)
        if target is None or not row.automatic:
            continue
        if (problem := why_not(row)) is not None:
            work.note(f"not measured: {problem}")
        elif missing_package(TARGETS[target]) is None:
            yield target, (*formats, row.artefact)
            formats = ()
    if formats:
        yield "onnx", formats


def _advise(
    sources: Sequence[Source], scenes: Sequence[Scene], size: str | None, repeats: int, work: _Work
) -> Advice:
    contract = _common_contract([s.bundle.manifest.contract for s in sources])
    fixed = None if contract.height is None else f"{contract.height}x{contract.width}"
    height, width = frame_size(size or fixed or USUAL_SIZE, contract.exposures)
    frames = rendered_frames(height, width, contract.exposures)
    with ExitStack() as opened:
        runs = [run for source in sources for run in _open_runs(source, frames, opened, work)]
        if not runs:
            reason = "; ".join(note for note in work.notes if note.startswith(_UNMEASURED))
            raise MissingError(f"nothing can run on this machine: {reason}")
        work.progress("timing", 0, 1)
        # Before torch computes: its threads keep cores busy for a while.
        timings = time_interleaved(
            [partial(run.fuser.fuse, *frames, sort=False) for run in runs], repeats=repeats
        )
        measured = list(_qualities(runs, contract, scenes, work))
    candidates = tuple(
        _candidate(run, timing, quality)
        for run, timing, quality in zip(runs, timings, measured, strict=True)
    )
    winner = choose_candidate(candidates)
    text, count = explain(winner, candidates), max(1, len(scenes))
    return Advice(
        winner, text, candidates, (height, width), contract.exposures, count, tuple(work.notes)
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
    source: Source, frames: Sequence[Frame], opened: ExitStack, work: _Work
) -> Iterator[_Run]:
    """Open a bundle on every runtime that takes it here; notes say what of the others."""
    held = {artefact.format for artefact in source.bundle.manifest.artefacts}
    for row in RUNTIMES.values():
        # The others interpret a model for the sake of its numbers, and say nothing about speed.
        if not row.automatic or row.artefact not in held.intersection(source.formats):
            continue
        problem = why_not(row)
        if problem is not None:
            work.note(f"not measured: {problem}")
            continue
        label = f"{source.name or source.bundle.manifest.precision} on {row.name}"
        try:
            runtime = open_runtime(source.bundle, row.name, work.threads)
            fuser = opened.enter_context(Fuser(source.bundle, runtime))
            fuser.check(len(frames), *frames[0].shape[:2])
            refusal = runtime.refusal(*frames[0].shape[:2])
            if refusal is None:
                fuser.fuse(*frames, sort=False)
        except (BundleError, MissingError) as error:
            refusal = str(error)
        if refusal is not None:
            work.note(f"left out: {label}: {refusal}")
            continue
        yield _Run(source, fuser, weight_bytes(source.bundle, row.artefact, runtime.artefact))


def _qualities(
    runs: Sequence[_Run], contract: FusionContract, scenes: Sequence[Scene], work: _Work
) -> Iterator[Quality]:
    """Compare what every run makes of every scene with what the float pipeline makes of it."""
    found: list[list[tuple[int, float, float]]] = [[] for _ in runs]
    bundles = [run.source.bundle for run in runs]
    # All of them take the frames of the one with a fixed size, where there is one.
    first = max(bundles, key=lambda bundle: bundle.manifest.contract.height is not None)
    references = _references(first, contract, scenes, work)
    for index, (name, frames, expected) in enumerate(references):
        work.progress(f"comparing {name}", index, max(1, len(scenes)))
        usual = evaluate(frames, expected, [_METRIC])[_METRIC]
        for run, values in zip(runs, found, strict=True):
            fused = run.fuser.fuse(*frames, sort=False)
            difference, psnr, _ = compare(name, expected, fused, Gate())
            values.append((difference, psnr, evaluate(frames, fused, [_METRIC])[_METRIC] - usual))
    for run, values in zip(runs, found, strict=True):
        differences, psnrs, changes = zip(*values, strict=True)
        manifest = run.source.bundle.manifest
        yield judge(
            manifest.network.name,
            manifest.precision,
            difference=max(differences),
            psnr=min(psnrs),
            mef_ssim=max(changes, key=abs),
        )


def judge(
    model: str, precision: Precision, *, difference: int, psnr: float, mef_ssim: float
) -> Quality:
    """Hold what was found against the gate of a network in a precision.

    int8 has the PSNR of the network's row, and MEF-SSIM must not change by more than 0.003.
    """
    if precision != "int8":
        gate = GATES[precision]
        return Quality(psnr, difference, mef_ssim, gate.text, gate.holds(difference, psnr))
    gate = Gate(min_psnr=find_network(model).int8_gate)
    holds = gate.holds(difference, psnr) and abs(mef_ssim) <= INT8_MEF_SSIM
    text = f"{gate.text} and MEF-SSIM within {INT8_MEF_SSIM}"
    return Quality(psnr, difference, mef_ssim, text, holds)


def _references(
    bundle: Bundle, contract: FusionContract, scenes: Sequence[Scene], work: _Work
) -> Iterator[tuple[str, tuple[Frame, ...], Frame]]:
    """Yield (name, exposures, fused frame of the float pipeline)."""
    if not scenes:
        golden = read_golden(bundle.folder, bundle.manifest.contract)
        work.note("torch is not installed: compared on the bundle's golden frames only")
        yield "golden frames", golden.exposures, golden.fused
        return
    reference = torch_pipeline(bundle)
    if work.threads is not None:
        limit_torch(work.threads)
    for scene in scenes:
        frames = fitted_frames(contract, scene, LONGEST_SIDE)
        yield scene.name, frames, reference(*frames)


def weight_bytes(bundle: Bundle, file_format: str, artefact: str) -> int | None:
    """Return how many bytes the network's weights take in what runs; None where it cannot be told.

    Args:
        bundle: the bundle.
        file_format: of the artefact.
        artefact: the file that runs, or "stages", of which the analysis holds the network.
    """
    role = "analysis" if artefact == "stages" else "pipeline"
    (entry, *_) = bundle.manifest.stage(file_format, role)  # type: ignore[arg-type]
    path = bundle.path_of(entry)
    if file_format == "openvino":
        return path.with_suffix(".bin").stat().st_size
    if not has_package("onnx"):
        return None
    import onnx

    from edge_mef.export.proof import weight_bytes as constants

    return constants(onnx.load(str(path)))


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


def _note_load(work: _Work) -> None:
    """Say that other programs compete, which no interleaving makes up for."""
    load, cores = (os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0), usable_cores()
    if load > 0.5 * cores:
        work.note(
            f"this machine is busy with other programs (load {load:.1f} on {cores} cores): the "
            "times are longer than they could be, and less certain"
        )


def _ignore(name: str, done: int, total: int) -> None:
    pass
