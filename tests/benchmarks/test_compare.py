"""Comparing records: what is found, what raises no alarm, and what is refused."""

from typing import Any

import numpy as np
import pytest

from edge_mef.benchmarks.compare import LEAST_CHANGE, compare_records, judge
from edge_mef.benchmarks.records import Interleaving, Series
from edge_mef.benchmarks.sensors.readings import HeatReading, PowerState
from edge_mef.benchmarks.statistics import Ratio
from edge_mef.errors import InputError
from tests.benchmarks.made_records import latencies, made_record

PAIRS = 20


def verdict(before: int, after: int, slowdown: float = 1.0, **how: Any) -> str:
    """Compare two runs of the same distribution, the second slowed down."""
    one, other = latencies(before, **how), latencies(after, **how) * slowdown
    return compare_records(made_record(one), made_record(other)).verdict


@pytest.mark.parametrize("seed", [0, 1000, 2000, 3000, 4000])
def test_runs_of_the_same_raise_no_alarm(seed: int) -> None:
    verdicts = [verdict(seed + pair, seed + PAIRS + pair) for pair in range(PAIRS)]
    assert len(verdicts) - verdicts.count("no difference") <= 1


@pytest.mark.parametrize("seed", [0, 1000, 2000, 3000, 4000])
def test_a_slowdown_of_a_tenth_is_found(seed: int) -> None:
    slower = [verdict(seed + pair, seed + PAIRS + pair, 1.1) for pair in range(PAIRS)]
    faster = [verdict(seed + pair, seed + PAIRS + pair, 1 / 1.1) for pair in range(PAIRS)]
    assert slower.count("slower") >= PAIRS - 1
    assert faster.count("faster") >= PAIRS - 1


def test_a_noisier_machine_raises_no_alarm_either() -> None:
    how = {"spread": 0.08, "memory": 0.9, "count": 300}
    verdicts = [verdict(pair, PAIRS + pair, **how) for pair in range(PAIRS)]
    assert len(verdicts) - verdicts.count("no difference") <= 1


def turns(order: str = "shuffled") -> dict[str, Any]:
    content = {"group": "c" * 32, "order": order, "titles": ("ffmef-edge", "other")}
    return {"interleaved": Interleaving.model_validate(content)}


def test_what_took_turns_is_compared_pair_by_pair() -> None:
    shared = np.cumsum(np.random.default_rng(1).normal(0, 0.02, 200))
    before = latencies(1) * np.exp(shared)
    after = before * 1.05 * np.exp(np.random.default_rng(2).normal(0, 0.02, 200))
    one = made_record(before, settings=turns())
    paired = compare_records(one, made_record(after, settings=turns()))
    apart = compare_records(one, made_record(after))
    assert (paired.paired, paired.verdict) == (True, "slower")
    assert (apart.paired, apart.verdict) == (False, "no difference")
    assert any("in turn" in note for note in apart.notes)
    assert paired.notes == ()
    fixed = [made_record(values, settings=turns("fixed")) for values in (before, after)]
    assert "shuffle every round" in compare_records(*fixed).notes[0]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1.031, 1.2, "slower"),
        (1.029, 1.2, "no difference"),
        (0.8, 0.970, "faster"),
        (0.8, 0.972, "no difference"),
        (0.99, 1.01, "no difference"),
    ],
)
def test_the_rule(low: float, high: float, expected: str) -> None:
    ratio = Ratio(ratio=(low + high) / 2, low=low, high=high, level=0.95)
    assert judge(ratio) == expected
    back = Ratio(ratio=1 / ratio.ratio, low=1 / high, high=1 / low, level=0.95)
    opposite = {"slower": "faster", "faster": "slower"}
    assert judge(back) == opposite.get(expected, expected)


def test_slower_than_a_limit_with_confidence() -> None:
    found = compare_records(made_record(latencies(1)), made_record(latencies(1) * 1.1))
    assert "made apart" in found.notes[0]
    assert found.ratio.low < 1.1 < found.ratio.high
    assert found.slower_than(0.05)
    assert not found.slower_than(found.ratio.low - 1)
    assert not found.slower_than(0.1)
    assert found.text.startswith("The second is slower: +10.0 % (95 % interval +")
    slight = compare_records(made_record(latencies(1)), made_record(latencies(1) * 1.001))
    assert not slight.slower_than(0.0)
    assert slight.text.startswith(f"No difference of more than {100 * LEAST_CHANGE:g} % is shown")


def test_a_small_difference_is_no_alarm_however_sure_it_is() -> None:
    before = latencies(1)
    noise = np.exp(np.random.default_rng(2).normal(0, 0.005, 200))
    records = [made_record(v, settings=turns()) for v in (before, before * 1.02 * noise)]
    found = compare_records(*records)
    assert 1.01 < found.ratio.low < found.ratio.high < 1.03
    assert found.verdict == "no difference"
    assert not found.slower_than(0.0)


def test_other_rounds_are_no_pairs() -> None:
    other = {"interleaved": turns()["interleaved"].model_copy(update={"group": "d" * 32})}
    one, two = made_record(settings=turns()), made_record(latencies(1), settings=other)
    assert not compare_records(one, two).paired


def test_one_that_left_early_is_compared_in_the_rounds_that_both_have() -> None:
    before = latencies(1, 200)
    slow = 3 * before[:12]
    one, two = made_record(before, settings=turns()), made_record(slow, settings=turns())
    found = compare_records(one, two)
    assert found.paired
    assert found.ratio.ratio == pytest.approx(3.0)


STATE = PowerState(
    mode="MAXN",
    mode_id=0,
    governor="schedutil",
    clocks_mhz={},
    max_clocks_mhz={},
    clocks_locked=False,
    power_limit_watts=60.0,
    persistence=True,
)


def state(**changes: Any) -> dict[str, Any]:
    return {"state": STATE.model_copy(update=changes)}


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"settings": {"height": 720}}, "size", "1080x1920 and 720x1920"),
        ({"settings": {"exposures": 3}}, "exposures", "2 and 3"),
        ({"settings": {"threads": None}}, "threads", "2 and unknown"),
        ({"settings": {"streams": 4}}, "streams", "1 and 4"),
        ({"settings": {"provider": "CUDA"}}, "provider", "CPUExecutionProvider and CUDA"),
        ({"settings": {"cuda_graph": True}}, "cuda-graph", "unknown and True"),
        ({"machine": {"physical_cores": 4}}, "machine", "Cortex-A78AE ("),
        (state(mode="15W"), "power-mode", "MAXN and 15W"),
        (state(governor="performance"), "governor", "schedutil and performance"),
        (state(clocks_locked=True), "clocks-locked", "False and True"),
        (state(power_limit_watts=40.0), "power-limit", "60.0 and 40.0"),
    ],
)
def test_other_conditions_are_refused_unless_allowed(
    changes: dict[str, Any], field: str, told: str
) -> None:
    before, after = made_record(**state()), made_record(**(state() | changes))
    with pytest.raises(InputError, match="not comparable") as refused:
        compare_records(before, after)
    assert f"{field} {told}" in str(refused.value)
    assert f"--across {field}" in str(refused.value)
    allowed = compare_records(before, after, across=[field])
    assert [d.field for d in allowed.allowed] == [field]
    assert compare_records(before, made_record(**state())).allowed == ()


def test_only_what_is_named_is_allowed() -> None:
    other = made_record(settings={"threads": 1, "streams": 2})
    with pytest.raises(InputError, match=r"differ in streams 1 and 2: .* --across streams"):
        compare_records(made_record(), other, across=["threads"])
    with pytest.raises(InputError, match=r"expected some of size, .*, found 'thread'"):
        compare_records(made_record(), other, across=["thread"])


def test_the_subject_may_be_another_one() -> None:
    other = {"precision": "int8", "title": "mine", "weights_sha256": "d" * 64}
    found = compare_records(made_record(), made_record(subject=other))
    assert [d.text for d in found.changed] == [
        "title ffmef-edge and mine",
        "precision fp32 and int8",
        "weights bbbbbbbbbbbb and dddddddddddd",
    ]
    rebuilt = made_record(subject={"files": {"model.onnx": "e" * 64}})
    assert [d.field for d in compare_records(made_record(), rebuilt).changed] == ["files"]


def test_another_runtime_has_another_provider() -> None:
    other = made_record(subject={"runtime": "openvino"}, settings={"provider": "CPU"})
    assert compare_records(made_record(), other).allowed == ()


def test_what_makes_numbers_less_sure_is_said() -> None:
    heat = HeatReading(throttled=True, reasons=("power limit",), not_measured="no temperatures")
    other = made_record(
        latencies(1),
        heat=heat,
        settings={"warmup_stable": False},
        toolchain={"edge-mef": "0.1.0", "numpy": "2.2.0"},
        machine={"kernel": "6.8.0"},
        **state(),
    )
    notes = compare_records(made_record(), other).notes
    assert notes[-4:] == (
        "clocks were held down while the second was measured (power limit)",
        "the warm-up of the second never became stable",
        "only one of the two tells its power-mode, governor, clocks-locked, power-limit",
        "versions differ: kernel 5.15.148-tegra and 6.8.0; numpy 2.1.0 and 2.2.0",
    )


def test_a_phase_that_was_not_measured() -> None:
    both = {"end_to_end": Series.of(latencies(1)), "compute": Series.of(latencies(2))}
    detailed = made_record(series=both)
    assert compare_records(detailed, detailed, phase="compute").verdict == "no difference"
    with pytest.raises(InputError, match=r"second record has no compute .not asked for."):
        compare_records(detailed, made_record(), phase="compute")


def test_a_record_and_itself() -> None:
    record = made_record(settings=turns())
    found = compare_records(record, record)
    assert (found.verdict, found.paired) == ("no difference", False)
    assert found.notes == ("both are the same record",)
