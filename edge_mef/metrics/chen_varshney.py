"""Q_CV: how visible the fused picture's differences from its sources are; smaller is better.

Chen and Varshney, "A human perception inspired quality metric for image fusion based on regional
information", Information Fusion 2007. The difference to each source is weighted with the contrast
sensitivity of the eye; per region its mean square counts by how many edges the source has there.

The numbers are those of the public MEFB benchmark, which fills in what the paper leaves open:
every picture is first stretched to 0..255, the sensitivity is Mannos and Sakrison's with the slope
0.144 where their paper has 0.114, and a source's edges count with the fifth power.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]

REGION = 16  # side of a region in pixels
_EDGE_POWER = 5
_CYCLES_PER_DEGREE = 0.25  # of one cycle per picture side: the picture fills 4 degrees
_SLOPE = 0.144


def q_cv(first: Plane, second: Plane, fused: Plane) -> float:
    """The region-weighted visible error, 0 and up; 0 is best.

    The mean over both sources and all regions of the squared visible difference, weighted with the
    saliency of the source there, the sum of its edge strengths to the fifth power.

    Args:
        first: (H, W) grey levels, 0 to 255.
        second: (H, W), the other source.
        fused: (H, W), what was made of them.

    Returns:
        The index. A constant picture is stretched to 0; where no source has an edge, all regions
        count alike.
    """
    first, second, fused = (stretch(plane) for plane in (first, second, fused))
    saliency = np.stack([_region_sums(_edge_strength(plane)) for plane in (first, second)])
    errors = np.stack([_visible_error(plane - fused) for plane in (first, second)])
    if not saliency.any():
        return float(errors.mean())
    # One ratio over both pictures, not one per region as printed in the paper: as in MEFB.
    return float(np.average(errors, weights=saliency))


def stretch(plane: Plane) -> Plane:
    """Map the levels found to whole numbers from 0 to 255, a constant plane to 0; same shape."""
    low, high = plane.min(), plane.max()
    if low == high:
        return np.zeros_like(plane)
    # Halves go up, also for even levels: np.round would send them to the even neighbour.
    stretched: Plane = np.floor((plane - low) / (high - low) * 255 + 0.5)
    return stretched


def _edge_strength(plane: Plane) -> Plane:
    """Sobel magnitude to the fifth power, black around the picture."""
    across, down = (
        cv2.Sobel(plane, cv2.CV_64F, dx, 1 - dx, borderType=cv2.BORDER_CONSTANT) for dx in (1, 0)
    )
    strength: Plane = np.hypot(across, down) ** _EDGE_POWER
    return strength


def _visible_error(difference: Plane) -> Plane:
    """The mean square per region of the difference seen through the contrast sensitivity."""
    spectrum = np.fft.rfft2(difference) * _sensitivity(difference.shape)
    seen = np.fft.irfft2(spectrum, s=difference.shape)
    return _region_sums(seen**2) / REGION**2


def _sensitivity(shape: tuple[int, ...]) -> Plane:
    """Mannos and Sakrison's curve for a real spectrum of (H, W): (H, W // 2 + 1)."""
    scaled = _SLOPE * _CYCLES_PER_DEGREE * cycles_per_picture(shape)
    curve: Plane = 2.6 * (0.0192 + scaled) * np.exp(-(scaled**1.1))
    return curve


def cycles_per_picture(shape: tuple[int, ...]) -> Plane:
    """The radial frequency of every bin of np.fft.rfft2, in cycles per side: (H, W // 2 + 1)."""
    height, width = shape
    down, across = np.fft.fftfreq(height) * height, np.fft.rfftfreq(width) * width
    radius: Plane = np.hypot(down[:, np.newaxis], across)
    return radius


def _region_sums(plane: Plane) -> Plane:
    """Sums over regions: (H, W) to (ceil(H / 16), ceil(W / 16)), zeros beyond the picture."""
    height, width = plane.shape
    padded = np.pad(plane, ((0, -height % REGION), (0, -width % REGION)))
    rows, columns = padded.shape[0] // REGION, padded.shape[1] // REGION
    sums: Plane = padded.reshape(rows, REGION, columns, REGION).sum(axis=(1, 3))
    return sums
