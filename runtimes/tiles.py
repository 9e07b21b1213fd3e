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
from edge_mef.stages import Span, spans

Floats = NDArray[np.float32]
Stage = Callable[[Mapping[str, NDArray[np.generic]]], Sequence[NDArray[np.generic]]]
TILE = (128, 512)


@dataclass(frozen=True)
class Stages:
    """The loaded stages, each from named inputs to its outputs; `applications` by exposures."""

    view: Stage
    analysis: Stage
    applications: Mapping[int, Stage]


@dataclass(frozen=True)
class _Analysis:
    """What the applications need besides the exposures.

    `cells` is (2 N + 1, rows, columns), `down` (H, rows), `across` (columns, W).
    """

    cells: Floats
    down: Floats
    across: Floats


class TiledFusion:
    """Runs the stages on `threads` threads, in tiles of (height, width) pixels."""

    def __init__(self, stages: Stages, threads: int, tile: tuple[int, int] = TILE) -> None:
        self.stages, self.tile = stages, tile
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="tile")

    def run(self, exposures: Sequence[Frame]) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, to (H, W, 3) uint8 RGB."""
        analysis = self.analyse(exposures)
        rows, columns = analysis.cells.shape[1:]
        height, width = exposures[0].shape[:2]
        across = [
            (span, np.ascontiguousarray(analysis.across[span.cells, span.pixels]))
            for span in spans(width, self.tile[1], columns)
        ]
        fused = np.empty((height, width, 3), np.uint8)
        work = partial(self._fuse_row, exposures, analysis, across, fused)
        for _ in self._pool.map(work, spans(height, self.tile[0], rows)):
            pass  # an error in a thread is raised here
        return fused

    def analyse(self, exposures: Sequence[Frame]) -> _Analysis:
        """Run all that does not depend on a tile."""
        feeds = [{"exposure": exposure[np.newaxis]} for exposure in exposures]
        views = list(self._pool.map(self.stages.view, feeds))
        cells = self.stages.analysis({"views": np.concatenate([view[0] for view in views])})[0]
        return _Analysis(
            np.asarray(cells, np.float32),
            np.asarray(views[0][1], np.float32),
            np.asarray(views[0][2], np.float32),
        )

    def close(self) -> None:
        """End the threads; calling it again does nothing."""
        self._pool.shutdown()

    def _fuse_row(
        self,
        exposures: Sequence[Frame],
        analysis: _Analysis,
        across: Sequence[tuple[Span, Floats]],
        fused: Frame,
        row: Span,
    ) -> None:
        """Fuse one row of tiles into `fused`."""
        apply = self.stages.applications[len(exposures)]
        down = np.ascontiguousarray(analysis.down[row.pixels, row.cells])
        cells = analysis.cells[:, row.cells]
        for column, weights in across:
            feeds: dict[str, NDArray[np.generic]] = {
                f"exposure_{index}": _planes(frame[row.pixels, column.pixels])
                for index, frame in enumerate(exposures)
            }
            feeds["cells"] = np.ascontiguousarray(cells[:, :, column.cells])
            feeds["down"], feeds["across"] = down, weights
            tile = np.asarray(apply(feeds)[0][0], np.uint8)
            cv2.merge([*tile], fused[row.pixels, column.pixels])


def _planes(tile: Frame) -> NDArray[np.uint8]:
    """(h, w, 3) to (1, 3, h, w), a copy."""
    planes = np.empty((1, 3, *tile.shape[:2]), np.uint8)
    cv2.split(tile, [*planes[0]])
    return planes
