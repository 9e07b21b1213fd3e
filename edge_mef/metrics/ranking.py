"""The mean rank of a method over metrics, as tables of fusion methods give it over 14."""

import math
from collections.abc import Mapping, Sequence

from edge_mef.errors import InputError
from edge_mef.metrics.table import MEFB_METRICS, METRICS, choose_metrics


def mean_ranks(
    scores: Mapping[str, Mapping[str, float]], names: Sequence[str] = MEFB_METRICS
) -> dict[str, float]:
    """Return each method's rank, 1 is best, averaged over metrics.

    Args:
        scores: for each method the mean value of each metric over the same pictures.
        names: the metrics to rank by, one or more of `METRICS`; others are not looked at.

    Methods with equal values share the mean of the ranks that they take up together. Which
    direction is better `METRICS` says: of the 14 of MEFB, smaller is in CE and Q_CV.

    Raises:
        InputError: unknown names, a method lacks one of them, or a value is not a number.
    """
    choose_metrics(names, tuple(METRICS))
    methods = list(scores)
    for method in methods:
        _check(method, scores[method], names)
    totals = dict.fromkeys(methods, 0.0)
    for name in names:
        sign = 1.0 if METRICS[name].better == "smaller" else -1.0
        ranks = _ranks([sign * scores[method][name] for method in methods])
        for method, rank in zip(methods, ranks, strict=True):
            totals[method] += rank
    return {method: total / len(names) for method, total in totals.items()}


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the rank of each value, 1 for the smallest; equal ones share theirs."""
    below = [sum(other < value for other in values) for value in values]
    equal = [sum(other == value for other in values) for value in values]
    return [less + (same + 1) / 2 for less, same in zip(below, equal, strict=True)]


def _check(method: str, values: Mapping[str, float], names: Sequence[str]) -> None:
    for name in names:
        if name not in values:
            raise InputError(
                f"expected all of {', '.join(names)} for the method '{method}', "
                f"but {name} is missing: measure it too"
            )
        if math.isnan(values[name]):
            raise InputError(
                f"expected a number for {name} of the method '{method}', found nan: "
                "leave out the pictures that have none"
            )
