"""Metrics of information theory: what grey levels say, and what two pictures say in common.

All take (H, W) planes of whole grey levels, 0 to 255, with one bin per level. The public MEFB and
VIFB benchmarks stretch planes to the full range before some of them; as no two levels become one by
that, it changes nothing and is left out. A plane of one level has no information: it counts as 0.
"""

from collections.abc import Sequence

import numpy as np

from edge_mef.metrics.planes import Plane

LEVELS = 256


def entropy(fused: Plane) -> float:
    """EN: Shannon's entropy of the grey levels in bits, 0 to 8.

    Van Aardt, "Assessment of image fusion procedures using entropy, image quality, and
    multispectral classification", JARS 2008.
    """
    return _bits(_histogram(fused))


def cross_entropy(sources: Sequence[Plane], fused: Plane) -> float:
    """CE: mean over the sources of sum p log2(p / q), p of a source and q of the fused picture.

    Levels that one of the two lacks are left out, so that it is finite, and may be negative.
    Bulanon, Burks and Alchanatis, "Image fusion of visible and thermal images for fruit
    detection", Biosystems Engineering 2009.
    """
    return float(np.mean([_divergence(source, fused) for source in sources]))


def mutual_information(first: Plane, second: Plane, fused: Plane) -> float:
    """MI: mutual information of each source and the fused picture, summed, in nats.

    Qu, Zhang and Yan, "Information measure for performance of image fusion", Electronics Letters
    2002.
    """
    shared = [_shared_bits(source, fused)[0] for source in (first, second)]
    return float(sum(shared) * np.log(2.0))


def normalized_mutual_information(first: Plane, second: Plane, fused: Plane) -> float:
    """NMI: 2 I(source, fused) / (H(source) + H(fused)), summed over both sources, 0 to 2.

    Hossny, Nahavandi and Creighton, "Comments on 'Information measure for performance of image
    fusion'", Electronics Letters 2008.
    """
    total = 0.0
    for source in (first, second):
        shared, own, theirs = _shared_bits(source, fused)
        total += 2.0 * shared / (own + theirs) if own + theirs > 0 else 0.0
    return total


def nonlinear_correlation(first: Plane, second: Plane, fused: Plane) -> float:
    """Q_NCIE: nonlinear correlation information entropy of the three planes, about 0.8 to 1.

    The correlation of two planes is their mutual information with logarithms to base 256; the
    eigenvalues of the 3x3 matrix of them give the entropy. Wang, Shen and Jin, "Performance
    evaluation of image fusion techniques", in "Image Fusion: Algorithms and Applications", 2008.
    """
    planes = (first, second, fused)
    matrix = np.eye(len(planes))
    for i in range(len(planes)):
        for j in range(i):
            matrix[i, j] = matrix[j, i] = _shared_bits(planes[i], planes[j])[0] / np.log2(LEVELS)
    values = np.linalg.eigvalsh(matrix)
    values = values[values > 0] / len(planes)
    return 1.0 + float(np.sum(values * np.log2(values))) / float(np.log2(LEVELS))


def _divergence(source: Plane, fused: Plane) -> float:
    theirs, ours = _histogram(source), _histogram(fused)
    both = (theirs > 0) & (ours > 0)
    return float(np.sum(theirs[both] * np.log2(theirs[both] / ours[both])))


def _shared_bits(one: Plane, other: Plane) -> tuple[float, float, float]:
    """Return the mutual information and both entropies, in bits."""
    codes = (one * LEVELS + other).astype(np.intp)
    counts = np.bincount(codes.ravel(), minlength=LEVELS * LEVELS)
    joint: Plane = counts.reshape(LEVELS, LEVELS) / codes.size
    own, theirs = _bits(joint.sum(axis=1)), _bits(joint.sum(axis=0))
    return own + theirs - _bits(joint), own, theirs


def _histogram(plane: Plane) -> Plane:
    counts = np.bincount(plane.astype(np.intp).ravel(), minlength=LEVELS)
    shares: Plane = counts / plane.size
    return shares


def _bits(shares: Plane) -> float:
    """Return the entropy of shares that add up to 1."""
    present = shares[shares > 0]
    return float(-np.sum(present * np.log2(present)))
