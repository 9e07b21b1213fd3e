"""Energy, heat and clocks while something runs, by the sensors that this machine has.

with open_meter() as meter:
    ...
meter.energy(), meter.heat(), meter.state()
"""

import contextlib
import platform
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType

from typing_extensions import Self

from edge_mef.benchmarks.sensors.apple import AppleHeat
from edge_mef.benchmarks.sensors.clocks import read_state
from edge_mef.benchmarks.sensors.gauges import CounterGauge, Gauge, NoGauge, PowerGauge
from edge_mef.benchmarks.sensors.heat import HeatGauge, HeatSource
from edge_mef.benchmarks.sensors.ina3221 import Ina3221Sensor
from edge_mef.benchmarks.sensors.jetson_stats import JtopSensor
from edge_mef.benchmarks.sensors.nvml import find_nvml
from edge_mef.benchmarks.sensors.rapl import RaplSensor
from edge_mef.benchmarks.sensors.readings import (
    EnergyReading,
    HeatReading,
    PowerState,
    merge_states,
)
from edge_mef.benchmarks.sensors.sensor import (
    CounterSensor,
    PowerSensor,
    Sensor,
    reason_of,
)
from edge_mef.benchmarks.sensors.tegrastats import TegrastatsSensor
from edge_mef.benchmarks.sensors.thermal import ThermalTree
from edge_mef.errors import InputError

_MACOS = "macOS gives {} to root only (powermetrics)"
Found = CounterSensor | PowerSensor | str
# In order: the first that is there measures. A Jetson has several, whose best comes first.
SENSORS: Mapping[str, Callable[[Path], Found]] = MappingProxyType(
    {
        "jtop": JtopSensor.find,
        "tegrastats": TegrastatsSensor.find,
        "ina3221": Ina3221Sensor.find,
        "nvml": find_nvml,
        "rapl": RaplSensor.find,
    }
)


class Meter:
    """Measures from entering its context until leaving it; readings may be asked for at any time.

    No sensor raises out of it: what went wrong is the reason in a reading. Threads and programs
    that it starts end with it. A meter is entered once.
    """

    def __init__(
        self,
        gauge: Gauge,
        heat: HeatGauge,
        state: Callable[[], PowerState],
    ) -> None:
        self._gauge = gauge
        self._heat = heat
        self._read_state = state
        self._state: PowerState | None = None

    def __enter__(self) -> Self:
        try:
            self._gauge.start()
            self._heat.start()
            self._state = self._read_state()
            # Last, so that none of the above is in the energy.
            self._gauge.begin()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def energy(self) -> EnergyReading:
        """Return the energy so far, or of the whole; that of the idle machine is part of it."""
        return self._gauge.reading()

    def heat(self) -> HeatReading:
        """Return temperatures and throttling so far, or of the whole."""
        return self._heat.reading()

    def state(self) -> PowerState:
        """Return modes and clocks as they were on entering, before the work began."""
        return self._read_state() if self._state is None else self._state

    def _stop(self) -> None:
        try:
            self._gauge.end()
            # Before the gauge closes: it may ask the same sensor.
            self._heat.stop()
        finally:
            self._gauge.close()


def open_meter(
    root: Path = Path("/"),
    *,
    only: Collection[str] | None = None,
    sensors: Mapping[str, Callable[[Path], Found]] = SENSORS,
) -> Meter:
    """Return a meter of this machine, or of a recorded tree of its files below `root`.

    The first sensor of `sensors` that is there measures the energy. On a desktop with an NVIDIA
    GPU that is the GPU: `only=("rapl",)` measures the processor where that is what works. Raises
    `InputError` for a name in `only` that is none of `sensors`; whatever else is wrong becomes a
    reason in the readings.
    """
    unknown = sorted(set(only or ()) - set(sensors))
    if unknown:
        names = ", ".join(sensors)
        raise InputError(f"expected sensors out of {names}, found {', '.join(unknown)}")
    chosen = {name: find for name, find in sensors.items() if only is None or name in only}
    sensor, why_not = _first(chosen, root)
    sources, no_heat = _heat_sources(sensor, root)
    return Meter(
        _gauge(sensor, why_not),
        HeatGauge(sources, no_heat),
        lambda: merge_states([*_told(sensor), *read_state(root)]),
    )


def _first(
    sensors: Mapping[str, Callable[[Path], Found]], root: Path
) -> tuple[CounterSensor | PowerSensor | None, str]:
    """Return the first sensor that is there, or why none is."""
    reasons = []
    for name, find in sensors.items():
        try:
            found = find(root)
        except Exception as error:
            # A tree or a driver may be broken in ways that no reader foresees.
            found = reason_of(error)
        if not isinstance(found, str):
            return found, ""
        reasons.append(f"{name}: {found}")
    if platform.system() == "Darwin":
        reasons = [_MACOS.format("energy")]
    return None, "; ".join(reasons) or "no sensor was asked for"


def _gauge(sensor: CounterSensor | PowerSensor | None, why_not: str) -> Gauge:
    if sensor is None:
        return NoGauge(why_not)
    return CounterGauge(sensor) if isinstance(sensor, CounterSensor) else PowerGauge(sensor)


def _heat_sources(sensor: Sensor | None, root: Path) -> tuple[list[HeatSource], list[str]]:
    """Return what tells heat, and what to say where that leaves a gap."""
    sources: list[HeatSource] = [] if sensor is None else [sensor]
    apple = AppleHeat.find(root)
    if not isinstance(apple, str):
        return [*sources, apple], [_MACOS.format("temperatures")]
    tree = ThermalTree.find(root)
    if isinstance(tree, str):
        return sources, [tree]
    return [*sources, tree], []


def _told(sensor: Sensor | None) -> list[PowerState]:
    """Return what a sensor tells of modes and clocks; nothing where it fails."""
    with contextlib.suppress(Exception):
        return [] if sensor is None else [sensor.state()]
    return []
