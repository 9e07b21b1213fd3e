"""A folder of pictures sorted into brackets: by subfolder, or by EXIF time and exposure."""

import math
import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge_mef.errors import InputError
from edge_mef.metadata import Metadata
from edge_mef.pictures import PICTURE_SUFFIXES, picture_size, read_metadata

_LARGEST_UNTIMED = 9  # frames; more pictures without times are not taken for one bracket
_NO_TIME = (
    "expected an EXIF time as in its neighbours, found none: put its bracket into a subfolder"
)


@dataclass(frozen=True)
class BracketFiles:
    """The files of one bracket; name: the subfolder, or the first picture's name without ending."""

    name: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Brackets:
    """What a folder holds: brackets that can be fused, and (name, why not) of what cannot."""

    found: tuple[BracketFiles, ...]
    problems: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Shot:
    path: Path
    size: tuple[int, int]
    metadata: Metadata


def find_brackets(
    folder: Path | str, *, gap_seconds: float = 2.0, exclude: Sequence[Path | str] = ()
) -> Brackets:
    """Sort the pictures of a folder into brackets of two or more frames.

    Each subfolder is one bracket, except those in `exclude` (such as the folder for the results).
    Pictures lying directly in the folder are split by their EXIF times: a new bracket starts more
    than gap_seconds after the exposure before, where an exposure repeats, and where camera, size
    or kind of file changes. Without times they are one bracket if there are 2 to 9 of one size.
    Hidden files and other files are passed over; a picture that cannot be read is a problem of
    its bracket and does not stop the others.

    Raises:
        InputError: no such folder, no pictures, or pictures without times that are no one bracket.
    """
    folder = Path(folder)
    direct, subfolders = _list_folder(folder)
    excluded = {Path(place).resolve() for place in exclude}
    groups, closed = _subfolder_groups([p for p in subfolders if p.resolve() not in excluded])
    if not direct and not groups and not closed:
        raise InputError(
            f"expected pictures ({' '.join(PICTURE_SUFFIXES)}) in '{folder}' or its subfolders, "
            "found none: check the folder"
        )
    parts = [_as_bracket(group) for group in groups]
    shots, unreadable = _read_shots(direct)
    timed = [shot for shot in shots if shot.metadata.taken]
    untimed = [shot for shot in shots if not shot.metadata.taken]
    parts += [_as_bracket(_named_by_first(run)) for run in _split(timed, gap_seconds)]
    if timed:
        parts += [Brackets((), ((shot.path.name, _NO_TIME),)) for shot in untimed]
    elif untimed:
        parts.append(_untimed_bracket(folder, untimed, alone=not groups))
    found = [bracket for part in parts for bracket in part.found]
    problems = [problem for part in parts for problem in part.problems]
    return Brackets(tuple(_with_own_names(found)), tuple(problems + unreadable + closed))


def _subfolder_groups(
    subfolders: Sequence[Path],
) -> tuple[list[BracketFiles], list[tuple[str, str]]]:
    """Return the brackets in subfolders, and (name, why) of subfolders that cannot be read."""
    groups, closed = [], []
    for place in subfolders:
        try:
            files = _list_folder(place)[0]
        except InputError as error:
            closed.append((place.name, str(error)))
            continue
        if files:
            groups.append(BracketFiles(place.name, tuple(files)))
    return groups, closed


def _list_folder(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the pictures and the subfolders, in the order a person would count them."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: _natural(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"there is no folder '{folder}': check the name") from None
    except OSError as error:
        raise InputError(
            f"the folder '{folder}' cannot be read ({error.strerror}): check its permissions"
        ) from error
    shown = [entry for entry in entries if not entry.name.startswith(".")]
    pictures = [e for e in shown if e.suffix.lower() in PICTURE_SUFFIXES and not e.is_dir()]
    return pictures, [entry for entry in shown if entry.is_dir()]


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts IMG_9 before IMG_10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name.casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts] + [(2, 0, name)]


def _as_bracket(group: BracketFiles) -> Brackets:
    """Return the group as a bracket, or as a problem where its headers show that it is none."""
    problem = _problem(group.paths)
    return Brackets((), ((group.name, problem),)) if problem else Brackets((group,), ())


def _problem(paths: Sequence[Path]) -> str | None:
    if len(paths) < 2:
        return f"expected two or more exposures, found only '{paths[0].name}': add the others"
    try:
        sizes = {picture_size(path) for path in paths}
    except InputError as error:
        return str(error)
    if len(sizes) > 1:
        listed = " and ".join(f"{width}x{height}" for height, width in sorted(sizes))
        return f"expected exposures of one size, found {listed}: crop them or sort them by size"
    return None


def _read_shots(pictures: Sequence[Path]) -> tuple[list[_Shot], list[tuple[str, str]]]:
    shots: list[_Shot] = []
    unreadable: list[tuple[str, str]] = []
    for path in pictures:
        try:
            shots.append(_Shot(path, picture_size(path), read_metadata(path)))
        except InputError as error:
            unreadable.append((path.name, str(error)))
    return shots, unreadable


def _untimed_bracket(folder: Path, shots: Sequence[_Shot], *, alone: bool) -> Brackets:
    """Take all pictures for one bracket; where they cannot be one, raise if there is no other."""
    group = BracketFiles(folder.resolve().name, tuple(shot.path for shot in shots))
    bracket = _as_bracket(group)
    problem = bracket.problems[0][1] if bracket.problems else ""
    if len(shots) > _LARGEST_UNTIMED:
        problem = (
            f"expected EXIF times to tell brackets apart, found none in the {len(shots)} pictures "
            f"of '{folder}': put each bracket into a subfolder"
        )
    elif problem:
        problem = f"{problem}, or put each bracket of '{folder}' into a subfolder"
    if problem and alone:
        raise InputError(problem)
    return Brackets((), ((group.name, problem),)) if problem else bracket


def _named_by_first(shots: Sequence[_Shot]) -> BracketFiles:
    return BracketFiles(shots[0].path.stem, tuple(shot.path for shot in shots))


def _split(shots: Sequence[_Shot], gap_seconds: float) -> list[list[_Shot]]:
    """Split timed shots into brackets, in the order they were taken."""
    series: dict[Hashable, list[_Shot]] = {}
    for shot in shots:
        kind = (shot.metadata.camera, shot.size, shot.path.suffix.lower())
        series.setdefault(kind, []).append(shot)
    brackets = [
        bracket
        for of_one_kind in series.values()
        for run in _split_at_pauses(sorted(of_one_kind, key=_when), gap_seconds)
        for bracket in _split_at_repeats(run)
    ]
    return sorted(brackets, key=lambda bracket: _when(bracket[0]))


def _split_at_pauses(shots: Sequence[_Shot], gap_seconds: float) -> list[list[_Shot]]:
    runs: list[list[_Shot]] = []
    for shot in shots:
        if not runs or _pause(runs[-1][-1], shot) > gap_seconds:
            runs.append([])
        runs[-1].append(shot)
    return runs


def _split_at_repeats(run: Sequence[_Shot]) -> list[list[_Shot]]:
    """A bracket has each setting once.

    The setting is the exposure bias where it varies, as in automatic bracketing; it repeats even
    where the light has changed. Else it is the exposure; shots without either are kept together.
    """
    biases = [shot.metadata.exposure_bias for shot in run]
    varied = None not in biases and len(set(biases)) > 1
    settings = biases if varied else [shot.metadata.exposure for shot in run]
    brackets: list[list[_Shot]] = []
    seen: list[float] = []
    for shot, setting in zip(run, settings, strict=True):
        if not brackets or any(setting is not None and _same(setting, one) for one in seen):
            brackets.append([])
            seen = []
        brackets[-1].append(shot)
        seen += [] if setting is None else [setting]
    return brackets


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=0.02, abs_tol=1e-9)


def _when(shot: _Shot) -> tuple[datetime, list[tuple[int, int, str]]]:
    return shot.metadata.taken or datetime.min, _natural(shot.path.name)


def _pause(before: _Shot, after: _Shot) -> float:
    """Seconds between two exposures; cameras note the start or the end, so both are taken off."""
    elapsed = (_when(after)[0] - _when(before)[0]).total_seconds()
    exposed = (before.metadata.exposure_time or 0.0) + (after.metadata.exposure_time or 0.0)
    return elapsed - exposed


def _with_own_names(brackets: Sequence[BracketFiles]) -> Iterator[BracketFiles]:
    """Number the names that occur again, as a result is named after its bracket."""
    taken: set[str] = set()
    for bracket in brackets:
        name, number = bracket.name, 1
        while name.casefold() in taken:
            number += 1
            name = f"{bracket.name}-{number}"
        taken.add(name.casefold())
        yield BracketFiles(name, bracket.paths)
