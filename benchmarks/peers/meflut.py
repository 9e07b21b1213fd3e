"""Lookup-table fusion in the manner of MEFLUT, written for speed in OpenCV.

Jiang et al., "MEFLUT: Unsupervised 1D Lookup Tables for Multi-exposure Image Fusion", ICCV 2023:
a pixel's weight is looked up by its luma, in one table per exposure. The lookup happens on luma
reduced to 128 pixels, and a fast guided filter takes the weights to full resolution. The tables
are our own (`learn_meflut`), so this stands for the form and not for the authors' training.
Colours are BT.601 full range, rounded to 8 bits between the steps.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.peers.meflut_tables import SHIPPED_TABLES, WeightTable, read_tables
from edge_mef.exposures import exposures_from_arrays

Frame = NDArray[np.uint8]
Plane = NDArray[np.float32]

SHORT_SIDE = 128
RADIUS = 2
FLOOR = 1e-8
# About this many pixels are worked on at a time: their planes then stay in the cache, which makes
# the whole twice as fast, and OpenCV does not split so small calls over threads of its own.
STRIP_PIXELS = 49152
_NEUTRAL = 128


class MeflutFusion:
    """Weights by lookup table and guided filter, from uint8 to uint8.

    It works in as many threads as OpenCV is set to (`cv2.setNumThreads`).

    Args:
        tables: a file of `learn_meflut`; the tables that come with EdgeMEF where left out.
    """

    name = "MEFLUT-style tables"

    def __init__(self, tables: Path = SHIPPED_TABLES) -> None:
        self.tables = read_tables(tables)

    def __call__(self, *exposures: Frame) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB of one size, darkest first, to (H, W, 3) uint8 RGB.

        Raises:
            InputError: no tables for that many frames, or frames of different sizes or types.
        """
        tables = self.tables.for_count(len(exposures))
        frames = exposures_from_arrays(exposures, sort=False).frames
        height, threads = frames[0].shape[0], max(1, cv2.getNumThreads())
        fused = np.empty_like(frames[0])
        with ThreadPoolExecutor(threads) as pool:
            lines = list(pool.map(self._weight_lines, frames, tables))
            shares = pairwise(height * part // threads for part in range(threads + 1))
            list(pool.map(lambda share: _fuse_rows(frames, lines, fused, *share), shares))
        return fused

    def _weight_lines(self, frame: Frame, table: WeightTable) -> Plane:
        """Return the guided filter's lines, (2, h, W): slope and minus intercept.

        The weight at luma Y, 0 to 255, is slope * Y + intercept. Only columns are at full
        resolution; rows are interpolated strip by strip.
        """
        luma = reduce_luma(frame)
        weights = np.asarray(cv2.LUT(luma, table), np.float32)
        slope, intercept = fit_lines(luma, weights, self.tables.eps)
        size = (frame.shape[1], luma.shape[0])
        return np.stack([cv2.resize(plane, size) for plane in (slope / 255, -intercept)])


def reduce_luma(frame: Frame) -> Frame:
    """Return the luma of a frame, reduced to a short side of 128 pixels; smaller ones stay."""
    height, width, _ = frame.shape
    scale = SHORT_SIDE / min(height, width)
    reduced = frame
    if scale <= 0.5:  # halving first takes half the time
        half = (width // 2, height // 2)
        reduced = np.asarray(cv2.resize(frame, half, interpolation=cv2.INTER_AREA), np.uint8)
    luma = cv2.cvtColor(reduced, cv2.COLOR_RGB2GRAY)
    if scale < 1:
        size = (round(width * scale), round(height * scale))
        luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return np.asarray(luma, np.uint8)


def fit_lines(luma: Frame, weights: Plane, eps: float) -> tuple[Plane, Plane]:
    """Fit weights (h, w) as slope * luma / 255 + intercept in the window around every pixel.

    He, Sun and Tang, "Guided Image Filtering", ECCV 2010, equations 5 and 6; the lines are not
    averaged, as in Wu et al., "Fast End-to-End Trainable Guided Filter", CVPR 2018.
    """
    guide = luma.astype(np.float32) / 255
    sums = np.dstack([guide, weights, guide * weights, guide * guide, np.ones_like(guide)])
    window = (2 * RADIUS + 1, 2 * RADIUS + 1)
    border = cv2.BORDER_CONSTANT  # zeros, which the sum of ones makes up for
    sums = cv2.boxFilter(sums, -1, window, normalize=False, borderType=border)
    mean, mean_weight, product, square = np.moveaxis(sums[..., :4] / sums[..., 4:], -1, 0)
    slope = (product - mean * mean_weight) / (square - mean * mean + eps)
    return slope, mean_weight - slope * mean


def mix_rows(given: int, height: int, start: int, stop: int) -> tuple[Plane, slice]:
    """Return how the rows `start` to `stop` of `height` are interpolated from `given` ones.

    A matrix, and the given rows that it is for: matrix @ planes[rows] is what `cv2.resize` makes
    of them, without a plane of full size.
    """
    places = np.clip((np.arange(start, stop) + 0.5) * given / height - 0.5, 0, given - 1)
    above = places.astype(np.intp)
    below = np.minimum(above + 1, given - 1)
    part = (places - above).astype(np.float32)
    first, end = int(above[0]), int(below[-1]) + 1
    mixing = np.zeros((stop - start, end - first), np.float32)
    rows = np.arange(stop - start)
    mixing[rows, above - first] = 1 - part
    mixing[rows, below - first] += part
    return mixing, slice(first, end)


def _fuse_rows(
    frames: Sequence[Frame], lines: Sequence[Plane], fused: Frame, start: int, stop: int
) -> None:
    """Fuse the rows `start` to `stop` of the frames into `fused`, strip by strip."""
    height, width, _ = fused.shape
    rows = max(1, STRIP_PIXELS // width)
    scratch = _Scratch(min(rows, stop - start), width)
    for top in range(start, stop, rows):
        bottom = min(top + rows, stop)
        strip = scratch if bottom - top == scratch.rows else _Scratch(bottom - top, width)
        mixing, given = mix_rows(lines[0].shape[1], height, top, bottom)
        for frame, line in zip(frames, lines, strict=True):
            strip.add(frame[top:bottom], mixing, line[:, given])
        strip.finish(fused[top:bottom])


class _Scratch:
    """The sums of one strip, in memory that is used again for the next one.

    Planes of one row block lie below each other: luma, then Cr, then Cb.
    """

    def __init__(self, rows: int, width: int) -> None:
        self.rows = rows
        self._ycc = np.empty((rows, width, 3), np.uint8)
        self._planes = np.empty((3 * rows, width), np.uint8)
        self._neutral = np.full((2 * rows, width), _NEUTRAL, np.uint8)
        self._distance = np.empty((2 * rows, width), np.uint8)
        self._lines = np.empty((2, rows, width), np.float32)
        self._luma = np.empty((rows, width), np.float32)
        self._weight = np.empty((rows, width), np.float32)
        self._sum = np.zeros((3 * rows, width), np.float32)
        self._total = np.zeros((3 * rows, width), np.float32)
        self._clear()

    def add(self, frame: Frame, mixing: Plane, lines: Plane) -> None:
        """Add a frame's strip (rows, W, 3), weighted: luma by its lines, chroma by its strength."""
        n = self.rows
        cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb, dst=self._ycc)
        cv2.split(self._ycc, self._split())
        luma, chroma, weight = self._luma, self._planes[n:], self._weight
        np.copyto(luma, self._planes[:n])
        slope, minus_intercept = np.matmul(mixing, lines, out=self._lines)
        cv2.multiply(slope, luma, dst=weight)
        cv2.absdiff(weight, minus_intercept, dst=weight)
        np.add(weight, FLOOR, out=weight)
        cv2.accumulateProduct(weight, luma, self._sum[:n])
        cv2.accumulate(weight, self._total[:n])
        cv2.absdiff(chroma, self._neutral, dst=self._distance)
        cv2.accumulateProduct(chroma, self._distance, self._sum[n:])
        cv2.accumulate(self._distance, self._total[n:])

    def finish(self, fused: Frame) -> None:
        """Write the weighted means as RGB to (rows, W, 3), and start anew."""
        cv2.divide(self._sum, self._total, dst=self._planes, dtype=cv2.CV_8U)
        cv2.merge(self._split(), dst=self._ycc)
        cv2.cvtColor(self._ycc, cv2.COLOR_YCrCb2RGB, dst=fused)
        self._clear()

    def _clear(self) -> None:
        # The floor of the chroma's weights once, not once a frame: it counts where all are neutral.
        luma, chroma = slice(None, self.rows), slice(self.rows, None)
        self._sum[luma], self._sum[chroma] = 0.0, _NEUTRAL * FLOOR
        self._total[luma], self._total[chroma] = 0.0, FLOOR

    def _split(self) -> list[Frame]:
        n = self.rows
        return [self._planes[n * k : n * (k + 1)] for k in range(3)]
