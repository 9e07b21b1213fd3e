"""Agreement with the values of the public MEFB and VIFB benchmarks' own programs."""

import csv
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from edge_mef.metrics import evaluate
from edge_mef.pictures import read_picture

MEFB = {
    "Entropy": "EN", "FMI": "FMI", "NMI": "NMI", "Psnr": "PSNR", "Qncie": "Q_NCIE",
    "Avg_gradient": "AG", "Qabf": "Q_ABF", "Cross_entropy": "CE", "Qp": "Q_P", "Qw": "Q_W",
    "MEF_SSIM": "MEF_SSIM", "Qcb": "Q_CB", "Qcv": "Q_CV", "VIF": "VIF",
}  # fmt: skip
VIFB = {
    "Cross_entropy": "CE", "Entropy": "EN", "Mutinf": "MI", "Psnr": "PSNR", "Avg_gradient": "AG",
    "Edge_intensity": "EI", "Qabf": "Q_ABF", "Variance": "SD", "Spatial_frequency": "SF",
    "Rmse": "RMSE", "Ssim": "SSIM_F", "Qcb": "Q_CB", "Qcv": "Q_CV",
}  # fmt: skip
# The others agree to the digits given. Edges of FMI that are equally strong but for rounding may be
# thinned otherwise.
EXACT = 1e-5
TOLERANCES = {"FMI": 1e-3, "Q_P": 1e-4, "VIF": 1e-3}


@cache
def _measured(folder: Path, method: str) -> dict[str, float]:
    under, over, fused = (
        read_picture(folder / f"{name}.png").pixels for name in ("under", "over", f"fused_{method}")
    )
    return evaluate([under, over], fused)


@pytest.mark.shared
@pytest.mark.parametrize("theirs", MEFB)
def test_equals_mefb(shared: Path, theirs: str) -> None:
    with (shared / "oracle/mef_metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == theirs]
    assert len(rows) >= 12
    name = MEFB[theirs]
    for row in rows:
        found = _measured(shared / "oracle/mef" / row["scene"], row["method"])[name]
        assert found == pytest.approx(float(row["value"]), rel=TOLERANCES.get(name, EXACT)), row


@pytest.mark.shared
def test_equals_vifb(shared: Path) -> None:
    """One method per scene, each method in turn; the published values have five digits."""
    with (shared / "oracle/vifb_metrics_per_image.csv").open() as file:
        rows = [row for index, row in enumerate(csv.DictReader(file)) if index % 9 == 0]
    assert len({row["method"] for row in rows}) == 5
    ratios = defaultdict(list)
    for row in rows:
        sources = [
            read_picture(shared / "data/ivf" / row["image"] / f"{name}.jpg").pixels
            for name in ("visible", "ir")
        ]
        picture = shared / "oracle/vifb_fused" / f"{row['image']}_{row['method']}.jpg"
        found = evaluate(sources, read_picture(picture).pixels, list(VIFB.values()))
        for theirs, name in VIFB.items():
            ratios[name].append(found[name] / float(row[theirs]))
    for name, values in ratios.items():
        assert np.median(values) == pytest.approx(1.0, abs=1e-4), name
        assert values == pytest.approx([1.0] * len(rows), abs=1e-3), name
