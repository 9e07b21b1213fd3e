"""How often the motion guard is wrong, beside what else could decide, and how long it takes.

    python -m edge_mef.benchmarks.motion --data FOLDER

takes rendered scenes with a camera that stands still, shifts or pans, and with an object that moves
by its own width. Of every detector the smallest limit is found that gives at most 1 % of false
alarms on some scenes; what is counted is counted on others. Real brackets of a folder are listed by
name where the guard says that they moved: some of them do.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.command import Parser, frame_size, run, whole_number
from edge_mef.benchmarks.motion_rivals import GUARD, SCORES, guard_score
from edge_mef.benchmarks.motion_scenes import Group, all_cases, render_stage
from edge_mef.benchmarks.speed import limit_libraries, rendered_frames
from edge_mef.benchmarks.timing import time_interleaved
from edge_mef.data.scenes import load_scenes
from edge_mef.fuser import Fuser
from edge_mef.stream.motion import LIMIT, MotionGuard

Frame = NDArray[np.uint8]

ALLOWED = 0.01  # share of still brackets that may raise an alarm
_CHOOSING_SEED = 1000  # scenes from here on choose the limits, those from 0 on are counted
_LONGEST_REAL = 1280  # pixels: what a camera delivers to a stream
_REAL_SHIFTS = (3, 5)
_MOST_SCENES = 500
_TITLES: dict[Group, str] = {
    "still": "still: false alarms",
    "uneven": "still, in light that differs from place to place: false alarms",
    "moved": "moved: missed",
}


@dataclass(frozen=True)
class Scored:
    """A bracket: what it shows, and its score by every detector."""

    kind: str
    group: Group
    scores: dict[str, float]


@dataclass(frozen=True)
class Row:
    """Brackets of one kind, and how many of them each detector takes for moved."""

    kind: str
    group: Group
    brackets: int
    moved: dict[str, int]


@dataclass(frozen=True)
class Cost:
    """Medians in milliseconds of one check and of one fusion in the same run, on one thread."""

    exposures: int
    check: float
    fusion: float


@dataclass(frozen=True)
class Measured:
    """What was found.

    limits: by detector, the smallest that keeps to `ALLOWED`; the guard is counted with `LIMIT`.
    real: brackets looked at; alarms: the scores of those that moved, by name; shifted: by pixels
    of 1280, in how many of the others a shift of the brightest exposure is missed.
    """

    limits: dict[str, float]
    rows: list[Row]
    costs: list[Cost]
    real: int
    alarms: dict[str, float]
    shifted: dict[int, int]


def measure_motion(
    size: tuple[int, int],
    *,
    scenes: int,
    choosing: int,
    data: str | Path | None = None,
    repeats: int = 20,
) -> Measured:
    """Count false alarms and misses, and time the guard.

    Args:
        size: height and width of the frames.
        scenes: rendered scenes that are counted.
        choosing: other rendered scenes, which choose the limits.
        data: real brackets, as `load_scenes` takes them.
        repeats: timed calls of each, after two that do not count.

    Raises:
        InputError: no such data.
    """
    real = _score_real(data) if data is not None else {}
    limits = choose_limits(_scored(range(_CHOOSING_SEED, _CHOOSING_SEED + choosing), size))
    return Measured(
        limits=limits,
        rows=count(_scored(range(scenes), size), limits | {GUARD: LIMIT}),
        costs=[_cost(size, exposures, repeats) for exposures in (2, 3)],
        real=len(real),
        alarms={name: scores[0] for name, scores in real.items() if scores[0] > LIMIT},
        shifted={
            pixels: sum(scores[0] <= LIMIT >= scores[pixels] for scores in real.values())
            for pixels in _REAL_SHIFTS
        },
    )


def _scored(seeds: Iterable[int], size: tuple[int, int]) -> Iterator[Scored]:
    """Yield every bracket of these scenes."""
    for seed in seeds:
        stage = render_stage(seed, *size)
        for case in all_cases(stage, seed):
            scores = {name: score(case.exposures) for name, score in SCORES.items()}
            yield Scored(case.kind, case.group, scores)


def choose_limits(scored: Iterable[Scored]) -> dict[str, float]:
    """Return, by detector, the smallest score that at most `ALLOWED` of still brackets exceed."""
    still = [bracket.scores for bracket in scored if bracket.group == "still"]
    spared = int(len(still) * ALLOWED)
    return {name: sorted(s[name] for s in still)[-1 - spared] for name in SCORES}


def count(scored: Iterable[Scored], limits: dict[str, float]) -> list[Row]:
    """Count the brackets of every kind whose score exceeds the limit of a detector."""
    rows: dict[str, Row] = {}
    for bracket in scored:
        row = rows.get(bracket.kind, Row(bracket.kind, bracket.group, 0, dict.fromkeys(limits, 0)))
        moved = {n: row.moved[n] + (bracket.scores[n] > limit) for n, limit in limits.items()}
        rows[bracket.kind] = Row(bracket.kind, bracket.group, row.brackets + 1, moved)
    return list(rows.values())


def _score_real(data: str | Path) -> dict[str, dict[int, float]]:
    """Return, by scene, the score with the brightest exposure shifted by so many pixels."""
    found = {}
    for scene in load_scenes(data):
        *others, brightest = scene.read(_LONGEST_REAL)
        found[scene.name] = {
            pixels: guard_score([*others, _shifted(brightest, pixels)])
            for pixels in (0, *_REAL_SHIFTS)
        }
    return found


def _shifted(frame: Frame, pixels: int) -> Frame:
    """Move a picture to the right by pixels of 1280; its left edge is repeated."""
    distance = pixels * frame.shape[1] / 1280
    matrix = np.array([[1, 0, distance], [0, 1, 0]], np.float32)
    size = (frame.shape[1], frame.shape[0])
    moved = cv2.warpAffine(frame, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8) if pixels else frame


def _cost(size: tuple[int, int], exposures: int, repeats: int) -> Cost:
    """Time a guard beside the default bundle on the same frames."""
    frames = rendered_frames(*size, exposures)
    guard = MotionGuard()
    with Fuser.open(threads=1) as fuser:
        limit_libraries(1)
        calls: list[Callable[[], object]] = [
            partial(guard.check, frames),
            partial(fuser.fuse, *frames, sort=False),
        ]
        check, fusion = time_interleaved(calls, repeats=repeats)
    return Cost(exposures, check.median, fusion.median)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line of this module."""
    parser = Parser(prog="edge_mef.benchmarks.motion", description=__doc__)
    parser.add_argument("--data", help="real brackets, as edge-mef evaluate takes them")
    parser.add_argument("--size", default="720x1280", help="height x width of rendered frames")
    parser.add_argument("--scenes", type=whole_number(_MOST_SCENES), default=40)
    parser.add_argument("--choosing", type=whole_number(_MOST_SCENES), default=20)
    parser.add_argument("--repeats", type=whole_number(_MOST_SCENES), default=20)
    parser.add_argument("--json", action="store_true")
    return run(partial(_run, parser.parse_args(arguments)))


def _run(given: argparse.Namespace) -> str:
    measured = measure_motion(
        frame_size(given.size, 3),
        scenes=given.scenes,
        choosing=given.choosing,
        data=given.data,
        repeats=given.repeats,
    )
    if given.json:
        return json.dumps(asdict(measured), indent=2) + "\n"
    return "\n".join(_report(measured)) + "\n"


def _report(measured: Measured) -> Iterator[str]:
    yield _line("", "brackets", SCORES)
    yield _line(f"limit for {ALLOWED:.0%} of alarms", "", _shown(measured.limits))
    yield _line("limit that is counted with", "", _shown(measured.limits | {GUARD: LIMIT}))
    for group, title in _TITLES.items():
        yield from ("", title)
        rows = [row for row in measured.rows if row.group == group]
        for row in rows:
            yield _line(row.kind, str(row.brackets), _wrong(row))
        yield _line("all", str(sum(row.brackets for row in rows)), _sums(rows))
    yield ""
    for cost in measured.costs:
        yield (
            f"{cost.exposures} exposures: {cost.check:.2f} ms a check, {cost.fusion:.1f} ms a "
            f"fusion, ratio {cost.check / cost.fusion:.3f}"
        )
    if measured.real:
        still = measured.real - len(measured.alarms)
        yield f"\nreal brackets: {len(measured.alarms)} of {measured.real} moved"
        for pixels, missed in measured.shifted.items():
            yield f"of the other {still}, shifted by {pixels} px of 1280: {missed} missed"
        for name, score in sorted(measured.alarms.items(), key=lambda item: -item[1]):
            yield f"{name:<34} {score:8.4f}"


def _wrong(row: Row) -> list[int]:
    """Return false alarms, or misses where there was motion."""
    return [row.brackets - n if row.group == "moved" else n for n in row.moved.values()]


def _sums(rows: Sequence[Row]) -> list[int]:
    return [sum(column) for column in zip(*map(_wrong, rows), strict=True)]


def _shown(limits: dict[str, float]) -> list[str]:
    return [f"{limits[name]:.4f}" for name in SCORES]


def _line(first: str, second: str, values: Iterable[object]) -> str:
    return f"{first:<34} {second:>8}" + "".join(f"{value:>13}" for value in values)


if __name__ == "__main__":
    sys.exit(main())
