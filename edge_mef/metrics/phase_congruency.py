"""Q_P: how well the edges and corners of the sources are found again in the fused picture.

Zhao, Laganiere and Liu, "Performance assessment of combinative pixel-level image fusion based on an
absolute feature measurement", IJICIC 2007: phase congruency and its two moments are correlated
between the fused picture, the sources and the stronger of both. Phase congruency is Kovesi's PC_2:
"Image features from phase congruency", Videre 1999, and "Phase congruency detects corners and
edges", DICTA 2003 (the moments). The constants are those of the public MEFB benchmark.

It takes 24 filters for each picture, so responses are in float32, which changes the index by about
1e-5, and are computed at sizes that Fourier transforms are quick for; see `_FilterBank`.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]
Map = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

FEATURE = 0.1  # phase congruency above this is a feature
_C = 1e-4  # keeps the correlation defined where nothing varies
_WINDOW, _SIGMA = 11, 1.5

_WAVELENGTHS = tuple(3 * 2.1**scale for scale in range(4))  # pixels
_BANDWIDTH = 0.55  # sigma of a filter in log frequency, as a ratio
_ANGLES = tuple(np.pi / 6 * orientation for orientation in range(6))
_ANGLE_SIGMA = np.pi / 6 / 1.2
_LOW_PASS, _LOW_PASS_ORDER = 0.45, 15  # takes the corners off the spectrum
_NOISE_SIGMAS, _NOISE_SCALE = 2.0, 1 / 1.7
_SPREAD, _SPREAD_GAIN = np.float32(0.5), np.float32(10)
_EPSILON, _NOTHING = np.float32(1e-4), np.finfo(np.float32).tiny
_STRIP = 64  # rows
_TAIL = 44  # pixels after which the coarsest filter has nearly died away


class Features(NamedTuple):
    """Where a picture has features, each (H, W), 0 to about 1."""

    congruency: Plane
    edges: Plane  # the larger moment
    corners: Plane  # the smaller moment


def q_p(first: Plane, second: Plane, fused: Plane) -> float:
    """The product of the correlations of congruency, edges and corners, about 0 to 1; 1 is best.

    Each is the mean, over the pixels where a source has a feature, of the highest local
    (cov(s, f) + C) / (sigma_s sigma_f + C) with s the first, the second or the stronger source.

    Args:
        first: (H, W) grey levels, 0 to 255.
        second: (H, W), the other source.
        fused: (H, W), what was made of them.

    Returns:
        The index; 1 where the sources have no feature that could be lost, 0 where they have and the
        fused picture has none.
    """
    filters = _FilterBank(fused.shape)
    one, two, ours = (phase_congruency(plane, filters) for plane in (first, second, fused))
    stronger = one.congruency > two.congruency
    best = Features(*(np.where(stronger, a, b) for a, b in zip(one, two, strict=True)))
    sources = (one, two, best)
    masks = [source.congruency > FEATURE for source in sources]
    count = np.count_nonzero(masks[2])
    if not count:
        return 1.0
    if not (ours.congruency > FEATURE).any():
        return 0.0  # the correlation with nothing would be C / C = 1
    index = 1.0
    for maps, our_map in zip(zip(*sources, strict=True), ours, strict=True):
        index *= _best_correlation(maps, masks, our_map).sum() / count
    return float(index)


def _best_correlation(
    maps: tuple[Plane, ...], masks: list[NDArray[np.bool_]], ours: Plane
) -> Plane:
    """The highest of the local correlations with `ours`, each 0 outside its mask: (H, W)."""
    mean = _average(ours)
    variance = _average(ours**2) - mean**2
    correlations = []
    for plane, mask in zip(maps, masks, strict=True):
        features = plane * mask
        other_mean = _average(features)
        other_variance = _average(features**2) - other_mean**2
        covariance = _average(features * ours) - other_mean * mean
        correlation = (covariance + _C) / (np.sqrt(np.abs(other_variance * variance)) + _C)
        correlations.append(correlation * mask)
    best: Plane = np.maximum.reduce(correlations)
    return best


def _average(plane: Plane) -> Plane:
    """Gaussian means around every pixel, black around the picture; same shape."""
    size, border = (_WINDOW, _WINDOW), cv2.BORDER_CONSTANT
    return np.asarray(cv2.GaussianBlur(plane, size, _SIGMA, borderType=border), np.float64)


def phase_congruency(plane: Plane, filters: "_FilterBank | None" = None) -> Features:
    """Kovesi's PC_2 over six orientations, and its moments; the picture is taken as periodic.

    PC_2 = sum W max(E - T, 0) / (sum A + epsilon): energy E above the noise threshold T, weighted
    by the spread of frequencies W, over amplitudes A, summed over orientations.

    Args:
        plane: (H, W), 0 to 255.
        filters: those for (H, W), where they are there already.
    """
    filters = filters or _FilterBank(plane.shape)
    spectrum = filters.spectrum(plane)
    energy_sum, amplitude_sum = (np.zeros(plane.shape, np.float32) for _ in range(2))
    powers = np.empty((len(_ANGLES), *plane.shape), np.float32)
    for orientation, power in enumerate(powers):
        energy, amplitude = _energy(filters, spectrum, orientation)
        energy_sum += energy
        amplitude_sum += amplitude
        np.square(energy / np.maximum(amplitude, _NOTHING), out=power)
    cosines, sines = np.cos(_ANGLES), np.sin(_ANGLES)
    factors = np.array([cosines**2, sines**2, cosines * sines], np.float32)
    xx, yy, xy = np.tensordot(factors, powers, axes=1)
    # Covariances are over half the orientations. Of twice the mixed one, which belongs under this
    # root, the benchmark's version takes a quarter.
    total, difference = (xx + yy) / 3, (xx - yy) / 3
    root = cv2.magnitude(xy / 6, difference) + _EPSILON
    congruency = energy_sum / (amplitude_sum + _EPSILON)
    found = (congruency, (total + root) / 2, (total - root) / 2)
    return Features(*(plane.astype(np.float64) for plane in found))


def _energy(filters: "_FilterBank", spectrum: Spectrum, orientation: int) -> tuple[Map, Map]:
    """The weighted local energy above the noise, and the sum of amplitudes, both (H, W)."""
    responses = filters.responses(spectrum, orientation)
    amplitudes = np.empty_like(responses[:, 0])
    for (even, odd), amplitude in zip(responses, amplitudes, strict=True):
        cv2.magnitude(even, odd, amplitude)
    threshold = np.float32(filters.noise[orientation] * _median(amplitudes[0]))
    energy, total = np.empty_like(amplitudes[0]), amplitudes.sum(axis=0)
    # Strips that stay in the cache take half the time.
    for top in range(0, energy.shape[0], _STRIP):
        strip = slice(top, top + _STRIP)
        local = _local_energy(responses[:, :, strip]) - threshold
        weight = _spread_weight(amplitudes[:, strip], total[strip])
        np.multiply(np.maximum(local, 0), weight, out=energy[strip])
    return energy, total


def _local_energy(responses: Map) -> Map:
    """Kovesi's A (cos(d) - |sin(d)|), d the deviation from the mean phase, summed over scales.

    As the dot product with the mean direction less the cross products: (4, 2, H, W) to (H, W).
    """
    evens, odds = responses.sum(axis=0)
    energy = evens**2 + odds**2
    mean_length = np.sqrt(energy) + _EPSILON
    for even, odd in responses:
        energy -= cv2.absdiff(even * odds, odd * evens)
    return np.asarray(energy / mean_length, np.float32)


def _spread_weight(amplitudes: Map, total: Map) -> Map:
    """Near 0 where few scales are at work, for which congruency is no feat, else near 1."""
    spread = total / ((amplitudes.max(axis=0) + _EPSILON) * np.float32(len(_WAVELENGTHS)))
    return np.asarray(1 / (1 + np.exp((_SPREAD - spread) * _SPREAD_GAIN)), np.float32)


def _median(plane: Map) -> float:
    # Several times as fast as np.median; of an even count it takes the upper of the middle two.
    middle = plane.size // 2
    return float(np.partition(plane, middle, axis=None)[middle])


class _FilterBank:
    """Log-Gabor filters for pictures of one shape: four scales by six orientations.

    A side that Fourier transforms are slow for is continued periodically by at least the filters'
    length, which changes phase congruency by some hundredths near the borders and the index by
    less than two in a thousand.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self._full = tuple(_quick_side(side) for side in shape)
        self._before = tuple(
            (full - side) // 2 for full, side in zip(self._full, shape, strict=True)
        )
        down, across = (_frequencies(side) for side in shape)
        radius = np.hypot(down[:, np.newaxis], across)
        theta = np.arctan2(-down[:, np.newaxis], across)
        self._radials = _radials(radius)
        self._angulars = [_angular(theta, angle) for angle in _ANGLES]
        self.noise = [self._noise_factor(angular) for angular in self._angulars]

    def spectrum(self, plane: Plane) -> Spectrum:
        """The transform of a picture, continued where its size asks for it."""
        # The filters drop the mean anyway. Near 0 float32 is finer, and constant becomes exactly 0.
        levels = (plane - (plane.min() + plane.max()) / 2).astype(np.float32)
        margins = zip(self._before, self._full, self.shape, strict=True)
        padding = [(before, full - side - before) for before, full, side in margins]
        padded = np.pad(levels, padding, mode="wrap")
        transformed = cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT)
        return np.asarray(transformed, np.float32).view(np.complex64)[..., 0]

    def responses(self, spectrum: Spectrum, orientation: int) -> Map:
        """Even and odd response for each scale, finest first: (4, 2, H, W)."""
        (top, left), (height, width) = self._before, self.shape
        responses = np.empty((len(_WAVELENGTHS), 2, height, width), np.float32)
        turned = spectrum * self._angulars[orientation]
        # One buffer for all: fresh memory costs as much as the arithmetic on it.
        product = np.empty_like(turned)
        buffer = product[..., np.newaxis].view(np.float32)
        for radial, response in zip(self._radials, responses, strict=True):
            np.multiply(turned, radial, out=product)
            cv2.dft(buffer, buffer, cv2.DFT_INVERSE | cv2.DFT_SCALE)
            cropped = buffer[top : top + height, left : left + width]
            response[0], response[1] = cropped[..., 0], cropped[..., 1]
        return responses

    def _noise_factor(self, angular: Map) -> float:
        """The energy that noise reaches per median amplitude of the finest scale.

        That amplitude tells the noise's power (median of its square over log 2), and the even
        filters of all scales together, taken in the spectrum (Parseval), what such noise gives.
        """
        even = (angular + np.roll(np.flip(angular), 1, axis=(0, 1))) / 2
        together = sum(self._radials[1:], self._radials[0]) * even
        finest = self._radials[0] * angular
        own_power = max(float(np.vdot(finest, finest)), float(_NOTHING))
        power = float(np.vdot(together, together)) / own_power / np.log(2)
        mean, sigma = np.sqrt(np.pi / 2), np.sqrt(2 - np.pi / 2)  # of a Rayleigh distribution
        return float(np.sqrt(power) * (mean + _NOISE_SIGMAS * sigma) * _NOISE_SCALE)


def _quick_side(side: int) -> int:
    """The side itself if it has small factors only, else a longer one that has."""
    if cv2.getOptimalDFTSize(side) == side:
        return side
    return int(cv2.getOptimalDFTSize(side + 2 * _TAIL))


def _frequencies(side: int) -> Map:
    """Cycles per pixel for the bins of a picture's padded side."""
    # Kovesi spreads an odd side's frequencies to a full half, which makes them a little higher.
    stretch = side / (side - side % 2) if side > 1 else 1.0
    return (np.fft.fftfreq(_quick_side(side)) * stretch).astype(np.float32)


def _radials(radius: Map) -> list[Map]:
    """Log-Gabor filters times a low-pass, 0 at the mean, finest first."""
    low_pass = 1 / (1 + (radius / _LOW_PASS) ** (2 * _LOW_PASS_ORDER))
    frequency = np.log(np.maximum(radius, _NOTHING))
    steepness = 0.5 / float(np.log(_BANDWIDTH)) ** 2
    distances = (frequency + float(np.log(length)) for length in _WAVELENGTHS)
    return [np.asarray(np.exp(d**2 * -steepness) * low_pass, np.float32) for d in distances]


def _angular(theta: Map, angle: float) -> Map:
    """Gaussian of the angle between a bin and the filter's direction."""
    distance = np.remainder(theta - angle + np.pi, 2 * np.pi) - np.pi
    return np.asarray(np.exp(distance**2 * (-0.5 / _ANGLE_SIGMA**2)), np.float32)
