"""Spans: tiles cover a side once, and every cell that their pixels need is with them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_mef.stages import SHORTEST, application_file, spans

CELLS = 96


def needed(length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and the last cell that interpolation over a side asks for, pixel by pixel.

    In whole numbers: pixel p lies at (p + 1/2) CELLS / length - 1/2 cells, clipped to the cells.
    """
    pixels = np.arange(length, dtype=np.int64)
    low, rest = np.divmod((2 * pixels + 1) * CELLS - length, 2 * length)
    return np.clip(low, 0, CELLS - 1), np.clip(low + (rest > 0), 0, CELLS - 1)


def check(length: int, step: int) -> None:
    first, last = needed(length)
    found = spans(length, step, CELLS)
    assert found[0].pixels.start == 0
    assert found[-1].pixels.stop == length
    for span, after in zip(found, [*found[1:], None], strict=True):
        pixels, cells = span.pixels, span.cells
        assert after is None or pixels.stop == after.pixels.start
        assert min(SHORTEST, length) <= pixels.stop - pixels.start <= max(step, SHORTEST) + 1
        assert 0 <= cells.start <= first[pixels].min(), (length, step, span)
        assert last[pixels].max() < cells.stop <= CELLS, (length, step, span)
        reach = 4 + (pixels.stop - pixels.start) * CELLS // length + 1
        assert cells.stop - cells.start <= reach, "cells that are far away are left out"


def test_many_lengths_and_steps() -> None:
    rng = np.random.default_rng(2)
    lengths = np.exp(rng.uniform(0, np.log(32768), 400)).astype(int)
    for length in [1, 2, 3, 95, 96, 97, 192, 193, 32767, 32768, *lengths.tolist()]:
        steps = {1, 2, 128, 512, length, int(rng.integers(1, length + 1))}
        for step in (step for step in steps if length // step < 1000):
            check(length, step)


@pytest.mark.parametrize("length", [*range(1, 40), 95, 96, 97, 131])
def test_every_step_of_short_sides(length: int) -> None:
    for step in range(1, length + 3):
        check(length, step)


def test_no_piece_is_a_single_pixel() -> None:
    def lengths(length: int, step: int) -> list[int]:
        return [s.pixels.stop - s.pixels.start for s in spans(length, step, CELLS)]

    assert lengths(257, 128) == [128, 129]
    assert lengths(258, 128) == [128, 128, 2]
    assert lengths(5, 1) == [2, 3]
    assert lengths(1, 128) == [1]


def test_one_application_for_each_number() -> None:
    assert application_file(3) == "application-3.onnx"
    assert len({application_file(count) for count in range(2, 10)}) == 8
