"""How fast bundles fuse beside the peers: the same frames, one run, call by call in turn.

    python -m edge_mef.benchmarks.speed --size 1080x1920 --threads 2

prints the median of each method and its ratio to the first bundle's. From uint8 frames to the
uint8 fused frame; reading and writing files are not timed.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache, partial

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.command import Parser, add_timing, frame_size, run
from edge_mef.benchmarks.peers.table import PEERS, open_peer
from edge_mef.benchmarks.timing import Timing, time_interleaved
from edge_mef.errors import InputError
from edge_mef.fuser import Fuser
from edge_mef.methods import free_name, free_title
from edge_mef.render.brackets import random_bracket

Frame = NDArray[np.uint8]
_RENDERED = (180, 240)
_SEED = 3
_MOST_EXPOSURES = 32


@dataclass(frozen=True)
class Speed:
    """One method: the median and the fastest call in milliseconds, and the ratio of medians.

    The ratio is to the first bundle: 5 is five times as slow as it.
    """

    method: str
    median: float
    fastest: float
    ratio: float


def measure_speed(
    height: int,
    width: int,
    *,
    bundles: Sequence[str | None] = (None,),
    peers: Sequence[str] = ("mertens", "meflut"),
    exposures: int = 2,
    threads: int = 2,
    repeats: int = 10,
) -> list[Speed]:
    """Time methods on rendered frames of a size.

    Args:
        bundles: folders or names; None is the default one.
        peers: names of `edge_mef.benchmarks.peers.table.PEERS`.
        exposures: frames of the bracket.
        threads: for ONNX Runtime, OpenCV and torch alike.
        repeats: calls of each method, after two that do not count.

    Raises:
        InputError: unknown names, or a number of exposures that a method does not take.
    """
    frames = rendered_frames(height, width, exposures)
    with ExitStack() as opened:
        calls: dict[str, Callable[..., Frame]] = {}
        for bundle in bundles:
            fuser = opened.enter_context(Fuser.open(bundle, threads=threads))
            fuser.check(exposures, height, width)
            name = free_name(fuser.bundle.folder, calls)
            calls[name] = partial(fuser.fuse, sort=False)
        for peer in peers:
            calls[free_title(peer, calls)] = open_peer(peer)
        limit_libraries(threads)  # a peer may just have loaded torch
        timings = time_interleaved(
            [partial(call, *frames) for call in calls.values()], repeats=repeats
        )
    return _speeds(list(calls), timings)


def rendered_frames(height: int, width: int, exposures: int = 2) -> tuple[Frame, ...]:
    """Render a bracket and scale it, (height, width, 3) uint8 RGB, darkest first."""
    return tuple(
        np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
        for frame in _small_frames(exposures)
    )


@cache
def _small_frames(exposures: int) -> tuple[Frame, ...]:
    """Rendering takes seconds, and frames of every size are made of the same."""
    height, width = _RENDERED
    return random_bracket(_SEED, height=height, width=width, frames=exposures).exposures


def _speeds(names: Sequence[str], timings: Sequence[Timing]) -> list[Speed]:
    first = timings[0].median
    return [
        Speed(name, timing.median, min(timing.samples), timing.median / first)
        for name, timing in zip(names, timings, strict=True)
    ]


def limit_libraries(threads: int | None) -> None:
    """Set the threads of OpenCV, and of torch where something has loaded it; None leaves them."""
    if threads is None:
        return
    cv2.setNumThreads(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line of this module."""
    parser = Parser(prog="edge_mef.benchmarks.speed", description=__doc__)
    add_timing(parser, repeats=10)
    parser.add_argument("--peers", default="mertens,meflut", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--exposures", type=int, default=2)
    return run(partial(_run, parser.parse_args(arguments)))


def _run(given: argparse.Namespace) -> str:
    if not 2 <= given.exposures <= _MOST_EXPOSURES:
        raise InputError(f"expected 2 to {_MOST_EXPOSURES} exposures, found {given.exposures}")
    found = measure_speed(
        *frame_size(given.size, given.exposures),
        bundles=given.bundle or [None],
        peers=[name for name in given.peers.split(",") if name],
        exposures=given.exposures,
        threads=given.threads,
        repeats=given.repeats,
    )
    return _report(found, as_json=given.json)


def _report(found: Sequence[Speed], *, as_json: bool) -> str:
    if as_json:
        return json.dumps([asdict(speed) for speed in found], indent=2) + "\n"
    lines = [f"{'method':<28} {'median ms':>10} {'fastest ms':>10} {'ratio':>7}"]
    lines += [f"{s.method:<28} {s.median:10.1f} {s.fastest:10.1f} {s.ratio:7.2f}" for s in found]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
