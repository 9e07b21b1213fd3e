"""Where two exposures of one scene show different things, whatever the camera made of its light.

A camera that stands still gives every radiance one value in the dark and one in the bright
exposure, so that values of equal rank belong together (histogram specification; Grossberg and
Nayar, "Determining the Camera Response from Images: What Is Knowable?", IEEE PAMI, 2003). That
tells which values of the bright exposure go with a value of the dark one: about one where both are
well exposed, many where the dark one is black, only white where the bright one is clipped. What
moves within the picture hardly changes ranks. How far the bright exposure is from what goes with
the dark one is held against what noise, steps of 8 bits and a small shift can cause.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Values = NDArray[np.floating[Any]]

LONGEST_SIDE = 256  # of the reduced exposures, about; 5 times less than 1280
BLOCK = 8  # reduced pixels
_LONGEST_SEEN = 1280  # pixels; from twice as many on, pixels are left out
_SHIFT = 0.4  # reduced pixels, 2 of 1280: what nobody notices
_LEVELS_DARK = 1.0  # error of a reduced value of the dark exposure, RMS: steps, JPEG
_VARIANCE = 2.0  # the same of the difference, squared: the bright exposure, the mapping
_CERTAINTY = 4.0  # times as much as that is no accident
_DRIFT = 4.0  # levels that a whole block may be off: glare, uneven light
_STEEPEST = 8.0  # levels per level; beyond, a dark exposure tells nothing
_FINE = 2  # bins per level of reduced values
_SMOOTH = 9  # bins that a correction is averaged over
_ROWS = 48  # at least so many, where there are, tell the noise


@dataclass(frozen=True, eq=False)
class Exposure:
    """A channel of an exposure, (H, W) uint8, and the same reduced to (h, w) float32."""

    values: Plane
    reduced: Values

    @staticmethod
    def of(frame: Plane) -> "Exposure":
        """Take the green channel of (H, W, 3) uint8 RGB: every camera has most pixels for it.

        A sum of channels has no one response: where one of them is clipped, it no longer says
        which radiance it came from.
        """
        green = np.asarray(cv2.extractChannel(sample(frame), 1), np.uint8)
        return Exposure(green, reduce(green.astype(np.float32), green.shape))


def sample(frame: Plane) -> Plane:
    """Return every n-th pixel of a frame whose longer side has 2560 or more, contiguous.

    So a check takes about as long for a large frame. Leaving pixels out, unlike averaging them,
    keeps clipped ones clipped.
    """
    step = max(1, max(frame.shape) // _LONGEST_SEEN)
    return np.ascontiguousarray(frame[::step, ::step])


def reduce(plane: Values | Plane, shape: tuple[int, ...]) -> Values:
    """Reduce a plane to the working size of frames of this (H, W, ...), by area."""
    factor = max(1, round(max(shape[:2]) / LONGEST_SIDE))
    return _resize(plane, factor)


def disagreement(dark: Exposure, bright: Exposure) -> Values:
    """Return how far blocks disagree, (rows, columns): above 1 is more than accident explains.

    The exposures are of one size; a block is about `BLOCK` reduced pixels wide.
    """
    low, high = _allowed(dark.values, bright.values)
    noise = _noise(dark.values, bright.values, (low + high) / 2)
    size = dark.values.shape
    least, most = (reduce(_mapped(dark.values, table), size) for table in (low, high))
    level = np.rint(dark.reduced).astype(np.uint8)
    change = _correction((least + most) / 2, bright.reduced, 2 + np.sqrt(noise)[level])
    least, most = least + change, most + change
    steepness = _steepness((low + high) / 2)[level]
    found = bright.reduced
    difference = found - np.clip(found, least, most)
    difference[steepness > _STEEPEST] = 0
    averaged = dark.values.size / dark.reduced.size
    variance = noise[level] / averaged + _VARIANCE + (_LEVELS_DARK * steepness) ** 2
    slope = np.maximum(_gradient(found), _gradient((least + most) / 2))
    explained = _blocks(_CERTAINTY * variance + _SHIFT**2 * slope)
    return np.asarray(_energy(difference) / explained, np.float32)


def _allowed(dark: Plane, bright: Plane) -> tuple[Values, Values]:
    """Return the lowest and the highest value of equal rank in `bright` for each of `dark`."""
    below = [np.cumsum(_histogram(plane)) for plane in (dark, bright)]
    start = np.concatenate([[0], below[0][:-1]])
    high = np.searchsorted(below[1], below[0])
    low = np.minimum(np.searchsorted(below[1], start, side="right"), high)
    return low.astype(np.float32), high.astype(np.float32)


def _histogram(plane: Plane) -> NDArray[np.int64]:
    """Count every third row; both exposures count the same pixels."""
    rows = plane[:: 3 if plane.shape[0] > 3 * _ROWS else 1]
    return cv2.calcHist([rows], [0], None, [256], [0, 256]).reshape(-1).astype(np.int64)


def _mapped(plane: Plane, table: Values) -> Values:
    return np.asarray(cv2.LUT(plane, table.astype(np.float32)), np.float32)


def _noise(dark: Plane, bright: Plane, table: Values) -> Values:
    """Return the variance of the noise that each dark value has, seen through the table, (256,).

    Both exposures show the same texture, of which neighbouring pixels differ by as much. By how
    much more they differ in the mapped dark exposure is noise.
    """
    rows = slice(None, None, max(1, dark.shape[0] // _ROWS))
    levels = np.ascontiguousarray(dark[rows])
    mapped = _mapped(levels, table)
    texture = np.diff(bright[rows].astype(np.float32), axis=1)
    excess = (np.diff(mapped, axis=1) ** 2 - texture**2) / 2
    level = levels[:, :-1].ravel()
    kernel = np.array([1, 2, 3, 4, 3, 2, 1], np.float64)
    count = np.convolve(np.bincount(level, minlength=256), kernel, "same")
    total = np.convolve(np.bincount(level, excess.ravel(), minlength=256), kernel, "same")
    return np.asarray(np.maximum(total / np.maximum(count, 1), 0), np.float32)


def _correction(mapped: Values, found: Values, most: Values) -> Values:
    """Return what to add to mapped values, at most `most`, to give them the ranks of those found.

    Noise widens the histogram of the dark exposure and bends the table. Reduced exposures have
    little of it.
    """
    bins = 256 * _FINE
    places = [np.rint(np.clip(plane, 0, 255) * _FINE).astype(np.int32) for plane in (mapped, found)]
    counts = [np.bincount(place.ravel(), minlength=bins) for place in places]
    below = [np.cumsum(count) for count in counts]
    high = np.searchsorted(below[1], below[0])
    low = np.minimum(np.searchsorted(below[1], below[0] - counts[0], side="right"), high)
    change = ((low + high) / 2 - np.arange(bins)) / _FINE
    kernel, weight = np.ones(_SMOOTH), counts[0] + 1e-3
    smooth = np.convolve(change * weight, kernel, "same") / np.convolve(weight, kernel, "same")
    return np.asarray(np.clip(smooth[places[0]], -most, most), np.float32)


def _steepness(table: Values) -> Values:
    """Return how many levels of the bright exposure one of the dark one makes, (256,)."""
    padded = np.pad(table, 3, mode="edge")
    return np.asarray((padded[6:] - padded[:-6]) / 6, np.float32)


def _gradient(plane: Values) -> Values:
    """Return the squared gradient, in levels per reduced pixel."""
    across, down = (cv2.Scharr(plane, cv2.CV_32F, dx, 1 - dx, scale=1 / 32) for dx in (1, 0))
    return np.asarray(across**2 + down**2, np.float32)


def _energy(difference: Values) -> Values:
    """Return the mean square of blocks, without what all of a block may be off."""
    mean = _blocks(difference)
    beyond = np.maximum(np.abs(mean) - _DRIFT, 0)
    return np.asarray(np.maximum(_blocks(difference**2) - mean**2, 0) + beyond**2, np.float32)


def _blocks(plane: Values) -> Values:
    return _resize(plane, BLOCK)


def _resize(plane: Values | Plane, factor: int) -> Values:
    height, width = (max(1, round(side / factor)) for side in plane.shape[:2])
    small = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)
