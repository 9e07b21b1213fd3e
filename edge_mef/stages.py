"""The stages of a tileable bundle: their files, and which cells a tile needs."""

import itertools
from dataclasses import dataclass

VIEW_FILE = "view.onnx"
ANALYSIS_FILE = "analysis.onnx"
WEIGHTS_FILE = "weights.onnx"
# Runtimes multiply a single row or column in an order of its own, which rounds differently: such a
# tile would not equal the same pixels of a larger one.
SHORTEST = 2


def application_file(count: int) -> str:
    """Return the file of the application for so many exposures."""
    return f"application-{count}.onnx"


@dataclass(frozen=True)
class Span:
    """Ranges along one side: pixels, and the cells that they lie between."""

    pixels: slice
    cells: slice


def spans(length: int, step: int, cells: int) -> list[Span]:
    """Cut a side of `length` pixels, over which `cells` cells lie, every `step` pixels.

    No piece is shorter than SHORTEST unless the side is.
    """
    starts = range(0, max(1, length - SHORTEST + 1), max(step, SHORTEST))
    cuts = itertools.pairwise([*starts, length])
    return [_span(start, stop, length, cells) for start, stop in cuts]


def _span(start: int, stop: int, length: int, cells: int) -> Span:
    # The cells whose centres enclose those of the pixels, and one more against rounding.
    first = ((2 * start + 1) * cells - length) // (2 * length) - 1
    last = ((2 * stop - 1) * cells - length) // (2 * length) + 2
    return Span(slice(start, stop), slice(max(0, first), min(cells, last + 1)))
