"""Readings: nothing is missing without a reason, and energy per frame."""

import json

import pytest
from pydantic import ValidationError

from edge_mef.benchmarks.sensors.readings import (
    EnergyReading,
    HeatReading,
    PowerState,
    merge_states,
)
from edge_mef.errors import InputError


def test_energy_per_frame() -> None:
    energy = EnergyReading(joules=12.0, seconds=4.0, source="RAPL")
    assert energy.joules_per_frame(8) == 1.5
    assert energy.watts == 3.0
    with pytest.raises(InputError, match="at least 1 frame, found 0"):
        energy.joules_per_frame(0)


def test_no_energy_is_not_zero_per_frame() -> None:
    energy = EnergyReading(seconds=4.0, source="none", not_measured="not measured: no sensor")
    assert energy.joules_per_frame(8) is None
    assert energy.watts is None
    assert json.loads(energy.model_dump_json())["joules"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"joules": 0.0, "seconds": 1.0, "source": "RAPL"},
        {"joules": -1.0, "seconds": 1.0, "source": "RAPL"},
        {"joules": float("nan"), "seconds": 1.0, "source": "RAPL"},
        {"joules": None, "seconds": 1.0, "source": "RAPL"},
        {"joules": 1.0, "seconds": 1.0, "source": "RAPL", "watts": 1.0},
    ],
)
def test_wrong_energies_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EnergyReading.model_validate(wrong)


def test_gaps_in_heat_need_a_reason() -> None:
    with pytest.raises(ValidationError, match="needs a reason"):
        HeatReading()
    with pytest.raises(ValidationError, match="needs a reason"):
        HeatReading(celsius_at_start={"a": 1.0}, celsius_at_end={"a": 1.0})
    HeatReading(celsius_at_start={"a": 1.0}, celsius_at_end={"a": 1.0}, throttled=False)


def test_readings_are_frozen() -> None:
    state = PowerState(mode="15W")
    with pytest.raises(ValidationError):
        state.mode = "MAXN"


def test_states_are_merged() -> None:
    merged = merge_states(
        [
            PowerState(mode="MAXN", clocks_mhz={"gpu": 1.0}),
            PowerState(mode="15W", mode_id=1, clocks_mhz={"cpu0": 2.0}),
            PowerState(not_measured={"mode": "x", "governor": "no cpufreq"}),
        ]
    )
    known = merged.model_dump(exclude_none=True, exclude={"not_measured"})
    assert known == {"mode": "MAXN", "mode_id": 1, "clocks_mhz": {"gpu": 1.0, "cpu0": 2.0}}
    assert merged.not_measured == {
        "governor": "no cpufreq",
        "max_clocks_mhz": "nothing here tells it",
        "clocks_locked": "nothing here tells it",
        "power_limit_watts": "nothing here tells it",
        "persistence": "nothing here tells it",
    }


def test_every_field_that_is_unknown_has_a_reason() -> None:
    empty = merge_states([])
    assert empty.not_measured.keys() == PowerState.model_fields.keys() - {"not_measured"}
