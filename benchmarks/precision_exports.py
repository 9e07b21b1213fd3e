"""Which bundles the precision advisor measures: those that are given, or exports of a network."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge_mef.benchmarks.advice import PRECISIONS
from edge_mef.bundle import Bundle, load_bundle
from edge_mef.errors import GateError, InputError
from edge_mef.export.targets import TARGETS, missing_package
from edge_mef.manifest import Precision
from edge_mef.runtimes.table import RUNTIMES, why_not

Progress = Callable[[str, int, int], None]

_TARGETS = {"openvino": "openvino", "tensorrt": "trt"}  # the targets that add to ONNX, by format


@dataclass
class Journal:
    """What is told while the advisor works: the progress, and notes for its end."""

    progress: Progress
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep a sentence; a second time it says nothing new."""
        if text not in self.notes:
            self.notes.append(text)


@dataclass(frozen=True)
class Source:
    """A bundle, what sentences call it (None: its precision), and the formats to run of it."""

    bundle: Bundle
    name: str | None = None
    formats: tuple[str, ...] = tuple(row.artefact for row in RUNTIMES.values())


def given_bundles(paths: Sequence[str | Path]) -> list[Source]:
    """Open bundles to choose from.

    Raises:
        InputError: not of one network, not of one number of exposures, or one is there twice.
        BundleError: one cannot be opened.
    """
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


def export_precisions(
    folder: Path, model: str, weights: Path | None, calibration: str | None, journal: Journal
) -> list[Source]:
    """Export every precision into a folder, for all targets that this machine can run.

    A precision that misses a gate of the export is left out, with a note.

    Raises:
        InputError: no such network, weights or calibration scenes.
    """
    from edge_mef.export.build import ExportSettings, export_bundle
    from edge_mef.export.quantization import QuantSettings

    found: dict[Precision, list[Source]] = {}
    targets, ranges = list(_targets(journal)), folder / "ranges.json"
    # int8 comes first: of all that can be wrong most is wrong there.
    for precision in reversed(PRECISIONS):
        kept: tuple[str, ...] = ()
        for target, formats in targets:
            journal.progress(f"exporting {precision}", len(found), len(PRECISIONS))
            settings = ExportSettings(
                model=model,
                weights=weights,
                precision=precision,
                quantization=QuantSettings(calibration, ranges=ranges, kept=kept),
            )
            try:
                bundle = export_bundle(folder / f"{precision}-{target}", settings, target=target)
            except GateError as error:
                journal.note(f"left out: {precision}: {error}")
                break
            if bundle.manifest.quantization is not None:
                kept = bundle.manifest.quantization.kept  # the same again, without the search
                for note in bundle.manifest.quantization.notes:
                    if str(ranges) not in note:  # a file of ours, of no use to anybody
                        journal.note(note)
            found.setdefault(precision, []).append(Source(bundle, None, formats))
    return [source for precision in PRECISIONS for source in found.get(precision, [])]


def _targets(journal: Journal) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Targets to export, and what is run of each: ONNX models, which all hold, once."""
    formats: tuple[str, ...] = ("onnx",)
    for row in RUNTIMES.values():
        target = _TARGETS.get(row.artefact)
        if target is None or not row.automatic:
            continue
        if (problem := why_not(row)) is not None:
            journal.note(f"not measured: {problem}")
        elif missing_package(TARGETS[target]) is None:
            yield target, (*formats, row.artefact)
            formats = ()
    if formats:
        yield "onnx", formats
