"""Fusing tile by tile: the analysis once on small views, the application for every tile.

Tiles are small enough to stay in a core's cache, and every thread works on tiles of its own; so
this is also the fastest way on a CPU, whatever the size of the frame.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.runtimes.base import Frame
from edge_mef.runtimes.phases import NO_CLOCK, PhaseClock
from edge_mef.stages import Span, spans

Floats = NDArray[np.float32]
Stage = Callable[[Mapping[str, NDArray[np.generic]]], Sequence[NDArray[np.generic]]]
TILE = (64, 960)
PHASES_NOTE = (
    "view, analysis and grid are compute; the wall time of the tiles is divided as the times that "
    "their threads spent copying in, computing and copying out add up"
)


@dataclass(frozen=True)
class Stages:
    """The loaded stages, each from named inputs to its outputs; `applications` by exposures."""

    view: Stage
    analysis: Stage
    weights: Stage
    applications: Mapping[int, Stage]


@dataclass(frozen=True)
class _Grid:
    """How frames of a size are cut, and the weights of their pixels on the cells around."""

    size: tuple[int, int]
    rows: tuple[tuple[Span, Floats], ...]
    columns: tuple[tuple[Span, Floats], ...]


class TiledFusion:
    """Runs the stages on `threads` threads, in tiles of (height, width) pixels."""

    def __init__(self, stages: Stages, threads: int, tile: tuple[int, int] = TILE) -> None:
        self.stages, self.tile = stages, tile
        self._grid: _Grid | None = None
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="tile")

    def run(
        self, exposures: Sequence[Frame], clock: PhaseClock = NO_CLOCK, out: Frame | None = None
    ) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, to (H, W, 3) uint8 RGB, into `out`.

        Its phases are counted by `clock`.
        """
        height, width = exposures[0].shape[:2]
        grid = self._pool.submit(self._grid_of, height, width)
        cells = self.analyse(exposures)
        fused = np.empty((height, width, 3), np.uint8) if out is None else out
        work = partial(self._fuse_row, exposures, cells, grid.result().columns, fused, clock)
        rows = grid.result().rows
        clock.lap("compute")
        # An error in a thread is raised here.
        clock.share(list(self._pool.map(work, rows)))
        return fused

    def analyse(self, exposures: Sequence[Frame]) -> Floats:
        """Predict the cells (2 N + 1, rows, columns): all that does not depend on a tile."""
        feeds = [{"exposure": exposure[np.newaxis]} for exposure in exposures]
        views = [outputs[0] for outputs in self._pool.map(self.stages.view, feeds)]
        return np.asarray(self.stages.analysis({"views": np.concatenate(views)})[0], np.float32)

    def _grid_of(self, height: int, width: int) -> _Grid:
        """Make the grid of a size, or take the last one: a camera's frames are of one size."""
        if self._grid is None or self._grid.size != (height, width):
            found = self.stages.weights({"size": np.array([height, width])})
            down, across = (np.asarray(part, np.float32) for part in found)
            rows = spans(height, self.tile[0], down.shape[1])
            columns = spans(width, self.tile[1], across.shape[0])
            self._grid = _Grid(
                (height, width),
                tuple((s, np.ascontiguousarray(down[s.pixels, s.cells])) for s in rows),
                tuple((s, np.ascontiguousarray(across[s.cells, s.pixels])) for s in columns),
            )
        return self._grid

    def close(self) -> None:
        """End the threads; calling it again does nothing."""
        self._pool.shutdown()

    def _fuse_row(
        self,
        exposures: Sequence[Frame],
        cells: Floats,
        columns: Sequence[tuple[Span, Floats]],
        fused: Frame,
        clock: PhaseClock,
        placed: tuple[Span, Floats],
    ) -> PhaseClock:
        """Fuse one row of tiles into `fused`, and return a clock with its phases."""
        clock = clock.for_thread()
        apply = self.stages.applications[len(exposures)]
        row, down = placed
        for column, across in columns:
            feeds: dict[str, NDArray[np.generic]] = {
                f"exposure_{index}": _planes(frame[row.pixels, column.pixels])
                for index, frame in enumerate(exposures)
            }
            feeds["cells"] = np.ascontiguousarray(cells[:, row.cells, column.cells])
            feeds["down"], feeds["across"] = down, across
            clock.lap("copy_in")
            tile = np.asarray(apply(feeds)[0][0], np.uint8)
            clock.lap("compute")
            cv2.merge([*tile], fused[row.pixels, column.pixels])
            clock.lap("copy_out")
        return clock


def _planes(tile: Frame) -> NDArray[np.uint8]:
    """(h, w, 3) to (1, 3, h, w), a copy."""
    planes = np.empty((1, 3, *tile.shape[:2]), np.uint8)
    cv2.split(tile, [*planes[0]])
    return planes
