"""Every metric's value on rendered scenes, so that no change goes unseen without other data."""

import numpy as np
import pytest

from edge_mef.exposures import Frame
from edge_mef.metrics import IVF_METRICS, MEFB_METRICS, compare, evaluate
from edge_mef.render.brackets import random_bracket

TWO = {
    "EN": 6.488705,
    "FMI": 0.8095984,
    "NMI": 1.147988,
    "PSNR": 49.28088,
    "Q_NCIE": 0.8342682,
    "AG": 5.872632,
    "Q_ABF": 0.4685221,
    "CE": 1.981813,
    "Q_P": 0.3327299,
    "Q_W": 0.4739386,
    "MEF_SSIM": 0.5263161,
    "Q_CB": 0.5260632,
    "Q_CV": 900.9077,
    "VIF": 0.3171001,
    "MI": 5.176968,
    "EI": 60.44901,
    "SD": 36.59104,
    "SF": 20.50417,
    "RMSE": 0.7691534,
    "SSIM_F": 0.6988821,
}
THREE = {
    "EN": 6.543683,
    "FMI": 0.8776908,
    "NMI": 1.261761,
    "PSNR": 51.76356,
    "Q_NCIE": 0.8423367,
    "AG": 5.196905,
    "Q_ABF": 0.5854102,
    "CE": 1.555576,
    "Q_P": 0.8242645,
    "Q_W": 0.7329951,
    "MEF_SSIM": 0.8595259,
    "Q_CB": 0.5820871,
    "Q_CV": 269.4983,
    "VIF": 0.5310128,
    "MI": 5.775526,
    "EI": 54.47584,
    "SD": 40.04605,
    "SF": 18.50929,
    "RMSE": 0.4345472,
    "SSIM_F": 1.517821,
}
REFERENCE = {
    "PSNR": 12.73066,
    "SSIM": 0.7602679,
    "MS_SSIM": 0.7928703,
    "VIF_REF": 0.3837454,
}

# Rendering may differ by a level in places, between versions of NumPy and OpenCV.
TOLERANCE = 2e-3


def _fused(exposures: tuple[Frame, ...]) -> Frame:
    """Weigh every pixel by how far it is from black and white; good enough to be a fusion."""
    stack = np.stack(exposures).astype(np.float64)
    weights = np.exp(-(((stack - 127.5) / 60.0) ** 2) / 2) + 1e-6
    mean: Frame = np.round((weights * stack).sum(0) / weights.sum(0)).astype(np.uint8)
    return mean


def test_two_exposures() -> None:
    exposures = random_bracket(6, height=96, width=128).exposures
    found = evaluate(exposures, _fused(exposures), (*MEFB_METRICS, *IVF_METRICS))
    assert found == pytest.approx(TWO, rel=TOLERANCE)


def test_three_exposures() -> None:
    exposures = random_bracket(7, height=97, width=121, frames=3).exposures
    found = evaluate(exposures, _fused(exposures), (*MEFB_METRICS, *IVF_METRICS))
    assert found == pytest.approx(THREE, rel=TOLERANCE)


def test_a_reference() -> None:
    exposures = random_bracket(5, height=180, width=191).exposures
    assert compare(exposures[1], _fused(exposures)) == pytest.approx(REFERENCE, rel=TOLERANCE)
