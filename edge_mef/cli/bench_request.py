"""What edge-mef bench is asked for, from its options to the request."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_mef.cli.options import parse_sizes
from edge_mef.errors import InputError, MissingError

if TYPE_CHECKING:
    from edge_mef.benchmarks.latency.entrants import Entrant, Size
    from edge_mef.benchmarks.latency.request import Request
    from edge_mef.benchmarks.statistics import Percentile

ALL_PEERS = ("all",)
_USUAL_SIZE = (1080, 1920)
_MOST_STREAMS = 64


@dataclass(frozen=True)
class Asked:
    """The options, as they were given; docs/bench.md tells what each means."""

    bundles: tuple[str, ...]
    runtimes: tuple[str, ...]
    size: str | None
    exposures: int
    threads: int | None
    streams: str
    provider: str | None
    cuda_graph: bool | None
    peers: tuple[str, ...]
    percentile: str
    samples: int
    seconds: float
    data: str | None
    skip: tuple[str, ...]

    @property
    def least_records(self) -> int:
        """How many records there will be at least."""
        subjects = len(self.bundles or (None,)) * len(self.runtimes or (None,)) + len(self.peers)
        return subjects * len(self.streams.split(",")) * len((self.size or "").split(","))

    def options(self) -> list[str]:
        """Return all but the bundles as words of a command line."""
        words = [f"--exposures={self.exposures}", f"--streams={self.streams}"]
        words += [f"--percentile={self.percentile}", f"--samples={self.samples}"]
        words += [f"--seconds={self.seconds}"]
        words += [f"--runtime={name}" for name in self.runtimes]
        words += [f"--skip={name}" for name in self.skip]
        if self.cuda_graph is not None:
            words.append("--cuda-graph" if self.cuda_graph else "--no-cuda-graph")
        named: dict[str, str | int | None] = {"size": self.size, "threads": self.threads}
        named |= {"provider": self.provider, "data": self.data}
        words += [f"--{name}={value}" for name, value in named.items() if value is not None]
        if self.peers == ALL_PEERS:
            return [*words, "--peers"]
        return words + [f"--peer={name}" for name in self.peers]


def make_request(asked: Asked) -> tuple[Request, list[str]]:
    """Open what was asked for once, and return the request, with notes on what is left out.

    Raises:
        EdgeMefError: whatever cannot be measured, in one sentence, before anything is.
    """
    from edge_mef.benchmarks.latency.entrants import Conditions, make_entrants
    from edge_mef.benchmarks.latency.quality import DEFAULT_SCENES, find_gallery
    from edge_mef.benchmarks.latency.request import Request
    from edge_mef.benchmarks.latency.turns import Effort
    from edge_mef.benchmarks.privacy import command_text

    streams, skipped = _streams(asked.streams), _skipped(asked.skip)
    effort = Effort(
        fewest=asked.samples,
        percentile=_percentile(asked.percentile),
        seconds=asked.seconds,
        most=max(Effort.most, asked.samples),
    )
    sizes = _sizes(asked.size)
    conditions = Conditions(asked.threads, asked.provider, asked.cuda_graph)
    peers, notes = _peers(asked.peers)
    entrants = make_entrants(asked.bundles or (None,), asked.runtimes, peers, conditions)
    scenes = None
    if "quality" not in skipped:
        scenes = find_gallery(asked.data or DEFAULT_SCENES, asked.exposures)
    request = Request(
        entrants=tuple(entrants),
        sizes=sizes or _sizes_of(entrants),
        streams=streams,
        exposures=asked.exposures,
        conditions=conditions,
        effort=effort,
        gallery=scenes,
        skipped=skipped,
        command_line=command_text(["edge-mef", *sys.argv[1:]]),
    )
    return request, notes


def _peers(names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return the peers that are here; of all of them, those are left out that an extra brings."""
    from edge_mef.benchmarks.peers.table import PEERS, open_peer

    if names != ALL_PEERS:
        return list(dict.fromkeys(names)), []
    found, notes = [], []
    for name in PEERS:
        try:
            open_peer(name)
        except MissingError as error:
            notes.append(f"left out: {error}")
            continue
        found.append(name)
    return found, notes


def _sizes(text: str | None) -> tuple[Size, ...]:
    from edge_mef.contract import LARGEST_SIDE

    sizes = parse_sizes(text)
    for height, width in sizes:
        if not (1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE):
            raise InputError(
                f"expected sides of 1 to {LARGEST_SIDE} pixels, found {height}x{width}: give "
                "others with --size"
            )
    return tuple(dict.fromkeys(sizes))


def _sizes_of(entrants: list[Entrant]) -> tuple[Size, ...]:
    """Return the sizes that the bundles are for, or the usual one where they take any."""
    sizes = [size for entrant in entrants for size in entrant.sizes]
    return tuple(dict.fromkeys(sizes)) or (_USUAL_SIZE,)


def _streams(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("[0-9]{1,6}", part) for part in parts):
        raise InputError(f"expected numbers of streams such as 1 or 1,2,4, found '{text}'")
    found = tuple(dict.fromkeys(int(part) for part in parts))
    if not all(1 <= count <= _MOST_STREAMS for count in found):
        raise InputError(f"expected 1 to {_MOST_STREAMS} streams, found '{text}'")
    return found


def _skipped(given: tuple[str, ...]) -> frozenset[str]:
    from edge_mef.benchmarks.latency.request import PARTS

    names = [name.strip() for one in given for name in one.split(",")]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise InputError(f"--skip takes {', '.join(PARTS)}, found '{unknown[0]}'")
    return frozenset(names)


def _percentile(text: str) -> Percentile:
    from edge_mef.benchmarks.statistics import PERCENTS

    for name in PERCENTS:
        if text in (name, f"p{PERCENTS[name]:g}"):
            return name
    raise InputError(f"expected a percentile out of {', '.join(PERCENTS)}, found '{text}'")
