"""What a stream costs beside fusing, and whether its stages really work at the same time.

    python -m edge_mef.benchmarks.streaming --size 720x1280 --threads 1

times a runtime alone, `Fuser`, and a stream with one bracket at a time, in turn. Then it runs a
stream from a source to a sink that both take some milliseconds of sleep, and compares its pace with
that of the slowest stage alone.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from edge_mef.benchmarks.command import Parser, add_timing, frame_size, run
from edge_mef.benchmarks.speed import Frame, limit_libraries, rendered_frames
from edge_mef.benchmarks.statistics import FEWEST_SAMPLES, paired_ratio
from edge_mef.benchmarks.timing import time_interleaved
from edge_mef.errors import InputError
from edge_mef.fuser import Fuser
from edge_mef.stream.frames import CameraFrame
from edge_mef.stream.run import StreamOptions, StreamRun
from edge_mef.stream.sinks.base import Sink
from edge_mef.stream.sources.base import Source

_TURNS = 3


@dataclass(frozen=True)
class Overhead:
    """One way to fuse a frame: its median, and how many times as long as the runtime alone."""

    way: str
    milliseconds: float
    ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class Overlap:
    """A stream whose source and sink take time, in milliseconds for one fused frame.

    Attributes:
        source, sink: what these stages take alone.
        fuse: what fusing takes alone.
        together: what the stream takes.
        p50, p99: of its latency from the last frame of a bracket to the fused frame.
    """

    source: float
    sink: float
    fuse: float
    together: float
    p50: float
    p99: float

    @property
    def slowest(self) -> float:
        """The time of the slowest stage alone."""
        return max(self.source, self.sink, self.fuse)

    @property
    def ratio(self) -> float:
        """How many times as long as the slowest stage alone it takes: 1 is perfect overlap."""
        return self.together / self.slowest


class SleepingSource(Source):
    """Dark and bright frames in turn; those of a bracket take so many seconds together."""

    def __init__(self, frames: Sequence[Frame], brackets: int, seconds: float) -> None:
        self._frames, self._left, self._seconds = frames, brackets * len(frames), seconds
        self._number = 0

    def read(self) -> CameraFrame | None:
        """Sleep before the first frame of a bracket, then return the next frame."""
        if self._number >= self._left:
            return None
        place = self._number % len(self._frames)
        if place == 0:
            time.sleep(self._seconds)
        number, self._number = self._number, self._number + 1
        return CameraFrame(self._frames[place], number, number / 60, 2.0 * place)

    def close(self) -> None:
        """Do nothing."""


class SleepingSink(Sink):
    """Takes so many seconds for a frame, and keeps nothing."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def write(self, pixels: Frame) -> None:
        """Sleep."""
        time.sleep(self._seconds)

    def close(self) -> None:
        """Do nothing."""


def measure_overheads(fuser: Fuser, frames: Sequence[Frame], repeats: int) -> list[Overhead]:
    """Time fusing the same frames by the runtime, by `Fuser` and by a stream, in turn.

    Args:
        frames: (H, W, 3) uint8 RGB, darkest first.
        repeats: rounds, 10 or more.
    """
    out = np.empty_like(frames[0])
    with fuser.stream() as stream:

        def streamed() -> None:
            stream.submit(*frames)
            stream.result()

        ways = {
            "runtime": lambda: fuser.runtime.run(frames, out),
            "Fuser.fuse, sort=False": lambda: fuser.fuse(*frames, sort=False),
            "Fuser.fuse": lambda: fuser.fuse(*frames),
            "stream, one at a time": streamed,
        }
        timings = time_interleaved(list(ways.values()), repeats=repeats, warmup=3)
    bare = timings[0].samples
    found = []
    for way, timing in zip(ways, timings, strict=True):
        ratio = paired_ratio(bare, timing.samples)
        found.append(Overhead(way, timing.median, ratio.ratio, ratio.low, ratio.high))
    return found


def measure_overlap(
    fuser: Fuser, frames: Sequence[Frame], brackets: int, source: float, sink: float
) -> Overlap:
    """Run streams of so many brackets, with a source and a sink that take so many seconds.

    Fusing alone and the stream take turns; all are medians of three.
    """
    found = []
    for _ in range(_TURNS):
        alone = _pace(lambda: fuser.fuse(*frames, sort=False), brackets)
        sources = SleepingSource(frames, brackets, source)
        options = StreamOptions(exposures=len(frames))
        done = StreamRun(sources, fuser, SleepingSink(sink), options).run().stream
        found.append((alone, 1e3 / done.fps, done.p50, done.p99))
    fuse, together, p50, p99 = np.median(found, axis=0).tolist()
    slept = [_pace(partial(time.sleep, seconds), brackets) for seconds in (source, sink)]
    return Overlap(slept[0], slept[1], fuse, together, p50, p99)


def _pace(call: Callable[[], object], count: int) -> float:
    """Return the milliseconds of a call, of many one after another."""
    call()
    began = time.perf_counter()
    for _ in range(count):
        call()
    return 1e3 * (time.perf_counter() - began) / count


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = Parser(prog="python -m edge_mef.benchmarks.streaming", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_timing(parser, repeats=50)
    parser.add_argument("--delay", type=float, default=5.0, help="of source and sink, in ms")
    asked = parser.parse_args(arguments)
    return run(lambda: _answer(asked))


def _answer(asked: argparse.Namespace) -> str:
    size = frame_size(asked.size)
    if asked.repeats < FEWEST_SAMPLES:
        raise InputError(f"expected {FEWEST_SAMPLES} repeats or more, found {asked.repeats}")
    if not 0 < asked.delay <= 1000:
        raise InputError(f"expected a delay of 0 to 1000 ms, found {asked.delay}")
    limit_libraries(asked.threads)
    frames = rendered_frames(*size)
    tables = []
    for bundle in asked.bundle or (None,):
        with Fuser.open(bundle, threads=asked.threads) as fuser:
            overheads = measure_overheads(fuser, frames, asked.repeats)
            overlap = measure_overlap(
                fuser, frames, 2 * asked.repeats, asked.delay / 1e3, asked.delay / 1e3
            )
            tables.append((fuser.bundle.folder.name, overheads, overlap))
    if asked.json:
        found = [
            {
                "bundle": name,
                "overheads": [asdict(o) for o in overheads],
                "overlap": asdict(overlap),
            }
            for name, overheads, overlap in tables
        ]
        return json.dumps(found, indent=2) + "\n"
    return "\n".join(_text(*table, asked) for table in tables)


def _text(
    name: str, overheads: Sequence[Overhead], overlap: Overlap, asked: argparse.Namespace
) -> str:
    threads = f"{asked.threads} thread{'' if asked.threads == 1 else 's'}"
    rows = [
        f"| {one.way} | {one.milliseconds:.2f} | {one.ratio:.3f} "
        f"({one.low:.3f} to {one.high:.3f}) |"
        for one in overheads
    ]
    lines = [
        f"{name}, {asked.size}, {threads}, medians of {asked.repeats} rounds in turn",
        "",
        "| way | ms | times the runtime alone |",
        "| --- | --: | --: |",
        *rows,
        "",
        f"source {overlap.source:.2f} ms, fusing {overlap.fuse:.2f} ms, sink {overlap.sink:.2f} ms "
        f"({2 * asked.repeats} brackets, medians of {_TURNS} runs):",
        f"{overlap.together:.2f} ms for a frame, {overlap.ratio:.3f} times the slowest alone",
        f"latency p50 {overlap.p50:.2f} ms, p99 {overlap.p99:.2f} ms, "
        f"{overlap.p99 / overlap.p50:.2f} times p50",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
