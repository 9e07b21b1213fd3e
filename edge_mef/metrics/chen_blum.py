"""Q_CB: how much of the sources' local contrast, as the eye sees it, the fused picture keeps.

Chen and Blum, "A new automated quality assessment algorithm for image fusion", Image and Vision
Computing 2009. A picture is filtered with the contrast sensitivity of the eye, its local contrast
is measured and masked, and the masked contrasts are compared pixel by pixel.

The numbers are those of the public MEFB benchmark: every picture is first stretched to 0..255,
the sensitivity is a difference of Gaussians, and contrast is the magnitude of Peli's.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.metrics.chen_varshney import cycles_per_picture, stretch

Plane = NDArray[np.float64]

_CENTRE, _SURROUND, _SURROUND_WEIGHT = 15.3870, 1.3456, 0.7622
_CYCLES_PER_DEGREE = 1 / 15  # of one cycle per picture side: the picture fills 15 degrees
_NARROW, _WIDE = 2.0, 4.0  # sigmas in pixels
_RADIUS = 15
_MASKING = 1e-4


def q_cb(first: Plane, second: Plane, fused: Plane) -> float:
    """The mean of the global quality map, 0 to 1; 1 is best.

    Where C is the masked contrast, a source s is kept by min(C_s, C_f) / max(C_s, C_f), and the two
    count with C_s^2 / (C_1^2 + C_2^2).

    Args:
        first: (H, W) grey levels, 0 to 255.
        second: (H, W), the other source.
        fused: (H, W), what was made of them.

    Returns:
        The index. A constant picture has no contrast; where neither of two pictures has contrast
        it is fully kept, and where neither source has, they count alike.
    """
    # Which halves the stretching rounds up hangs on the division; the benchmark divides as well.
    one, two, ours = (masked_contrast(stretch(plane / 255)) for plane in (first, second, fused))
    share = _divide(one**2, one**2 + two**2, otherwise=0.5)
    quality = share * _preserved(one, ours) + (1 - share) * _preserved(two, ours)
    return float(quality.mean())


def masked_contrast(plane: Plane) -> Plane:
    """The contrast that is seen at every pixel: (H, W), 0 and up.

    Peli's contrast c = |narrow mean / wide mean - 1| is masked as c^3 / (c^2 + Z).
    """
    spectrum = np.fft.rfft2(plane) * _sensitivity(plane.shape)
    seen = np.fft.irfft2(spectrum, s=plane.shape)
    ratio = _divide(_blur(seen, _NARROW), _blur(seen, _WIDE), otherwise=1.0)
    contrast = np.abs(ratio - 1)
    masked: Plane = contrast**3 / (contrast**2 + _MASKING)
    return masked


def _preserved(source: Plane, fused: Plane) -> Plane:
    """The smaller contrast over the larger one."""
    return _divide(np.minimum(source, fused), np.maximum(source, fused), otherwise=1.0)


def _sensitivity(shape: tuple[int, ...]) -> Plane:
    """The difference of Gaussians for a real spectrum of (H, W): (H, W // 2 + 1)."""
    radius = _CYCLES_PER_DEGREE * cycles_per_picture(shape)
    centre, surround = np.exp(-((radius / _CENTRE) ** 2)), np.exp(-((radius / _SURROUND) ** 2))
    curve: Plane = centre - _SURROUND_WEIGHT * surround
    return curve


def _blur(plane: Plane, sigma: float) -> Plane:
    """Filter with a Gaussian cut off at 15 pixels and not renormalised, black around."""
    offsets = np.arange(-_RADIUS, _RADIUS + 1)
    weights = np.exp(-(offsets**2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
    blurred = cv2.sepFilter2D(plane, cv2.CV_64F, weights, weights, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(blurred, np.float64)


def _divide(above: Plane, below: Plane, *, otherwise: float) -> Plane:
    """`above` / `below`, and `otherwise` where `below` is 0."""
    return np.divide(above, below, out=np.full_like(above, otherwise), where=below != 0)
