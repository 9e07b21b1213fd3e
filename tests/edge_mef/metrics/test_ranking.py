"""Mean ranks by hand."""

import math

import pytest

from edge_mef.errors import InputError
from edge_mef.metrics import MEFB_METRICS, mean_ranks

SMALLER = ("CE", "Q_CV")


def _values(level: float) -> dict[str, float]:
    """Metrics of a method that is better the higher its level."""
    return {name: -level if name in SMALLER else level for name in MEFB_METRICS}


def test_the_best_in_everything_is_first() -> None:
    scores = {"b": _values(2), "a": _values(3), "c": _values(1)}
    assert mean_ranks(scores) == {"b": 2.0, "a": 1.0, "c": 3.0}
    assert list(mean_ranks(scores)) == ["b", "a", "c"]


def test_smaller_cross_entropy_is_better() -> None:
    scores = {"a": _values(1), "b": _values(1) | {"CE": -2.0}}
    ranks = mean_ranks(scores)
    assert ranks["b"] == pytest.approx((13 * 1.5 + 1) / 14)
    assert ranks["a"] == pytest.approx((13 * 1.5 + 2) / 14)


def test_ties_share_the_ranks_they_take_up() -> None:
    scores = {"a": _values(1), "b": _values(5), "c": _values(1), "d": _values(1)}
    assert mean_ranks(scores) == {"a": 3.0, "b": 1.0, "c": 3.0, "d": 3.0}


def test_infinite_values_and_other_metrics() -> None:
    scores = {"a": _values(1) | {"PSNR": math.inf, "SD": -9.0}, "b": _values(1) | {"PSNR": 90.0}}
    assert mean_ranks(scores)["a"] < mean_ranks(scores)["b"]
    assert mean_ranks({"only": _values(1)}) == {"only": 1.0}
    assert mean_ranks({}) == {}


def test_ranks_by_chosen_metrics() -> None:
    scores = {"a": {"EN": 2.0, "CE": 1.0, "SD": 3.0}, "b": {"EN": 1.0, "CE": 2.0, "SD": 4.0}}
    assert mean_ranks(scores, ["EN", "CE"]) == {"a": 1.0, "b": 2.0}
    assert mean_ranks(scores, ["EN", "SD"]) == {"a": 1.5, "b": 1.5}
    for names, words in (([], "no name"), (["X"], "'X'"), (["EN", "EN"], "twice")):
        with pytest.raises(InputError, match=words):
            mean_ranks(scores, names)
    with pytest.raises(InputError, match="expected all of EN, VIF for the method 'a', but VIF"):
        mean_ranks(scores, ["EN", "VIF"])


def test_what_cannot_be_ranked_is_named() -> None:
    lacking = _values(1)
    del lacking["Q_W"]
    with pytest.raises(InputError, match=r"'b'.*Q_W is missing"):
        mean_ranks({"a": _values(1), "b": lacking})
    with pytest.raises(InputError, match="number for FMI of the method 'a'"):
        mean_ranks({"a": _values(1) | {"FMI": math.nan}})
