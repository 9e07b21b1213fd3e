"""Which scenes to calibrate with: few, and as different from each other as they can be."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from edge_mef.calibration.features import FEATURES

Matrix = NDArray[np.float64]

_ROUNDING = 1e-9  # relative spread below which values are equal but for rounding


class FeatureCoverage(BaseModel):
    """The (smallest, largest) value of a feature, and the share of that range that is covered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    candidates: tuple[float, float]
    selection: tuple[float, float]
    share: float


class Coverage(BaseModel):
    """How well a selection stands for the scenes it was chosen from.

    Attributes:
        candidates, selected: numbers of scenes.
        features: by the names of `FEATURES`.
        farthest: the largest distance of any candidate to the selected scene nearest to it, over
            all features together, each in its standard deviations.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    candidates: int
    selected: int
    features: dict[str, FeatureCoverage]
    farthest: float

    @property
    def mean_share(self) -> float:
        """The mean of the features' covered shares, 0 to 1."""
        return sum(f.share for f in self.features.values()) / len(self.features)


def choose_diverse(features: Matrix, count: int) -> list[int]:
    """Return the rows chosen by farthest-point selection, first chosen first.

    It starts at the medoid and adds the row that is farthest from all chosen ones until there are
    `count` (all rows if there are no more): the greedy 2-approximation of the k-center problem of
    Gonzalez, "Clustering to minimize the maximum intercluster distance", Theoretical Computer
    Science 38, 1985. Of equally far rows the first one is taken, and a longer selection begins
    with the shorter ones.

    Args:
        features: (N, F), one scene a row, N >= 1, in an order that does not come from names.
    """
    points = standardize(features)
    chosen = [_medoid(points)]
    nearest = _distances(points, chosen[0])
    while len(chosen) < min(count, len(points)):
        # A chosen row may be as near as others that equal it, but it must not come again.
        nearest[chosen] = -1.0
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, _distances(points, chosen[-1]))
    return chosen


def measure_coverage(features: Matrix, chosen: Sequence[int]) -> Coverage:
    """Compare the chosen rows with all rows of (N, F) features, F as in `FEATURES`."""
    points = standardize(features)
    nearest = np.min([_distances(points, index) for index in chosen], axis=0)
    return Coverage(
        candidates=len(features),
        selected=len(chosen),
        features={
            name: _feature_coverage(features[:, column], features[chosen, column])
            for column, name in enumerate(FEATURES)
        },
        farthest=float(nearest.max()),
    )


def standardize(features: Matrix) -> Matrix:
    """Return (N, F) features minus their means in standard deviations; 0 where all are equal."""
    means, deviations = features.mean(axis=0), features.std(axis=0)
    constant = deviations <= _ROUNDING * np.abs(features).max(axis=0)
    scaled = (features - means) / np.where(constant, 1.0, deviations)
    return np.where(constant, 0.0, scaled)


def _medoid(points: Matrix) -> int:
    """Return the first row with the least sum of distances to all others.

    Row by row: the matrix of all distances would not fit for the brackets of a long video.
    """
    sums = [float(_distances(points, index).sum()) for index in range(len(points))]
    return int(np.argmin(sums))


def _distances(points: Matrix, index: int) -> Matrix:
    return np.asarray(np.sqrt(np.square(points - points[index]).sum(axis=1)), np.float64)


def _feature_coverage(candidates: Matrix, selection: Matrix) -> FeatureCoverage:
    low, high = float(candidates.min()), float(candidates.max())
    least, most = float(selection.min()), float(selection.max())
    share = (most - least) / (high - low) if high > low else 1.0
    return FeatureCoverage(candidates=(low, high), selection=(least, most), share=share)
