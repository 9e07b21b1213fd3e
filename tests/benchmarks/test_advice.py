"""Choosing a precision from made-up measurements."""

import math

import pytest

from edge_mef.benchmarks.advice import (
    Candidate,
    Quality,
    as_fast,
    choose_candidate,
    explain,
    noise,
)
from edge_mef.benchmarks.timing import Timing
from edge_mef.manifest import Precision

PSNR = {"fp32": math.inf, "fp16": 62.0, "int8": 46.5}


def timing(median: float, spread: float = 0.0) -> Timing:
    """Five samples with this median and this interquartile range."""
    half = spread / 2
    return Timing((median, median - half, median + half, median - 2 * half, median + 2 * half))


def candidate(
    precision: Precision,
    median: float,
    *,
    spread: float = 0.0,
    runtime: str = "onnxruntime",
    holds: bool = True,
    bundle: str | None = None,
) -> Candidate:
    quality = Quality(PSNR[precision], 3, -0.0004, "at least 45 dB", holds)
    times = timing(median, spread)
    return Candidate(bundle, precision, runtime, "stages", times, quality, 1000)


def test_the_noise_is_half_a_notch() -> None:
    assert noise(timing(10.0, 2.0)) == pytest.approx(1.57 * 2.0 / math.sqrt(5))
    assert noise(timing(10.0)) == 0.0


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (timing(100.0), timing(102.9), True),  # not worth it
        (timing(100.0), timing(103.1), False),
        (timing(102.9), timing(100.0), True),
        (timing(100.0, 10.0), timing(113.9, 10.0), True),  # notches of 7.02 touch
        (timing(100.0, 10.0), timing(114.2, 10.0), False),
        (timing(100.0, 20.0), timing(113.9), True),  # one of them is enough
        (timing(100.0, 20.0), timing(114.2), False),
    ],
)
def test_as_fast_within_the_noise(one: Timing, other: Timing, equal: bool) -> None:
    assert as_fast(one, other) is equal
    assert as_fast(other, one) is equal


def test_no_change_has_no_sign_of_its_own() -> None:
    assert Quality(90.0, 1, -0.00004, "", True).change == "+0.0000"
    assert (
        Quality(90.0, 1, -0.00006, "", True).text
        == "90.0 dB, within 1 grey level, MEF-SSIM -0.0001"
    )


def test_the_fastest_wins() -> None:
    fp32, fp16, int8 = candidate("fp32", 100), candidate("fp16", 80), candidate("int8", 50)
    assert choose_candidate([fp32, fp16, int8]) is int8
    text = explain(int8, [fp32, fp16, int8])
    assert text == (
        "Take int8 on onnxruntime: 50.0 ms, the fastest that holds its gate, at 46.5 dB, within "
        "3 grey levels, MEF-SSIM -0.0004. The others: fp32 on onnxruntime takes 2.00 times as "
        "long; fp16 on onnxruntime takes 1.60 times as long."
    )


def test_a_slower_and_less_precise_one_loses() -> None:
    fp32, int8 = candidate("fp32", 100), candidate("int8", 110)
    assert choose_candidate([int8, fp32]) is fp32
    assert explain(fp32, [int8, fp32]) == (
        "Take fp32 on onnxruntime: 100.0 ms, the fastest that holds its gate. The others: int8 on "
        "onnxruntime takes 1.10 times as long and costs precision (46.5 dB, within 3 grey levels, "
        "MEF-SSIM -0.0004)."
    )


def test_within_the_noise_the_more_precise_wins() -> None:
    fp32 = candidate("fp32", 102, spread=5)
    fp16 = candidate("fp16", 101, spread=5)
    int8 = candidate("int8", 98, spread=5)
    assert choose_candidate([int8, fp16, fp32]) is fp32
    text = explain(fp32, [int8, fp16, fp32])
    assert "as fast as any within the noise, and the most precise that holds" in text
    assert "int8 on onnxruntime is as fast within the noise and less precise (46.5 dB" in text


def test_the_noise_is_that_of_the_fastest_not_of_a_chain() -> None:
    """Each is as fast as the next one, but the most precise is slower than the fastest."""
    fp32, fp16, int8 = candidate("fp32", 105), candidate("fp16", 102.5), candidate("int8", 100)
    assert choose_candidate([fp32, fp16, int8]) is fp16


def test_of_one_precision_the_faster_runtime_wins() -> None:
    slow = candidate("fp32", 101, spread=5)
    quick = candidate("fp32", 100, spread=5, runtime="openvino")
    assert choose_candidate([slow, quick]) is quick
    assert "fp32 on onnxruntime is as fast within the noise." in explain(quick, [slow, quick])


def test_a_failing_gate_never_wins() -> None:
    fp32, int8 = candidate("fp32", 100), candidate("int8", 20, holds=False)
    assert choose_candidate([fp32, int8]) is fp32
    text = explain(fp32, [fp32, int8])
    assert "Take fp32 on onnxruntime: 100.0 ms, the fastest that holds its gate" in text
    assert "int8 on onnxruntime misses its gate (at least 45 dB): 46.5 dB" in text


def test_no_gate_holds() -> None:
    failing = [candidate("fp16", 10, holds=False), candidate("int8", 20, holds=False)]
    assert choose_candidate(failing) is None
    text = explain(None, failing)
    assert text.startswith("Nothing holds its gate here: fp16 on onnxruntime misses its gate")
    assert "int8 on onnxruntime misses its gate" in text


def test_a_runtime_that_is_missing_changes_nothing_for_the_others() -> None:
    """Where int8 is fast on one runtime alone, that one being away leaves fp32."""
    fp32, int8 = candidate("fp32", 100), candidate("int8", 120)
    elsewhere = candidate("int8", 60, runtime="openvino")
    assert choose_candidate([fp32, int8, elsewhere]) is elsewhere
    assert choose_candidate([fp32, int8]) is fp32


def test_one_alone_is_no_comparison() -> None:
    only = candidate("fp16", 10)
    assert choose_candidate([only]) is only
    assert explain(only, [only]) == (
        "Take fp16 on onnxruntime: 10.0 ms, the fastest of what could be measured, at 62.0 dB, "
        "within 3 grey levels, MEF-SSIM -0.0004."
    )


def test_bundles_of_one_precision_are_told_apart() -> None:
    first, second = candidate("int8", 10, bundle="a"), candidate("int8", 20, bundle="b")
    text = explain(first, [first, second])
    assert text.startswith("Take a (int8) on onnxruntime: 10.0 ms")
    assert "b (int8) on onnxruntime takes 2.00 times as long." in text
