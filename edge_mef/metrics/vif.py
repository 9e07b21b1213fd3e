"""Visual information fidelity in the pixel domain: against a reference, and for fusion.

Sheikh and Bovik, "Image information and visual quality", IEEE TIP 2006: a picture is a reference
that was scaled and made noisy, window by window; the index is the information the eye gets from it
over the information the eye gets from the reference. Both functions use the model on four scales
of Gaussian-filtered pixels, as Sheikh and Bovik's own multi-scale pixel version does, instead of
steerable subbands.

Han, Cai, Cao and Xu, "A new image fusion performance metric based on visual information fidelity",
Information Fusion 2013: the reference is, window by window, the source that explains the fused
picture with the smaller gain. This is the `VIF` of the public MEFB benchmark.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.errors import InputError

Plane = NDArray[np.float64]

MIN_SIDE = 41  # the coarsest scale then still holds one window
_WINDOWS = (17, 9, 5, 3)  # sides per scale, finest first; sigma is a fifth
_REFERENCE_NOISE = 2.0  # variance of the eye's noise: the value of Sheikh and Bovik's program
_FUSION_NOISE = 0.005 * 255**2  # and that of Han et al.
_FUSION_WEIGHTS = (1 / 2.15, 0.0, 0.15 / 2.15, 1 / 2.15)
_FLAT = 1e-10  # a variance below this is no variance
_NO_INFORMATION = 1e-7  # makes the ratio 1 where there is nothing to see in either picture


class _Information(NamedTuple):
    """One scale, per window: the gain of the model, and the information that arrives."""

    gain: Plane
    kept: Plane
    available: Plane


def vif_fusion(first: Plane, second: Plane, fused: Plane) -> float:
    """The fusion index of Han et al., 0 and up; 1 for `fused` = sources.

    The weighted mean over scales of information kept over information available.

    Where both gains are equal, which is so where neither source explains anything, the second
    source is the reference, as in MEFB: swapping the sources can change the index by some percent
    where much of them is saturated.

    Args:
        first: (H, W) grey levels, 0 to 255; H and W at least `MIN_SIDE`.
        second: (H, W), the other source.
        fused: (H, W), what was made of them.

    Returns:
        The index; 1 where the sources are constant.

    Raises:
        InputError: a side is too short for four scales.
    """
    one, two = (_information(source, fused, _FUSION_NOISE) for source in (first, second))
    index = 0.0
    for weight, a, b in zip(_FUSION_WEIGHTS, one, two, strict=True):
        choice = a.gain < b.gain
        kept, available = (
            np.where(choice, x, y).mean() + _NO_INFORMATION
            for x, y in ((a.kept, b.kept), (a.available, b.available))
        )
        index += weight * kept / available
    return float(index)


def vif_reference(reference: Plane, picture: Plane) -> float:
    """The index of Sheikh and Bovik, 0 and up; 1 for the reference itself.

    Information kept over information available, both summed over all scales.

    A picture with more contrast than the reference gets more than 1.

    Args:
        reference: (H, W) grey levels, 0 to 255; H and W at least `MIN_SIDE`.
        picture: (H, W), what is judged.

    Returns:
        The index; 1 where the reference is constant.

    Raises:
        InputError: a side is too short for four scales.
    """
    scales = list(_information(reference, picture, _REFERENCE_NOISE))
    available = sum(float(scale.available.sum()) for scale in scales)
    return sum(float(scale.kept.sum()) for scale in scales) / available if available else 1.0


def _information(source: Plane, picture: Plane, noise: float) -> Iterator[_Information]:
    """Give the information per window, finest scale first."""
    if min(picture.shape) < MIN_SIDE:
        raise InputError(
            f"VIF needs sides of at least {MIN_SIDE} pixels, found "
            f"{picture.shape[1]}x{picture.shape[0]}: give larger pictures"
        )
    for scale, side in enumerate(_WINDOWS):
        if scale:
            source, picture = (_average(plane, side)[::2, ::2] for plane in (source, picture))
        yield _scale_information(source, picture, side, noise)


def _scale_information(source: Plane, picture: Plane, side: int, noise: float) -> _Information:
    """Fit picture = gain * source + own noise per window and count what the eye can tell."""
    source_mean, picture_mean = _average(source, side), _average(picture, side)
    source_variance = _variance(source, source_mean, side)
    picture_variance = _variance(picture, picture_mean, side)
    covariance = _average(source * picture, side) - source_mean * picture_mean

    # An inverted window carries nothing, and so does one that is flat in either picture.
    explained = (source_variance > 0) & (picture_variance > 0) & (covariance > 0)
    gain = np.where(explained, covariance / (source_variance + _FLAT), 0)
    own_noise = np.maximum(picture_variance - gain * covariance, _FLAT)
    kept = np.log10(1 + gain**2 * source_variance / (own_noise + noise))
    return _Information(gain, kept, np.log10(1 + source_variance / noise))


def _variance(plane: Plane, mean: Plane, side: int) -> Plane:
    variance = _average(plane**2, side) - mean**2
    return np.where(variance < _FLAT, 0, variance)


def _average(plane: Plane, side: int) -> Plane:
    """Gaussian means of the windows inside the plane: (H - side + 1, W - side + 1)."""
    margin = side // 2
    blurred = np.asarray(cv2.GaussianBlur(plane, (side, side), side / 5), np.float64)
    return blurred[margin:-margin, margin:-margin]
