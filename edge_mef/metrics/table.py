"""What each metric is: one row, readable without computing anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edge_mef.errors import InputError

Better = Literal["larger", "smaller"]
Kind = Literal["mefb", "ivf", "reference"]
Uses = Literal["fused", "pair", "all", "reference"]


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        title: its full name, with the unit where it has one.
        better: whether a larger or a smaller value is better.
        source: the paper that defines it, or that the benchmark gives for it.
        kind: "mefb" for the 14 metrics of multi-exposure tables, "ivf" for the further ones of
            infrared-visible tables, "reference" for those that need a reference picture.
        uses: what it looks at besides the fused picture: nothing ("fused"), two sources ("pair"),
            all of them ("all"), or a reference picture ("reference").
        min_side: the smallest height and width, in pixels.
    """

    name: str
    title: str
    better: Better
    source: str
    kind: Kind
    uses: Uses
    min_side: int


_ROWS = (
    Metric("EN", "entropy, bits", "larger", "van Aardt, JARS 2008", "mefb", "fused", 1),
    Metric("FMI", "feature mutual information of edges", "larger",
           "Haghighat and Razian, AICT 2014", "mefb", "pair", 3),
    Metric("NMI", "normalized mutual information", "larger",
           "Hossny et al., Electronics Letters 2008", "mefb", "pair", 1),
    # Against a reference the same name is the ordinary PSNR: see `compare`.
    Metric("PSNR", "peak signal-to-noise ratio, dB", "larger",
           "Jagalingam and Hegde, Aquatic Procedia 2015", "mefb", "all", 1),
    Metric("Q_NCIE", "nonlinear correlation information entropy", "larger",
           "Wang et al., Image Fusion: Algorithms and Applications 2008", "mefb", "pair", 1),
    Metric("AG", "average gradient, grey levels", "larger",
           "Cui et al., Optics Communications 2015", "mefb", "fused", 2),
    Metric("Q_ABF", "preservation of edges", "larger",
           "Xydeas and Petrovic, Electronics Letters 2000", "mefb", "pair", 3),
    Metric("CE", "cross entropy, bits", "smaller",
           "Bulanon et al., Biosystems Engineering 2009", "mefb", "all", 1),
    Metric("Q_P", "preservation of phase congruency", "larger",
           "Zhao et al., IJICIC 2007", "mefb", "pair", 16),
    Metric("Q_W", "preservation of edges by local similarity", "larger",
           "Piella and Heijmans, ICIP 2003", "mefb", "pair", 11),
    Metric("MEF_SSIM", "structural similarity to the exposures", "larger",
           "Ma et al., IEEE TIP 2015", "mefb", "all", 44),
    Metric("Q_CB", "preservation of visible contrast", "larger",
           "Chen and Blum, Image and Vision Computing 2009", "mefb", "pair", 16),
    Metric("Q_CV", "visible differences by region", "smaller",
           "Chen and Varshney, Information Fusion 2007", "mefb", "pair", 16),
    Metric("VIF", "visual information fidelity for fusion", "larger",
           "Han et al., Information Fusion 2013", "mefb", "pair", 41),
    Metric("MI", "mutual information, nats", "larger",
           "Qu et al., Electronics Letters 2002", "ivf", "pair", 1),
    Metric("EI", "edge intensity, eighths of grey levels", "larger",
           "Rajalingam and Priya, IJESI 2018", "ivf", "fused", 3),
    Metric("SD", "standard deviation, grey levels", "larger",
           "Rao, Measurement Science and Technology 1997", "ivf", "fused", 1),
    Metric("SF", "spatial frequency, grey levels", "larger",
           "Eskicioglu and Fisher, IEEE Transactions on Communications 1995", "ivf", "fused", 2),
    Metric("RMSE", "root of the summed squared error, per pixel", "smaller",
           "Jagalingam and Hegde, Aquatic Procedia 2015", "ivf", "all", 1),
    Metric("SSIM_F", "structural similarity, sum of both sources", "larger",
           "Wang et al., IEEE TIP 2004", "ivf", "pair", 11),
    Metric("SSIM", "structural similarity", "larger",
           "Wang et al., IEEE TIP 2004", "reference", "reference", 11),
    Metric("MS_SSIM", "multi-scale structural similarity", "larger",
           "Wang et al., Asilomar 2003", "reference", "reference", 176),
    Metric("VIF_REF", "visual information fidelity", "larger",
           "Sheikh and Bovik, IEEE TIP 2006", "reference", "reference", 41),
)  # fmt: skip


def _table(rows: Sequence[Metric]) -> dict[str, Metric]:
    table: dict[str, Metric] = {}
    for row in rows:
        if row.name in table:
            raise ValueError(f"two metrics are called {row.name!r}")
        table[row.name] = row
    return table


METRICS: dict[str, Metric] = _table(_ROWS)
MEFB_METRICS = tuple(row.name for row in _ROWS if row.kind == "mefb")
IVF_METRICS = tuple(row.name for row in _ROWS if row.kind == "ivf")
REFERENCE_METRICS = ("PSNR", *(row.name for row in _ROWS if row.kind == "reference"))


def choose_metrics(names: Sequence[str], known: Sequence[str]) -> tuple[Metric, ...]:
    """Return the rows of names; `InputError` for none, one given twice, or one not known."""
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        found = f"'{unknown[0]}'" if unknown else "no name"
        raise InputError(f"expected names of metrics, found {found}; known are: {', '.join(known)}")
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise InputError(f"the metric '{twice}' is asked for twice: give each name once")
    return tuple(METRICS[name] for name in names)
