"""From a sensor to an energy: counters are subtracted, powers integrated, wrong values refused."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Generic, TypeVar

from edge_mef.benchmarks.sensors.readings import EnergyReading
from edge_mef.benchmarks.sensors.sampling import Sample, Sampler, integrate
from edge_mef.benchmarks.sensors.sensor import (
    COUNTER_INTERVAL,
    MOST_WATTS,
    Counter,
    CounterSensor,
    NotMeasuredError,
    PowerSensor,
    Sensor,
)

NOT_MEASURED = "not measured: "
_LATEST = 2.0  # seconds that a sample may be late
Value = TypeVar("Value")
Rails = Sequence[Sample[dict[str, Value]]]


class Gauge(ABC):
    """Measures energy from `begin` to `end`, and raises nothing.

    The sensor runs from `start` to `close`, as heat and state may be asked of it too.
    """

    @abstractmethod
    def start(self) -> None:
        """Start the sensor."""

    @abstractmethod
    def begin(self) -> None:
        """Begin to measure, from now on."""

    @abstractmethod
    def end(self) -> None:
        """End; a reading after it is of the time until then."""

    @abstractmethod
    def close(self) -> None:
        """Stop the sensor; may be called twice, and where nothing was started."""

    @abstractmethod
    def reading(self) -> EnergyReading:
        """Return the energy so far, or until the end."""


class NoGauge(Gauge):
    """Where there is no sensor: says why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self._begin = self._end = math.nan

    def start(self) -> None:
        """Start nothing."""

    def begin(self) -> None:
        """Begin the time."""
        self._begin = time.perf_counter()

    def end(self) -> None:
        """End the time."""
        self._end = time.perf_counter()

    def close(self) -> None:
        """Stop nothing."""

    def reading(self) -> EnergyReading:
        """Return no energy, and why."""
        end = time.perf_counter() if math.isnan(self._end) else self._end
        seconds = _seconds(self._begin, end)
        return EnergyReading(
            seconds=seconds, source="none", not_measured=NOT_MEASURED + self._reason
        )


class _SensorGauge(Gauge, Generic[Value]):
    """Samples a sensor in a thread, and makes an energy of the samples."""

    def __init__(
        self, sensor: Sensor, read: Callable[[], Mapping[str, Value]], interval: float
    ) -> None:
        self._sensor = sensor
        self._interval = interval
        self._sampler = Sampler(
            lambda: dict(read()), interval, before=sensor.start, after=sensor.stop
        )
        self._begin = self._end = math.nan
        self._samples: Rails[Value] | None = None

    def start(self) -> None:
        """Start the thread, and wait for its first sample."""
        self._sampler.start()

    def begin(self) -> None:
        """Take the first sample that counts."""
        self._sampler.forget()
        self._begin = time.perf_counter()

    def end(self) -> None:
        """Take the last sample."""
        self._end = time.perf_counter()
        self._samples = self._sampler.samples()

    def close(self) -> None:
        """End the thread, which stops the sensor."""
        self._sampler.stop()

    def reading(self) -> EnergyReading:
        """Return the energy so far, or until the end."""
        running = math.isnan(self._end)
        end = time.perf_counter() if running else self._end
        samples = self._sampler.samples() if self._samples is None else self._samples
        failure = self._sampler.failure or _gap(samples, self._interval)
        if failure:
            return EnergyReading(
                source=self._sensor.name,
                seconds=_seconds(self._begin, end),
                not_measured=NOT_MEASURED + failure,
            )
        return self._energy(samples, end)

    def _energy(self, samples: Rails[Value], end: float) -> EnergyReading:
        rails: dict[str, float] = {}
        lost: dict[str, str] = {}
        for name in sorted({name for sample in samples for name in sample.value}):
            try:
                rails[name] = self._joules(_of(samples, name), end)
            except NotMeasuredError as error:
                lost[name] = str(error)
        return energy_of(self._sensor, rails, lost, self._seconds(samples, end))

    @abstractmethod
    def _joules(self, samples: Sequence[Sample[Value]], end: float) -> float:
        """Return the energy of one rail."""

    @abstractmethod
    def _seconds(self, samples: Rails[Value], end: float) -> float:
        """Return the time that the energy is of."""


class CounterGauge(_SensorGauge[Counter]):
    """Subtracts counters, from the first reading to the last."""

    def __init__(self, sensor: CounterSensor) -> None:
        super().__init__(sensor, sensor.counters, COUNTER_INTERVAL)

    def _joules(self, samples: Sequence[Sample[Counter]], end: float) -> float:
        return sum(
            difference(first.value, last.value, last.seconds - first.seconds)
            for first, last in pairwise(samples)
        )

    def _seconds(self, samples: Rails[Counter], end: float) -> float:
        return samples[-1].seconds - samples[0].seconds


class PowerGauge(_SensorGauge[float]):
    """Integrates powers, from the start to the end."""

    def __init__(self, sensor: PowerSensor) -> None:
        super().__init__(sensor, sensor.watts, sensor.interval)

    def _joules(self, samples: Sequence[Sample[float]], end: float) -> float:
        watts = [sample.value for sample in samples]
        wrong = next((power for power in watts if not 0 <= power <= MOST_WATTS), None)
        if wrong is not None:
            raise NotMeasuredError(f"it told {wrong:g} W")
        return integrate([sample.seconds for sample in samples], watts, self._begin, end)

    def _seconds(self, samples: Rails[float], end: float) -> float:
        return end - self._begin


def _seconds(begin: float, end: float) -> float:
    """Return the time between; 0 where it did not begin (NaN)."""
    return 0.0 if math.isnan(begin) else end - begin


def energy_of(
    sensor: Sensor, rails: Mapping[str, float], lost: Mapping[str, str], seconds: float
) -> EnergyReading:
    """Return the reading of rails in joules; the whole must be there, and more than 0.

    `lost` has the rails that were seen but not measured, and why.
    """
    whole = sensor.whole([*rails, *lost])
    reasons = [f"{name}: {reason}" for name, reason in lost.items()]
    joules: float | None = None
    if not whole:
        reasons.append("no rail or sum of rails is the whole")
    elif set(whole) <= set(rails):
        joules = sum(rails[rail] for rail in whole)
        if joules <= 0:
            joules = None
            reasons.append(f"no energy was counted in {seconds:.3g} s")
    return EnergyReading(
        joules=joules,
        seconds=seconds,
        source=f"{sensor.name} ({' + '.join(whole)})" if whole else sensor.name,
        rails=dict(rails),
        not_measured=NOT_MEASURED + "; ".join(reasons) if reasons else None,
    )


def difference(first: Counter, last: Counter, seconds: float) -> float:
    """Return the joules between two readings of a counter that may have started again once.

    A counter that was set back in between seems to have run almost once around, which would take
    more power than there is; that, and one that cannot run around, raises `NotMeasuredError`.
    """
    joules = last.joules - first.joules
    if joules < 0:
        if first.wraps_at is None or max(first.joules, last.joules) > first.wraps_at:
            raise NotMeasuredError("its counter ran backwards")
        joules += first.wraps_at
    if joules > MOST_WATTS * max(seconds, 1.0):
        raise NotMeasuredError(f"its counter jumped by {joules:.0f} J in {seconds:.3g} s")
    return joules


def _of(samples: Rails[Value], name: str) -> list[Sample[Value]]:
    """Return the samples of one rail; raises where not every sample has it."""
    found = [
        Sample(sample.seconds, sample.value[name]) for sample in samples if name in sample.value
    ]
    if len(found) < len(samples):
        raise NotMeasuredError("it was not always there")
    return found


def _gap(samples: Rails[Value], interval: float) -> str | None:
    """Return what is wrong with the times of samples: too few, or a hole between two."""
    if len(samples) < 2:
        return "fewer than two samples"
    longest = max(last.seconds - first.seconds for first, last in pairwise(samples))
    return f"no sample for {longest:.1f} s" if longest > interval + _LATEST else None
