"""Fusing a folder of brackets: one bad bracket does not stop the rest, and a second run goes on."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge_mef.brackets import BracketFiles, Brackets, find_brackets
from edge_mef.errors import InputError, OutputError
from edge_mef.exposures import Exposures
from edge_mef.fuser import Fuser
from edge_mef.saving import PICTURE_SUFFIXES, check_output, write_picture

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class FuseOptions:
    """How brackets are read and written.

    `suffix` is the ending of fused pictures (None: that of the darkest frame), `quality` a JPEG's.
    """

    align: bool = False
    extremes: bool = False
    overwrite: bool = False
    suffix: str | None = None
    quality: int = 95
    gap_seconds: float = 2.0


@dataclass(frozen=True)
class Fused:
    """One fused bracket: its picture, its exposures, and the seconds that fusing took."""

    output: Path
    exposures: Exposures
    seconds: float


@dataclass
class BatchResult:
    """What became of a folder's brackets; `failed` holds (name, why)."""

    fused: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


def fuse_bracket(
    fuser: Fuser, paths: list[Path], output: Path, options: FuseOptions | None = None
) -> Fused:
    """Fuse the files of one bracket into a picture with their size, profile and EXIF.

    Raises:
        InputError: they cannot be read or fused.
        OutputError: the picture cannot be written; then nothing is.
    """
    options = options or FuseOptions()
    check_output(output, inputs=paths)
    exposures = fuser.read(paths, align=options.align, extremes=options.extremes)
    started = time.perf_counter()
    pixels = fuser.fuse_exposures(exposures)
    seconds = time.perf_counter() - started
    write_picture(output, pixels, like=exposures.metadata, quality=options.quality)
    return Fused(output, exposures, seconds)


def fuse_folder(
    fuser: Fuser,
    folder: Path,
    output: Path,
    options: FuseOptions | None = None,
    progress: Progress | None = None,
) -> BatchResult:
    """Fuse every bracket of a folder into another folder.

    Pictures that are there already are kept, unless `options.overwrite`. `progress` is told the
    name of the bracket that begins, how many are done, and how many there are.

    Raises:
        InputError: no brackets there, or the output is the folder itself.
        OutputError: the output cannot be written to; what was fused before stays.
    """
    options = options or FuseOptions()
    brackets = _find(folder, output, options)
    result = BatchResult(failed=list(brackets.problems))
    for index, bracket in enumerate(brackets.found):
        if progress is not None:
            progress(bracket.name, index, len(brackets.found))
        target = output / f"{bracket.name}{options.suffix or _suffix(bracket)}"
        if not options.overwrite and target.is_file() and target.stat().st_size:
            result.kept.append(target)
            continue
        try:
            fuse_bracket(fuser, list(bracket.paths), target, options)
            result.fused.append(target)
        except InputError as error:
            result.failed.append((bracket.name, str(error)))
    return result


def _find(folder: Path, output: Path, options: FuseOptions) -> Brackets:
    if options.suffix is not None and options.suffix not in PICTURE_SUFFIXES:
        known = " ".join(PICTURE_SUFFIXES)
        raise InputError(f"expected one of the endings {known}, found '{options.suffix}'")
    if output.exists() and folder.exists() and output.samefile(folder):
        raise InputError("the output folder is the input folder: choose another one")
    if output.is_file():
        raise OutputError(f"the output '{output}' is a file: name a folder")
    brackets = find_brackets(folder, gap_seconds=options.gap_seconds, exclude=[output])
    if not brackets.found and not brackets.problems:
        raise InputError(f"no bracket was found in '{folder}'")
    _check_no_originals(folder, output, {bracket.name for bracket in brackets.found})
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder '{output}' cannot be made: {error.strerror}") from error
    check_output(output / "probe.png")
    return brackets


def _check_no_originals(folder: Path, output: Path, names: set[str]) -> None:
    """Refuse an output folder inside the input that holds pictures other than our results."""
    if not output.is_dir() or output.resolve().parent != folder.resolve():
        return
    pictures = [p for p in output.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES]
    others = sorted(p.name for p in pictures if p.stem not in names)
    if others:
        raise InputError(
            f"the output folder '{output}' holds pictures that are no results, such as "
            f"'{others[0]}': choose another one"
        )


def _suffix(bracket: BracketFiles) -> str:
    suffixes = {path.suffix.lower() for path in bracket.paths}
    return suffixes.pop() if len(suffixes) == 1 else ".png"
