"""Can measurements of this machine be believed? The harness and `compare`, tried on known cases.

    python -m edge_mef.benchmarks.selfcheck --threads 1

times a sleep of 5 ms and nothing at all, measures one bundle again and again in processes of
their own, and compares the runs: those of the same artefact, where every claim is a false alarm,
and those with a slowdown that was planted.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from edge_mef.benchmarks.command import Parser, frame_size, run, whole_number
from edge_mef.benchmarks.compare import compare_records
from edge_mef.benchmarks.latency.entrants import (
    BundleEntrant,
    Conditions,
    Entrant,
    Frame,
    OpenedBundle,
)
from edge_mef.benchmarks.latency.request import PARTS, Listener, Request
from edge_mef.benchmarks.latency.session import run_benchmark
from edge_mef.benchmarks.latency.turns import Effort, Turn, take_turns
from edge_mef.benchmarks.record_files import read_record, write_record
from edge_mef.benchmarks.records import Record
from edge_mef.bundle import load_bundle
from edge_mef.errors import EdgeMefError

PLANTED = 0.10
_SLEEP = 0.005  # seconds
_MOST = 1000


@dataclass(frozen=True)
class Check:
    """What was found.

    Attributes:
        sleep_ms: the median that is measured for a sleep of 5 ms.
        overhead_us: what one sample costs beside its call; inside_us: what of it is in the sample.
        shifts: of each pair of runs of the same artefact, how far the medians are apart (0.01 is
            1 %).
        false_alarms: how many of these pairs `compare` calls faster or slower.
        found_apart: how often a planted slowdown is called one, in runs made apart.
        found_in_turn: the same, where both took turns.
        alarms_in_turn: how often the same artefact is called faster or slower than itself in turn.
        disturbed: in how many of the repetitions others took the cores, so that nothing is claimed
            of runs made apart.
    """

    repeats: int
    sleep_ms: float
    overhead_us: float
    inside_us: float
    shifts: tuple[float, ...]
    false_alarms: int
    found_apart: int
    found_in_turn: int
    alarms_in_turn: int
    disturbed: int


class _SlowedBundle(OpenedBundle):
    """A bundle that takes longer by a share of what it takes."""

    share: float

    def fuse(self, *exposures: Frame) -> Frame:
        """Fuse, and keep the core busy for as long again as the share says."""
        started = time.perf_counter_ns()
        fused = super().fuse(*exposures)
        now = time.perf_counter_ns()
        end = now + (now - started) * self.share
        while time.perf_counter_ns() < end:
            pass
        return fused


class SlowedEntrant(BundleEntrant):
    """A bundle with a planted slowdown; `share` 0.1 is 10 %."""

    share = PLANTED

    def open(self, frames: Sequence[Frame]) -> OpenedBundle:
        """Open the bundle; its first call is as quick as ever."""
        opened = super().open(frames)
        slowed = _SlowedBundle(opened.fuser, opened.load)
        slowed.share = self.share
        return slowed


@dataclass(frozen=True)
class Plan:
    """What is measured in each run."""

    bundle: str
    size: tuple[int, int]
    threads: int
    effort: Effort

    def measure(self, shares: Sequence[float]) -> list[Record]:
        """Measure the bundle in turn as often as there are planted slowdowns."""
        entrants = [self._entrant(index, share) for index, share in enumerate(shares)]
        kept: list[Record] = []
        request = Request(
            entrants=tuple(entrants),
            sizes=(self.size,),
            conditions=Conditions(threads=self.threads),
            effort=self.effort,
            skipped=frozenset(PARTS),
        )
        run_benchmark(request, Listener(kept.append, lambda *told: None, nullcontext))
        return kept

    def _entrant(self, index: int, share: float) -> Entrant:
        made = SlowedEntrant(
            load_bundle(self.bundle), None, Conditions(threads=self.threads), f"run {index}"
        )
        made.share = share
        return made


def self_check(plan: Plan, repeats: int, progress: Callable[[str], None]) -> Check:
    """Try everything; each run is a process of its own."""
    progress("the clock")
    sleep_ms = _median([partial(time.sleep, _SLEEP)], 400)[0]
    overhead, inside = _overhead()
    shifts, alarms, apart, in_turn, turn_alarms, disturbed = [], 0, 0, 0, 0, 0
    for number in range(repeats):
        progress(f"repetition {number + 1} of {repeats}")
        (one,), (other,), (slow,) = (_run_apart(plan, [share]) for share in (0.0, 0.0, PLANTED))
        shifts.append(_shift(one, other))
        alarms += compare_records(one, other).verdict != "no difference"
        apart += compare_records(other, slow).verdict == "slower"
        disturbed += any(r.contention is not None and r.contention.disturbed for r in (one, other))
        first, same, slowed = _run_apart(plan, [0.0, 0.0, PLANTED])
        turn_alarms += compare_records(first, same).verdict != "no difference"
        in_turn += compare_records(first, slowed).verdict == "slower"
    return Check(
        repeats=repeats,
        sleep_ms=sleep_ms,
        overhead_us=overhead,
        inside_us=inside,
        shifts=tuple(shifts),
        false_alarms=alarms,
        found_apart=apart,
        found_in_turn=in_turn,
        alarms_in_turn=turn_alarms,
        disturbed=disturbed,
    )


def _median(calls: Sequence[Callable[[], object]], samples: int) -> list[float]:
    turns = [Turn(call) for call in calls]
    take_turns(turns, Effort(fewest=samples, percentile="median", seconds=60.0), lambda: None)
    return [statistics.median(turn.samples) for turn in turns]


def _overhead() -> tuple[float, float]:
    """Return microseconds of a sample of nothing: of the whole loop, and within the sample."""
    turn = Turn(lambda: None)
    started = time.perf_counter()
    take_turns([turn], Effort(fewest=5000, percentile="median"), lambda: None)
    passed = time.perf_counter() - started
    return passed / len(turn.samples) * 1e6, statistics.median(turn.samples) * 1e3


def _shift(one: Record, other: Record) -> float:
    medians = [r.series["end_to_end"].summary.median for r in (one, other)]
    return max(medians) / min(medians) - 1


def _run_apart(plan: Plan, shares: Sequence[float]) -> list[Record]:
    """Measure in a process of its own, as two calls of `edge-mef bench` are."""
    with tempfile.TemporaryDirectory() as folder:
        asked = asdict(plan) | {"shares": list(shares), "folder": folder}
        command = [sys.executable, "-m", "edge_mef.benchmarks.selfcheck", "--worker"]
        done = subprocess.run(command, input=json.dumps(asked), text=True, check=False)
        if done.returncode:
            raise EdgeMefError(f"a run ended with {done.returncode}: see what it said above")
        return [read_record(path)[0] for path in sorted(Path(folder).glob("*.json"))]


def _work() -> str:
    """Be the process that measures."""
    asked = json.load(sys.stdin)
    shares, folder = asked.pop("shares"), Path(asked.pop("folder"))
    effort, size = Effort(**asked.pop("effort")), tuple(asked.pop("size"))
    for index, record in enumerate(Plan(size=size, effort=effort, **asked).measure(shares)):
        write_record(folder / f"{index}.json", record)
    return ""


def describe(check: Check) -> str:
    """Return what was found, for people."""
    shifts = sorted(check.shifts)
    of = f"of {check.repeats}"
    return (
        f"a sleep of 5 ms is measured as {check.sleep_ms:.3f} ms ({check.sleep_ms / 5 - 1:+.1%})\n"
        f"a sample costs {check.overhead_us:.1f} us beside its call, {check.inside_us:.2f} us of "
        "them in the sample\n"
        "two runs of the same artefact: medians are "
        f"{statistics.median(shifts):.1%} apart in the middle, {shifts[-1]:.1%} at most, within "
        f"5 % in {sum(shift <= 0.05 for shift in shifts)} {of}\n"
        f"the same artefact called faster or slower: {check.false_alarms} {of} runs made apart, "
        f"{check.alarms_in_turn} {of} in turn\n"
        f"a planted slowdown of {PLANTED:.0%} called slower: {check.found_apart} {of} runs made "
        f"apart, {check.found_in_turn} {of} in turn\n"
        f"others took the cores in {check.disturbed} {of} repetitions\n"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line of this module."""
    parser = Parser(prog="edge_mef.benchmarks.selfcheck", description=__doc__)
    parser.add_argument("--bundle", default="ffmef-edge")
    parser.add_argument("--size", default="270x480", help="height x width of the frames")
    parser.add_argument("--threads", type=whole_number(64), default=1)
    parser.add_argument("--samples", type=whole_number(10_000), default=200)
    parser.add_argument("--seconds", type=whole_number(3600), default=15)
    parser.add_argument("--repeats", type=whole_number(_MOST), default=20)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    return run(_work if given.worker else partial(_run, given))


def _run(given: argparse.Namespace) -> str:
    effort = Effort(fewest=given.samples, percentile="median", seconds=float(given.seconds))
    plan = Plan(given.bundle, frame_size(given.size), given.threads, effort)
    load_bundle(plan.bundle)  # what is wrong with it is said before anything runs
    found = self_check(plan, given.repeats, _tell)
    return json.dumps(asdict(found), indent=2) + "\n" if given.json else describe(found)


def _tell(what: str) -> None:
    sys.stderr.write(f"{what}\n")


if __name__ == "__main__":
    sys.exit(main())
