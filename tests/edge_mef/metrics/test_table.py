"""The table of metrics, which is read without computing."""

import pytest

from edge_mef.errors import InputError
from edge_mef.metrics import IVF_METRICS, MEFB_METRICS, METRICS, REFERENCE_METRICS
from edge_mef.metrics.scoring import AGAINST_EXPOSURES, AGAINST_REFERENCE
from edge_mef.metrics.table import choose_metrics

PAPER = "EN FMI NMI PSNR Q_NCIE AG Q_ABF CE Q_P Q_W MEF_SSIM Q_CB Q_CV VIF"


def test_names_are_in_the_order_of_the_papers_table() -> None:
    assert " ".join(MEFB_METRICS) == PAPER
    assert IVF_METRICS == ("MI", "EI", "SD", "SF", "RMSE", "SSIM_F")
    assert REFERENCE_METRICS == ("PSNR", "SSIM", "MS_SSIM", "VIF_REF")


def test_every_row_can_be_measured() -> None:
    assert tuple(AGAINST_EXPOSURES) == (*MEFB_METRICS, *IVF_METRICS)
    assert tuple(AGAINST_REFERENCE) == REFERENCE_METRICS
    assert set(METRICS) == set(AGAINST_EXPOSURES) | set(AGAINST_REFERENCE)
    assert all(row.name == name for name, row in METRICS.items())


def test_rows_say_what_is_better() -> None:
    smaller = {name for name, row in METRICS.items() if row.better == "smaller"}
    assert smaller == {"CE", "Q_CV", "RMSE"}
    assert all(row.title and row.source for row in METRICS.values())


def test_names_are_chosen_in_their_order() -> None:
    assert [row.name for row in choose_metrics(["VIF", "EN"], MEFB_METRICS)] == ["VIF", "EN"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["EN", "en"], "found 'en'; known are: EN, FMI,"),
        (["SSIM"], "found 'SSIM'"),
        ([], "found no name"),
        (["EN", "VIF", "EN"], "'EN' is asked for twice"),
    ],
)
def test_wrong_names_are_refused(names: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        choose_metrics(names, MEFB_METRICS)
