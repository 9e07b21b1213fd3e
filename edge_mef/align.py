"""Moving hand-held exposures onto each other: median threshold bitmaps, then ECC refinement.

AlignMTB finds whole-pixel shifts whatever the exposure (Ward, "Fast, Robust Image Registration for
Compositing High Dynamic Range Photographs from Handheld Exposures", 2003). ECC refines them to a
fraction of a pixel and a small rotation (Evangelidis and Psarakis, "Parametric Image Alignment
Using Enhanced Correlation Coefficient Maximization", 2008).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.errors import InputError

Frame = NDArray[np.uint8]
Plane = NDArray[np.float32]
Mask = NDArray[np.uint8]
Matrix = NDArray[np.float32]
"""(2, 3): where in the moving frame a pixel (x, y, 1) of the reference is found."""

Method = Literal["reference", "none", "mtb", "ecc"]

_WORKING_PIXELS = 1_000_000
_BLACK, _WHITE = 3, 252  # outside these a pixel is clipped or noise, and tells nothing
_SMALLEST_SIDE = 16  # of the working planes; below it there is nothing to correlate
_LARGEST_SIDE = 32_766  # what warpAffine takes
_SMALLEST_SHARE = 0.01  # of the pixels must be well exposed in both frames
_SMALLEST_MOVE = 0.1  # working pixels; for less, interpolation costs more than it gives
_SMALLEST_GAIN = 0.02  # of what the correlation lacks to 1, taken as 0.1 at least
_SMALLEST_SCORE = 0.15  # a correlation below this tells nothing
_LARGEST_MOVE, _LARGEST_TURN = 0.15, 8.0  # share of the longer side, degrees; more is a mistake


@dataclass(frozen=True)
class Alignment:
    """Frames moved onto the reference, and how.

    frames: (H, W, 3) uint8, in the order given; those that did not move are the very same arrays.
    shifts: per frame (dx, dy, degrees): how far it was moved right and down at the centre of the
        picture, in pixels, and turned clockwise.
    methods: per frame what the shift comes from; "none" where it stayed as it was.
    before, after: per frame the correlation with its neighbour towards the reference, -1 to 1.
    """

    frames: tuple[Frame, ...]
    shifts: tuple[tuple[float, float, float], ...]
    methods: tuple[Method, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    reference: int

    def describe(self) -> list[str]:
        """Return one line per frame that says how it was moved."""
        rows = zip(self.methods, self.shifts, self.before, strict=True)
        return [_describe(*row) for row in rows]


@dataclass(frozen=True)
class _View:
    """A frame at working size: (h, w) uint8 luma, local contrast, and where it is well exposed."""

    luma: NDArray[np.uint8]
    contrast: Plane
    mask: Mask


@dataclass(frozen=True)
class _Fit:
    matrix: Matrix
    method: Method
    score: float


def align_exposures(frames: Sequence[Frame], *, reference: int | None = None) -> Alignment:
    """Move N frames (H, W, 3) uint8 RGB of one size, darkest first, onto one of them.

    reference: index of the frame that stays; None takes the one with the most well exposed pixels.
    Each frame is compared with its neighbour towards the reference, which is nearest in exposure.
    Of staying, the MTB shift and the ECC refinement the best correlated wins, so that aligning
    does not make it worse. Edges that move into the picture repeat the outermost pixels.

    Raises:
        InputError: a side is longer than 32766 pixels, or there is no frame `reference`.
    """
    height, width, _ = frames[0].shape
    if max(height, width) > _LARGEST_SIDE:
        raise InputError(
            f"expected frames of at most {_LARGEST_SIDE} pixels a side to align, found "
            f"{width}x{height}: align them elsewhere, or make them smaller"
        )
    views = [_view(frame) for frame in frames]
    middle = _best_exposed(views) if reference is None else reference
    if not 0 <= middle < len(frames):
        raise InputError(
            f"expected a reference from 0 to {len(frames) - 1}, found {reference}: choose one"
        )
    fits = {middle: _Fit(_identity(), "reference", 1.0)}
    before = {middle: 1.0}
    for step in (1, -1):
        template = views[middle]
        for index in range(middle + step, len(frames) if step > 0 else -1, step):
            before[index], fits[index] = _fit(template, views[index])
            template = _moved(views[index], fits[index].matrix)
    matrices = [_full_size(fits[i].matrix, frames[0], views[0]) for i in range(len(frames))]
    return Alignment(
        frames=tuple(_warp(frame, m) for frame, m in zip(frames, matrices, strict=True)),
        shifts=tuple(_shift(matrix, frames[0].shape) for matrix in matrices),
        methods=tuple(fits[index].method for index in range(len(frames))),
        before=tuple(before[index] for index in range(len(frames))),
        after=tuple(fits[index].score for index in range(len(frames))),
        reference=middle,
    )


def _describe(method: Method, shift: tuple[float, float, float], before: float) -> str:
    dx, dy, degrees = shift
    if method == "reference":
        return "stays: the others are moved onto it"
    if method == "none" and before == 0.0:
        return "stays: it shares too few well exposed pixels with its neighbour to compare them"
    if method == "none":
        return "stays: no shift makes it fit better"
    # Adding 0.0 turns -0.0 into 0.0.
    moved = f"moved by {round(dx, 1) + 0.0:+.1f}, {round(dy, 1) + 0.0:+.1f} pixels"
    if method == "mtb":
        return f"{moved} (whole pixels only: refining it did not help)"
    return f"{moved} and turned by {round(degrees, 2) + 0.0:+.2f} degrees"


def _view(frame: Frame) -> _View:
    height, width, _ = frame.shape
    scale = min(1.0, math.sqrt(_WORKING_PIXELS / (height * width)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    luma = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    usable = ((luma > _BLACK) & (luma < _WHITE)).astype(np.uint8)
    return _View(
        luma,
        _local_contrast(luma),
        np.asarray(cv2.erode(usable, np.ones((5, 5), np.uint8)), np.uint8),
    )


def _local_contrast(luma: NDArray[np.uint8]) -> Plane:
    """Luma less its surroundings, over their deviation: nearly the same for every exposure."""
    values = luma.astype(np.float32)
    fine = cv2.GaussianBlur(values, (0, 0), 1.0)
    mean = cv2.GaussianBlur(values, (0, 0), 6.0)
    deviation = np.sqrt(np.maximum(cv2.GaussianBlur(values**2, (0, 0), 6.0) - mean**2, 0))
    return np.asarray((fine - mean) / (deviation + 4.0), np.float32)


def _best_exposed(views: Sequence[_View]) -> int:
    return int(np.argmax([int(view.mask.sum()) for view in views]))


def _identity() -> Matrix:
    return np.eye(2, 3, dtype=np.float32)


def _fit(template: _View, moving: _View) -> tuple[float, _Fit]:
    """Return the correlation without moving, and the best fit found."""
    best = _Fit(_identity(), "none", _score(template, moving, _identity()))
    before = best.score
    if min(moving.luma.shape) < _SMALLEST_SIDE:
        return before, best
    shifted = _median_threshold_shift(template, moving)
    start = _Fit(shifted, "mtb", _score(template, moving, shifted))
    if not _is_better(start, best, moving):
        start = best
    refined = _enhanced_correlation(template, moving, start.matrix)
    candidates = [start]
    if refined is not None:
        candidates.append(_Fit(refined, "ecc", _score(template, moving, refined)))
    for candidate in candidates:
        if _is_better(candidate, best, moving):
            best = candidate
    return before, best


def _is_better(candidate: _Fit, best: _Fit, moving: _View) -> bool:
    """Noise alone lets any interpolation correlate a little better: to move at all takes more."""
    height, width = moving.luma.shape
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float32)
    moves = corners @ (candidate.matrix - _identity()).T
    distance = float(np.hypot(moves[:, 0], moves[:, 1]).max())
    dx, dy, degrees = _shift(candidate.matrix, moving.luma.shape)
    if max(abs(dx), abs(dy)) > _LARGEST_MOVE * max(height, width) or abs(degrees) > _LARGEST_TURN:
        return False
    gain = _SMALLEST_GAIN * max(1 - best.score, 0.1) if best.method == "none" else 0.0
    needed = max(best.score + gain, _SMALLEST_SCORE)
    return distance >= _SMALLEST_MOVE and candidate.score > needed


def _score(template: _View, moving: _View, matrix: Matrix) -> float:
    """Return the correlation of local contrast where both are well exposed; 0 where none is."""
    moved = _moved(moving, matrix)
    use = (template.mask & moved.mask).astype(bool)
    if use.mean() < _SMALLEST_SHARE or use.sum() < _SMALLEST_SIDE**2:
        return 0.0
    one, other = template.contrast[use].astype(np.float64), moved.contrast[use].astype(np.float64)
    one -= one.mean()
    other -= other.mean()
    energy = math.sqrt(float(one @ one) * float(other @ other))
    return float(one @ other) / energy if energy > 1e-9 else 0.0


def _moved(view: _View, matrix: Matrix) -> _View:
    if np.array_equal(matrix, _identity()):
        return view
    height, width = view.luma.shape

    def warp(plane: NDArray[Any], flags: int) -> NDArray[Any]:
        return cv2.warpAffine(plane, matrix, (width, height), flags=flags | cv2.WARP_INVERSE_MAP)

    return _View(
        warp(view.luma, cv2.INTER_LINEAR),
        warp(view.contrast, cv2.INTER_LINEAR),
        warp(view.mask, cv2.INTER_NEAREST),
    )


def _median_threshold_shift(template: _View, moving: _View) -> Matrix:
    """Whole working pixels; up to 63 of them, and a twelfth or so of the shorter side."""
    bits = min(6, int(math.log2(min(moving.luma.shape))) - 3)
    matrix = _identity()
    if bits >= 1:
        dx, dy = cv2.createAlignMTB(bits).calculateShift(template.luma, moving.luma)
        matrix[:, 2] = -dx, -dy
    return matrix


def _enhanced_correlation(template: _View, moving: _View, start: Matrix) -> Matrix | None:
    """Refine a shift to fractions of a pixel and a rotation; None where it does not converge."""
    mask = moving.mask & _moved(template, _inverse(start)).mask
    if mask.mean() < _SMALLEST_SHARE:
        return None
    matrix = start
    for scale in (0.25, 1.0) if min(mask.shape) >= 8 * _SMALLEST_SIDE else (1.0,):
        planes = [_scaled(plane, scale) for plane in (template.contrast, moving.contrast)]
        to_scale = np.array([1, 1, scale], np.float32)
        guess = np.asarray(matrix * to_scale, np.float32)
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-5)
        small_mask = _scaled(mask, scale)
        try:
            _, found = cv2.findTransformECC(
                planes[0], planes[1], guess, cv2.MOTION_EUCLIDEAN, stop, small_mask, 1
            )
        except cv2.error:
            return None
        matrix = np.asarray(found / to_scale, np.float32)
    return matrix if np.isfinite(matrix).all() else None


def _scaled(plane: NDArray[Any], scale: float) -> NDArray[Any]:
    if scale == 1.0:
        return plane
    how = cv2.INTER_NEAREST if plane.dtype == np.uint8 else cv2.INTER_AREA
    return cv2.resize(plane, None, fx=scale, fy=scale, interpolation=how)


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(cv2.invertAffineTransform(matrix), np.float32)


def _full_size(matrix: Matrix, frame: Frame, view: _View) -> Matrix:
    """Scale a matrix between working planes to frames; pixel centres lie at halves."""
    scale = np.array(frame.shape[1::-1], np.float64) / view.luma.shape[::-1]
    turn, move = matrix[:, :2].astype(np.float64), matrix[:, 2].astype(np.float64)
    centre = (1 - scale) / 2  # of working pixel (0, 0), seen from it in whole pixels
    return np.column_stack([turn, scale * move + turn @ centre - centre]).astype(np.float32)


def _warp(frame: Frame, matrix: Matrix) -> Frame:
    if np.array_equal(matrix, _identity()):
        return frame
    height, width, _ = frame.shape
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_REPLICATE
    moved = cv2.warpAffine(frame, matrix, (width, height), flags=flags, borderMode=border)
    return np.asarray(moved, np.uint8)


def _shift(matrix: Matrix, shape: tuple[int, ...]) -> tuple[float, float, float]:
    """Return how far right and down the centre moves, and the turn in degrees clockwise."""
    centre = np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2, 1.0])
    dx, dy = centre[:2] - matrix.astype(np.float64) @ centre
    degrees = -math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))
    return float(dx), float(dy), degrees + 0.0  # never -0.0
