from typing import Any

import numpy as np
import pytest

from edge_mef.benchmarks.compare import compare_records
from edge_mef.benchmarks.records import Record, Series
from edge_mef.benchmarks.statistics import Ratio
from edge_mef.benchmarks.yardstick import per_yardstick, unsteadiness, widened, yardstick
from edge_mef.errors import InputError
from tests.benchmarks.made_records import latencies, made_machine, made_record


def test_it_is_the_same_work_every_time() -> None:
    assert yardstick() == yardstick() == sum(range(5000))


def test_samples_are_taken_by_the_yardstick_of_their_round() -> None:
    found = per_yardstick([10.0, 20.0, 30.0], [1.0, 2.0])
    assert found.tolist() == [10.0, 10.0]
    with pytest.raises(InputError, match="expected a yardstick"):
        per_yardstick([1.0], [])


def test_a_steady_machine_moves_by_nothing() -> None:
    assert unsteadiness([1.0] * 20, [1.0] * 20) == 0


def test_how_much_a_machine_moves() -> None:
    steady, fast_then_slow = [1.0] * 20, [1.0] * 10 + [1.5] * 10
    assert unsteadiness(steady, [1.2] * 20) == pytest.approx(0.2)
    assert unsteadiness(steady, fast_then_slow) == pytest.approx(0.5)
    assert unsteadiness(fast_then_slow, steady) == pytest.approx(0.5)


def test_the_interval_is_widened_by_what_is_left() -> None:
    ratio = Ratio(ratio=1.0, low=0.98, high=1.02, level=0.95)
    assert widened(ratio, 0.0) == ratio
    wide = widened(ratio, 0.5)
    assert wide.ratio == 1.0
    assert wide.low == pytest.approx(0.98 / 1.5**0.3)
    assert wide.high == pytest.approx(1.02 * 1.5**0.3)


def run(seed: int, speed: float, slowdown: float = 1.0, **parts: Any) -> Record:
    """A run on a machine that is `speed` times as slow as it can be."""
    beside = np.random.default_rng(seed).normal(0.2, 0.001, 200) * speed
    samples = latencies(seed, 200, drift=0.0) * speed * slowdown
    return made_record(samples, yardstick=Series.of(beside), **parts)


def test_a_slower_machine_is_no_slower_artefact() -> None:
    found = compare_records(run(1, 1.0), run(2, 1.4))
    assert found.verdict == "no difference"
    assert found.ratio.ratio == pytest.approx(1.0, abs=0.03)
    assert found.moved == pytest.approx(0.4, abs=0.03)
    assert any("moved by 4" in note for note in found.notes)


def test_a_slower_artefact_is_found_on_a_steady_machine() -> None:
    found = compare_records(run(1, 1.0), run(2, 1.0, 1.1))
    assert found.verdict == "slower"
    assert found.moved is not None
    assert found.moved < 0.03


def test_a_much_slower_artefact_is_found_although_the_machine_moved() -> None:
    assert compare_records(run(1, 1.4), run(2, 1.0, 1.5)).verdict == "slower"
    assert compare_records(run(1, 1.4), run(2, 1.0, 1.05)).verdict == "no difference"


@pytest.mark.parametrize(
    "parts",
    [
        {"runtime": {"runtime": "tensorrt 10.3", "device": "Orin"}},
        {"machine": {"python": "3.12.1"}},
    ],
)
def test_where_the_yardstick_tells_nothing_it_is_not_used(parts: dict[str, Any]) -> None:
    assert compare_records(run(1, 1.0), run(2, 1.0, **parts)).moved is None


def test_machines_of_other_kinds_have_other_yardsticks() -> None:
    other = run(2, 1.0, machine={"cpu": "another"})
    assert made_machine(cpu="another").digest == other.machine.digest
    assert compare_records(run(1, 1.0), other, across=("machine",)).moved is None
