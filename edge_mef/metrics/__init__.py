"""How good is a fused picture: the metrics of fusion papers, in numpy and OpenCV alone.

`evaluate` measures a fused picture against its exposures, with the 14 metrics of the public MEFB
benchmark and the further ones of VIFB; `compare` measures a picture against a reference;
`mean_ranks` ranks methods over the 14 metrics. `METRICS` says what each metric is.
"""

from edge_mef.metrics.ranking import mean_ranks
from edge_mef.metrics.scoring import compare, evaluate
from edge_mef.metrics.table import (
    IVF_METRICS,
    MEFB_METRICS,
    METRICS,
    REFERENCE_METRICS,
    Metric,
)

__all__ = [
    "IVF_METRICS",
    "MEFB_METRICS",
    "METRICS",
    "REFERENCE_METRICS",
    "Metric",
    "compare",
    "evaluate",
    "mean_ranks",
]
