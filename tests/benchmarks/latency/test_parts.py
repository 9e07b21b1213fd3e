"""What stands beside the samples: energy of the frames counted, layers, and reasons."""

from pathlib import Path
from types import TracebackType

import pytest
from typing_extensions import Self

from edge_mef.benchmarks.latency import parts
from edge_mef.benchmarks.latency.parts import layers_of
from edge_mef.benchmarks.latency.session import run_benchmark
from edge_mef.benchmarks.sensors.meter import SENSORS, open_meter
from edge_mef.benchmarks.sensors.readings import EnergyReading, HeatReading, PowerState
from edge_mef.runtimes.profile import LayerTime
from tests.benchmarks.latency.made_entrants import Kept, SleepyEntrant, request

HOT = HeatReading(
    celsius_at_start={"cpu": 41.0},
    celsius_at_end={"cpu": 77.0},
    throttled=True,
    reasons=("cpu is hot",),
)
STATE = PowerState(mode="MAXN", not_measured={})


class MadeMeter:
    """Two joules for every time that it is entered and left."""

    def __init__(self) -> None:
        self.entered = False

    def __enter__(self) -> Self:
        self.entered = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def energy(self) -> EnergyReading:
        assert self.entered
        return EnergyReading(joules=2.0, seconds=0.1, source="made")

    def heat(self) -> HeatReading:
        return HOT

    def state(self) -> PowerState:
        return STATE


@pytest.mark.parametrize("streams", [1, 2])
def test_energy_is_of_the_frames_that_were_counted(
    monkeypatch: pytest.MonkeyPatch, streams: int
) -> None:
    monkeypatch.setattr(parts, "open_meter", lambda **_: MadeMeter())
    kept, entrant = Kept(), SleepyEntrant()
    run_benchmark(request(entrant, streams=(streams,)), kept.listener())
    (record,) = kept.records
    assert record.energy is not None
    assert record.energy_frames is not None
    assert record.energy.joules == 2.0
    assert 10 < record.energy_frames <= entrant.opened[0].calls * streams
    assert record.joules_per_frame == pytest.approx(2.0 / record.energy_frames)
    assert (record.heat, record.state) == (HOT, STATE)


def test_a_processor_is_measured_without_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def opened(**given: object) -> MadeMeter:
        asked.append(given["only"])
        return MadeMeter()

    monkeypatch.setattr(parts, "open_meter", opened)
    run_benchmark(request(SleepyEntrant()), Kept().listener())
    assert asked
    assert all(one == [name for name in SENSORS if name != "nvml"] for one in asked)


def test_without_sensors_energy_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(parts, "open_meter", lambda **given: open_meter(tmp_path, **given))
    kept = Kept()
    run_benchmark(request(SleepyEntrant()), kept.listener())
    (record,) = kept.records
    assert record.energy is None
    assert record.energy_frames is None
    assert record.not_measured["energy"].startswith("not measured: ")


def test_layers_are_means_of_a_call_and_shares_of_all() -> None:
    times = [LayerTime("a", "Conv", 30.0, 10), LayerTime("b", "Add", 90.0, 20)]
    first, second = layers_of(times, calls=10)
    assert (first.name, first.mean_ms, first.share) == ("b", 9.0, 0.75)
    assert (second.name, second.mean_ms, second.share) == ("a", 3.0, 0.25)
