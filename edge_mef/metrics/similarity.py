"""SSIM and its multi-scale form, on planes (H, W) of grey levels, 0 to 255.

Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural
similarity", IEEE TIP 2004: 11x11 Gaussian of sigma 1.5, K1 = 0.01, K2 = 0.03, full windows only.
Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment",
Asilomar 2003: five scales, between which 2x2 blocks are averaged.
"""

from edge_mef.metrics.planes import Plane
from edge_mef.metrics.windows import WINDOW, gaussian_window, halve, window_mean

SCALE_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
MULTI_SCALE_SIDE = WINDOW * 2 ** (len(SCALE_EXPONENTS) - 1)

_C1 = (0.01 * 255.0) ** 2
_C2 = (0.03 * 255.0) ** 2


def ssim(reference: Plane, picture: Plane) -> float:
    """SSIM, 1 for equal planes; sides of at least 11."""
    luminance, structure = _parts(reference, picture)
    return float((luminance * structure).mean())


def multi_scale_ssim(reference: Plane, picture: Plane) -> float:
    """MS_SSIM, 1 for equal planes; sides of at least `MULTI_SCALE_SIDE`.

    Contrast and structure count at every scale, luminance at the coarsest. A scale whose mean is
    negative counts as 0, for which there is no power.
    """
    result = 1.0
    for scale, exponent in enumerate(SCALE_EXPONENTS):
        if scale:
            reference, picture = halve(reference), halve(picture)
        luminance, structure = _parts(reference, picture)
        last = scale == len(SCALE_EXPONENTS) - 1
        index = float((luminance * structure if last else structure).mean())
        result *= max(index, 0.0) ** exponent
    return result


def fusion_ssim(first: Plane, second: Plane, fused: Plane) -> float:
    """SSIM_F: the sum of both sources' SSIM, at most 2, as the VIFB benchmark has it."""
    return ssim(first, fused) + ssim(second, fused)


def _parts(reference: Plane, picture: Plane) -> tuple[Plane, Plane]:
    """Return the luminance term and the product of contrast and structure, (H - 10, W - 10)."""
    taps = gaussian_window()
    one, other = window_mean(reference, taps), window_mean(picture, taps)
    own = window_mean(reference * reference, taps) - one * one
    theirs = window_mean(picture * picture, taps) - other * other
    shared = window_mean(reference * picture, taps) - one * other
    luminance: Plane = (2.0 * one * other + _C1) / (one * one + other * other + _C1)
    structure: Plane = (2.0 * shared + _C2) / (own + theirs + _C2)
    return luminance, structure
