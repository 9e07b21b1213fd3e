"""The stages of a tileable bundle: their files, their inputs, and which cells a tile needs."""

import itertools
from dataclasses import dataclass

VIEW_FILE = "view.onnx"
ANALYSIS_FILE = "analysis.onnx"


def application_file(count: int) -> str:
    """Return the file of the application for so many exposures."""
    return f"application-{count}.onnx"


def application_inputs(count: int) -> tuple[str, ...]:
    """Return its inputs, in order."""
    numbered = [f"{name}_{i}" for name in ("exposure", "gain", "slope") for i in range(count)]
    return (*numbered, "offset", "place")


@dataclass(frozen=True)
class Span:
    """Half-open ranges along one side: pixels, and the cells that they need."""

    start: int
    stop: int
    first_cell: int
    last_cell: int


def spans(length: int, step: int, side: int) -> list[Span]:
    """Cut a side of `length` pixels, over which `side` cells lie, every `step` pixels."""
    cuts = [*range(0, length, step), length]
    return [_span(start, stop, length, side) for start, stop in itertools.pairwise(cuts)]


def _span(start: int, stop: int, length: int, side: int) -> Span:
    # The cells whose centres enclose those of the pixels, and one more against rounding.
    first = max(0, (2 * start + 1) * side // (2 * length) - 2)
    last = min(side, (2 * stop - 1) * side // (2 * length) + 3)
    return Span(start, stop, first, last)
