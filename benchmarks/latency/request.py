"""What a benchmark is asked for."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from edge_mef.benchmarks.latency.entrants import Conditions, Entrant, Size
from edge_mef.benchmarks.latency.quality import Gallery
from edge_mef.benchmarks.latency.turns import Effort
from edge_mef.benchmarks.records import Record

Keep = Callable[[Record], None]
Progress = Callable[[str, int, int], None]  # what is measured, how much is done, of how much
PARTS = ("phases", "throughput", "energy", "layers", "memory", "quality")


@dataclass(frozen=True)
class Request:
    """What to measure.

    Attributes:
        entrants: they take turns, call by call, where there is one stream.
        sizes: (height, width) of the frames, one after another.
        streams: calls in flight at a time, one number after another.
        exposures: frames of a bracket.
        conditions: how all entrants were made; records state the threads.
        gallery: scenes that quality is measured with; None measures none.
        skipped: of `PARTS`.
        command_line: that records state.
    """

    entrants: tuple[Entrant, ...]
    sizes: tuple[Size, ...]
    streams: tuple[int, ...] = (1,)
    exposures: int = 2
    conditions: Conditions = field(default_factory=Conditions)
    effort: Effort = field(default_factory=Effort)
    gallery: Gallery | None = None
    skipped: frozenset[str] = frozenset()
    command_line: str = ""


@dataclass(frozen=True)
class Listener:
    """Who is told: `keep` takes a record as soon as it is whole, `progress` shows how far it is.

    Inside of `held_off` nothing interrupts, so that a record is kept whole.
    """

    keep: Keep
    progress: Progress
    held_off: Callable[[], AbstractContextManager[None]]
