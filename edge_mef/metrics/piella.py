"""Q_W: how much of the sources' edges the fused picture keeps, by local similarity.

Piella and Heijmans, "A new quality metric for image fusion", ICIP 2003. In every window the fused
picture is compared with both sources, the livelier source counting more, and windows with
something to see count more.

The numbers are those of the public MEFB benchmark, which reports the edge-dependent variant with
exponent one under this name: all that follows is done on gradient magnitudes. The similarity is
SSIM with a Gaussian window where the paper has Wang and Bovik's index with a box.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.errors import InputError

Plane = NDArray[np.float64]

WINDOW = 11
_SIGMA = 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_PREWITT = np.array([[-1.0, 0, 1], [-1, 0, 1], [-1, 0, 1]])


def q_w(first: Plane, second: Plane, fused: Plane) -> float:
    """The weighted fusion quality index of the edges, -1 to 1; 1 is best.

    With v the variance in a window: the mean of l S_1 + (1 - l) S_2, where l = v_1 / (v_1 + v_2)
    and S_k is the similarity with source k, weighted with max(v_1, v_2).

    Args:
        first: (H, W) grey levels, 0 to 255; H and W at least `WINDOW`.
        second: (H, W), the other source.
        fused: (H, W), what was made of them.

    Returns:
        The index. Where neither source varies, both count alike, and as one grey level squared.

    Raises:
        InputError: a side is shorter than the window.
    """
    if min(fused.shape) < WINDOW:
        raise InputError(
            f"Q_W needs sides of at least {WINDOW} pixels, found {fused.shape[1]}x{fused.shape[0]}"
            ": give larger pictures"
        )
    one, two, ours = (_Windows(edges(plane)) for plane in (first, second, fused))
    flat = 0.5 * (one.variance + two.variance == 0)
    first_weight, second_weight = one.variance + flat, two.variance + flat
    share = first_weight / (first_weight + second_weight)
    quality = share * ours.similarity(one) + (1 - share) * ours.similarity(two)
    return float(np.average(quality, weights=np.maximum(first_weight, second_weight)))


def edges(plane: Plane) -> Plane:
    """Prewitt gradient magnitudes, black around the picture: (H, W), 0 and up."""
    across, down = (
        cv2.filter2D(plane, cv2.CV_64F, kernel, borderType=cv2.BORDER_CONSTANT)
        for kernel in (_PREWITT, _PREWITT.T)
    )
    magnitude: Plane = np.hypot(across, down)
    return magnitude


class _Windows:
    """Means and variances of a plane in every window that lies inside it."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.mean = _average(plane)
        # Rounding can leave a flat window slightly below 0, which is no weight.
        self.variance = np.maximum(_average(plane**2) - self.mean**2, 0)

    def similarity(self, other: "_Windows") -> Plane:
        """SSIM (Wang et al. 2004, equation 13) per window: (H - 10, W - 10)."""
        covariance = _average(self.plane * other.plane) - self.mean * other.mean
        luminance = (2 * self.mean * other.mean + _C1) / (self.mean**2 + other.mean**2 + _C1)
        similarity: Plane = (
            luminance * (2 * covariance + _C2) / (self.variance + other.variance + _C2)
        )
        return similarity


def _average(plane: Plane) -> Plane:
    """Gaussian means of the windows inside the plane: (H - 10, W - 10)."""
    margin = WINDOW // 2
    blurred = np.asarray(cv2.GaussianBlur(plane, (WINDOW, WINDOW), _SIGMA), np.float64)
    return blurred[margin:-margin, margin:-margin]
