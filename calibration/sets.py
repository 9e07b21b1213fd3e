"""Calibration sets: a few different brackets, on which the ranges of activations are measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_mef.calibration.features import SceneFeatures, measure_features
from edge_mef.calibration.preprocessing import Preprocessing, scene_digest, set_digest
from edge_mef.calibration.records import CalibrationRecord, SceneRecord
from edge_mef.calibration.selection import Coverage, choose_diverse, measure_coverage
from edge_mef.calibration.sources import (
    Candidate,
    Progress,
    Source,
    find_source,
    left_out,
    printable,
)
from edge_mef.errors import InputError, OutputError
from edge_mef.saving import PICTURE_SUFFIXES
from edge_mef.sheet import contact_sheet

Frame = NDArray[np.uint8]

FEWEST = 4
"""Scenes that a set must have; the ranges of fewer are those of these scenes."""
_SMALLEST_SIDE = 16
_SHEET_COLUMNS, _SHEET_WIDTH = 6, 320  # pictures, pixels


@dataclass(frozen=True)
class CalibrationScene:
    """One bracket of a set: N frames (H, W, 3) uint8 RGB, darkest first, sizes as they come."""

    name: str
    frames: tuple[Frame, ...]
    digest: str
    features: SceneFeatures

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every frame."""
        height, width, _ = self.frames[0].shape
        return height, width


@dataclass(frozen=True)
class CalibrationSet:
    """Brackets to calibrate with.

    Attributes:
        source: what they were chosen from.
        settings: what was done to the frames.
        scenes: in the order they were chosen, which does not depend on names.
        coverage: how well they stand for all scenes of the source.
        notes: what was left out, in sentences.
    """

    source: str
    settings: Preprocessing
    scenes: tuple[CalibrationScene, ...]
    coverage: Coverage
    notes: tuple[str, ...] = ()

    @property
    def frames(self) -> tuple[tuple[Frame, ...], ...]:
        """The frames of every scene."""
        return tuple(scene.frames for scene in self.scenes)

    @property
    def digest(self) -> str:
        """SHA-256 of the frames' content and the settings; no names and no order are in it."""
        return set_digest(self.settings, (scene.digest for scene in self.scenes))

    @property
    def summary(self) -> str:
        """The set in one line."""
        return (
            f"{len(self.scenes)} of {self.coverage.candidates} scenes, {self.settings.exposures} "
            f"exposures, longest side {self.settings.longest_side}"
        )

    def record(self) -> CalibrationRecord:
        """Return all but the pixels, to save."""
        return CalibrationRecord(
            source=printable(self.source),
            digest=self.digest,
            settings=self.settings,
            scenes=tuple(
                SceneRecord(name=s.name, size=s.size, digest=s.digest, features=s.features)
                for s in self.scenes
            ),
            coverage=self.coverage,
            notes=self.notes,
        )

    def sheet(self) -> Frame:
        """Return a contact sheet of all frames, (H, W, 3) uint8 RGB."""
        cells = [
            (frame, text)
            for number, scene in enumerate(self.scenes, start=1)
            for frame, text in zip(scene.frames, _captions(number, scene), strict=True)
        ]
        columns = max(1, _SHEET_COLUMNS // self.settings.exposures) * self.settings.exposures
        rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
        return contact_sheet(
            [[frame for frame, _ in row] for row in rows],
            [[text for _, text in row] for row in rows],
            _SHEET_WIDTH,
        )


@dataclass(frozen=True)
class _Measured:
    key: int
    name: str
    digest: str
    features: SceneFeatures


def open_calibration_set(
    source: str | Path,
    *,
    count: int = 16,
    exposures: int = 2,
    longest_side: int = 640,
    outputs: Sequence[Path] = (),
    progress: Progress | None = None,
) -> CalibrationSet:
    """Choose brackets that are as different as possible, and read them.

    Every bracket is read once to measure its features, and the chosen ones again: memory holds one
    bracket and the set. The same pictures give the same set whatever their names and order.

    Args:
        source: a folder, a manifest, "rendered:COUNT" or a video, see `find_source`.
        count: scenes to choose, 4 or more; all where there are no more.
        exposures: frames of each bracket, 2 or more; brackets of fewer are left out.
        longest_side: frames are reduced to it, in pixels.
        outputs: files that will be written; checked before any picture is decoded.
        progress: is told what is read, how many were before, and how many there are.

    Raises:
        InputError: settings out of range, nothing to read, or fewer than 4 scenes that can be used.
        OutputError: an output is one of the inputs, or would be taken for one the next time.
    """
    _check_settings(count, exposures, longest_side)
    settings = Preprocessing(exposures=exposures, longest_side=longest_side)
    found = find_source(source)
    _check_outputs(source, found, outputs)
    measured, repeated = _measure(found, settings, progress or _ignore)
    notes = [*found.notes, *repeated]
    if len(measured) < FEWEST:
        raise _too_few(source, len(measured), notes)
    features = np.array([one.features.values for one in measured], np.float64)
    chosen = choose_diverse(features, count)
    if len(chosen) < count:
        notes.append(f"{count} scenes were asked for, and all {len(chosen)} that there are taken")
    return CalibrationSet(
        source=str(source),
        settings=settings,
        scenes=_read(found, settings, [measured[index] for index in chosen]),
        coverage=measure_coverage(features, chosen),
        notes=tuple(notes),
    )


def _captions(number: int, scene: CalibrationScene) -> list[str]:
    others = [""] * (len(scene.frames) - 2)
    return [f"{number}: {scene.name}", *others, f"gap {scene.features.gap:.2f}"]


def _check_settings(count: int, exposures: int, longest_side: int) -> None:
    for name, value, least in (
        ("scenes", count, FEWEST),
        ("exposures of each scene", exposures, 2),
        ("pixels as the longest side", longest_side, _SMALLEST_SIDE),
    ):
        if value < least:
            raise InputError(f"expected {least} {name} or more, found {value}: ask for more")


def _check_outputs(source: str | Path, found: Source, outputs: Sequence[Path]) -> None:
    folder = Path(source).resolve()
    pictures_count = folder.is_dir() and not (folder / "manifest.csv").is_file()
    for output in outputs:
        for path in found.paths:
            if output.exists() and path.exists() and output.samefile(path):
                raise OutputError(
                    f"the output '{output}' is one of the inputs: choose another name"
                )
        inside = folder in output.resolve().parents
        if pictures_count and inside and output.suffix.lower() in PICTURE_SUFFIXES:
            raise OutputError(
                f"the output '{output}' lies in '{source}' and would be taken for an exposure the "
                "next time: write it elsewhere"
            )


def _measure(
    found: Source, settings: Preprocessing, progress: Progress
) -> tuple[list[_Measured], list[str]]:
    """Return every scene once, in the order of digests, and notes on those that are repeated."""
    measured: dict[str, _Measured] = {}
    repeated: list[str] = []
    for one in found.scan(settings, progress):
        digest = scene_digest(one.frames)
        if digest in measured:
            repeated.append(left_out(one.name, f"it shows the same as {measured[digest].name}"))
            continue
        measured[digest] = _describe(one, digest)
    if len(repeated) > 1:  # of a video at rest it would be all frames
        repeated = [f"{repeated[0]}, and so do {len(repeated) - 1} more with others"]
    return [measured[digest] for digest in sorted(measured)], repeated


def _describe(one: Candidate, digest: str) -> _Measured:
    return _Measured(one.key, one.name, digest, measure_features(one.frames))


def _too_few(source: str | Path, count: int, notes: Sequence[str]) -> InputError:
    why = f" ({notes[0]}{'; ...' if len(notes) > 1 else ''})" if notes else ""
    return InputError(
        f"expected {FEWEST} different scenes or more in '{source}', found {count}{why}: the ranges "
        "of so few would clip other scenes, so add brackets"
    )


def _read(
    found: Source, settings: Preprocessing, chosen: Sequence[_Measured]
) -> tuple[CalibrationScene, ...]:
    frames = found.read(settings, [one.key for one in chosen])
    for one in chosen:
        if scene_digest(frames[one.key]) != one.digest:
            raise InputError(f"{one.name} changed while it was read: run it again")
    return tuple(
        CalibrationScene(one.name, frames[one.key], one.digest, one.features) for one in chosen
    )


def _ignore(name: str, done: int, total: int) -> None:
    pass
