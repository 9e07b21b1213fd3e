"""The exposures of one scene in memory: equal sizes, darkest first, and the EXIF that holds."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.align import Alignment, align_exposures
from edge_mef.errors import InputError
from edge_mef.metadata import GPS, IMAGE, PHOTO, SOFTWARE, Metadata
from edge_mef.pictures import picture_size, read_metadata, read_picture
from edge_mef.version import __version__

Frame = NDArray[np.uint8]
Order = Literal["exif", "luma", "given"]
_T = TypeVar("_T")

_SAMPLES, _FEWEST_ROWS = 100_000, 32  # pixels, and rows, that tell which frame is darker
_SAME_EXPOSURE = 1.02  # EXIF rounds: 1/60 s and 1/61 s are the same setting
_DATE_TAGS = {
    (IMAGE, 0x0132), (PHOTO, 0x9003), (PHOTO, 0x9004), (PHOTO, 0x9010), (PHOTO, 0x9011),
    (PHOTO, 0x9012), (PHOTO, 0x9290), (PHOTO, 0x9291), (PHOTO, 0x9292),
}  # fmt: skip


@dataclass(frozen=True)
class Exposures:
    """N frames of one scene, darkest first.

    frames: N arrays (H, W, 3) uint8 RGB, contiguous, N >= 2, all of one size.
    paths: where they were read from, in the same order; empty for arrays.
    metadata: what a picture fused from them may say about itself.
    ordered_by: what put them in order. alignment: what --align did, None without it.
    """

    frames: tuple[Frame, ...]
    paths: tuple[Path, ...] = ()
    metadata: Metadata = field(default_factory=Metadata)
    ordered_by: Order = "given"
    alignment: Alignment | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every frame."""
        height, width, _ = self.frames[0].shape
        return height, width


def read_exposures(
    paths: Sequence[Path | str], *, align: bool = False, keep_extremes: bool = False
) -> Exposures:
    """Read the frames of one scene, given in any order; keep_extremes keeps darkest and brightest.

    Sizes and colour profiles are compared before any pixel is decoded.

    Raises:
        InputError: fewer than two frames, one given twice, different sizes or colour profiles,
            or a file that read_picture refuses.
    """
    files = [Path(path) for path in paths]
    _check_count(len(files), "file")
    _check_distinct(files)
    _check_sizes([picture_size(path) for path in files], [f"'{path}'" for path in files])
    metadata = [read_metadata(path) for path in files]
    _check_profiles(files, metadata)
    by_exif = _order_by_exif(metadata)
    order = by_exif or list(range(len(files)))
    if by_exif and keep_extremes:
        order = _ends(order)  # the others need not be decoded
    frames = {index: read_picture(files[index]).pixels for index in order}
    if not by_exif:
        order = order_exposures(list(frames.values()))
        order = _ends(order) if keep_extremes else order
    result = Exposures(
        frames=tuple(frames[index] for index in order),
        paths=tuple(files[index] for index in order),
        metadata=merge_metadata([metadata[index] for index in order]),
        ordered_by="exif" if by_exif else "luma",
    )
    return align_frames(result) if align else result


def exposures_from_arrays(arrays: Sequence[Frame], *, sort: bool = True) -> Exposures:
    """Return exposures from uint8 RGB arrays (H, W, 3), put darkest first by luma unless not sort.

    Raises:
        InputError: fewer than two arrays, different sizes, or not uint8 RGB; says what was found.
    """
    check_arrays(arrays)
    order = order_exposures(arrays) if sort else list(range(len(arrays)))
    frames = tuple(np.ascontiguousarray(arrays[index]) for index in order)
    return Exposures(frames, ordered_by="luma" if sort else "given")


def check_arrays(arrays: Sequence[Frame]) -> None:
    """Raise `InputError` unless these are two or more uint8 RGB arrays (H, W, 3) of one size."""
    _check_count(len(arrays), "array")
    for number, array in enumerate(arrays, start=1):
        _check_array(array, number)
    sizes = [(array.shape[0], array.shape[1]) for array in arrays]
    _check_sizes(sizes, [f"array {number}" for number in range(1, len(arrays) + 1)])


def align_frames(exposures: Exposures) -> Exposures:
    """Return the exposures moved onto each other; `alignment` then holds the shifts found."""
    alignment = align_exposures(exposures.frames)
    return replace(exposures, frames=alignment.frames, alignment=alignment)


def order_exposures(frames: Sequence[Frame]) -> list[int]:
    """Return the indices that put frames (H, W, 3) uint8 RGB darkest first, by mean BT.601 luma.

    About 100 000 pixels of each frame are looked at, in rows; equal frames keep their order.
    """
    lumas = [mean_luma(frame) for frame in frames]
    return sorted(range(len(frames)), key=lumas.__getitem__)


def merge_metadata(metadata: Sequence[Metadata]) -> Metadata:
    """Return what still holds for a picture fused from several.

    Tags stay on which all frames agree; dates and place come from the earliest frame; the
    software is EdgeMEF. Exposure, bias and exposure time stay only where they agree.
    """
    first = min(metadata, key=lambda one: one.taken or datetime.max)
    tags: dict[tuple[int, int], Any] = {
        key: value
        for key, value in first.exif.items()
        if key[0] == GPS or key in _DATE_TAGS or _all_have(metadata, key, value)
    }
    tags[SOFTWARE] = f"EdgeMEF {__version__}"
    return Metadata(
        exif=tags,
        icc_profile=first.icc_profile,
        exposure=_agreed([one.exposure for one in metadata]),
        exposure_bias=_agreed([one.exposure_bias for one in metadata]),
        taken=first.taken,
        camera=_agreed([one.camera for one in metadata]),
        exposure_time=_agreed([one.exposure_time for one in metadata]),
    )


def _order_by_exif(metadata: Sequence[Metadata]) -> list[int] | None:
    """Return the order by EXIF exposure; None where frames lack it, or two have the same."""
    exposures = [one.exposure for one in metadata if one.exposure is not None]
    if len(exposures) < len(metadata) or len({one.exposure_parts for one in metadata}) > 1:
        return None
    order = sorted(range(len(exposures)), key=exposures.__getitem__)
    steps = [exposures[b] / exposures[a] for a, b in pairwise(order)]
    return order if min(steps) > _SAME_EXPOSURE else None


def _ends(order: list[int]) -> list[int]:
    return [order[0], order[-1]]


def mean_luma(frame: Frame) -> float:
    """Return the mean BT.601 luma, 0 to 255, of rows all over a frame (H, W, 3) uint8 RGB."""
    step = max(1, min(frame.shape[0] // _FEWEST_ROWS, round(frame[..., 0].size / _SAMPLES)))
    red, green, blue, _ = cv2.mean(frame[::step])  # whole rows: memory is read in a piece
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _all_have(metadata: Sequence[Metadata], key: tuple[int, int], value: object) -> bool:
    return all(key in one.exif and one.exif[key] == value for one in metadata)


def _agreed(values: Sequence[_T | None]) -> _T | None:
    return values[0] if all(value == values[0] for value in values) else None


def _check_count(count: int, noun: str) -> None:
    if count < 2:
        found = f"one {noun}" if count else f"no {noun}s"
        raise InputError(
            f"expected two or more exposures of one scene, found {found}: add the others"
        )


def _check_distinct(files: Sequence[Path]) -> None:
    for one, other in combinations(files, 2):
        if one.exists() and other.exists() and one.samefile(other):
            raise InputError(f"'{one}' and '{other}' are the same file: give each exposure once")


def _check_sizes(sizes: Sequence[tuple[int, int]], names: Sequence[str]) -> None:
    """Compare (height, width) of each; the message says width x height, as photographers do."""
    for size, name in zip(sizes, names, strict=True):
        if size == sizes[0]:
            continue
        advice = "crop or scale them to one size"
        if size == sizes[0][::-1]:
            advice = "one of them lies on its side, turn it or correct its EXIF orientation"
        raise InputError(
            f"expected exposures of one size, but {names[0]} is {sizes[0][1]}x{sizes[0][0]} "
            f"and {name} is {size[1]}x{size[0]}: {advice}"
        )


def _check_profiles(files: Sequence[Path], metadata: Sequence[Metadata]) -> None:
    """Mixing colour spaces would give wrong colours, and none of the profiles would fit."""
    for path, one in zip(files, metadata, strict=True):
        if one.icc_profile != metadata[0].icc_profile:
            raise InputError(
                f"expected one colour profile, but those of '{files[0]}' and '{path}' differ: "
                "convert all frames to the same one"
            )


def _check_array(array: object, number: int) -> None:
    expected = f"expected array {number} to be (H, W, 3) uint8 RGB"
    if not isinstance(array, np.ndarray):
        raise InputError(f"{expected}, found a {type(array).__name__}: convert it to NumPy first")
    if array.dtype != np.uint8:
        found = f"{array.dtype}"
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            found += " with NaN or infinite values"
        raise InputError(f"{expected}, found {found}: scale it to 0 to 255, round and convert it")
    if array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise InputError(f"{expected}, found shape {array.shape}: pass colour frames, H and W >= 1")
