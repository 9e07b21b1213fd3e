"""A fixed piece of work that is timed beside the samples: how fast the machine itself was.

Processors change their clocks, and neighbours on a shared one take caches and half of a core, which
no counter here tells. The yardstick feels it much as the subject does;
`edge_mef.benchmarks.selfcheck` tells how well on a machine.
"""

import math

import numpy as np

from edge_mef.benchmarks.statistics import Ratio, Samples, Values
from edge_mef.errors import InputError

_STEPS = 5000  # a fraction of a millisecond, in the first level of the cache
# What the yardstick leaves of the machine's changes, as a share of their logarithm: large enough
# that `edge_mef.benchmarks.selfcheck` raises no false alarm where the speed moves by half.
_LEFT = 0.3


def yardstick() -> int:
    """Count: the same work at every call."""
    total = 0
    for step in range(_STEPS):
        total += step
    return total


def per_yardstick(samples: Samples, beside: Samples) -> Values:
    """Return samples in yardsticks of their own round; (n,) of the shorter one."""
    count = min(len(samples), len(beside))
    if not count:
        raise InputError("expected a yardstick beside the samples, found none: measure again")
    return np.asarray(samples, np.float64)[:count] / np.asarray(beside, np.float64)[:count]


def unsteadiness(before: Samples, after: Samples) -> float:
    """Return how much the machine's speed moved in two runs or between them, 0.5 for 50 %.

    The largest of the spread in each, from the 10th to the 90th percentile, and of the change of
    the median from one to the other.
    """
    spreads = [_spread(one) for one in (before, after)]
    shift = abs(math.log(float(np.median(after)) / float(np.median(before))))
    return math.exp(max(*spreads, shift)) - 1


def widened(ratio: Ratio, moved: float) -> Ratio:
    """Return a ratio of yardsticks with the interval widened by what they leave of `moved`."""
    factor = math.pow(1 + moved, _LEFT)
    return ratio.model_copy(update={"low": ratio.low / factor, "high": ratio.high * factor})


def _spread(samples: Samples) -> float:
    low, high = np.percentile(samples, (10, 90))
    return math.log(float(high) / float(low))
