"""Heat during a run: temperatures at both ends, throttling in between, from all that tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge_mef.benchmarks.sensors.gauges import NOT_MEASURED
from edge_mef.benchmarks.sensors.readings import HeatReading
from edge_mef.benchmarks.sensors.sampling import Sample, Sampler
from edge_mef.benchmarks.sensors.sensor import reason_of

_INTERVAL = 1.0  # seconds; heat is slow, and a look at many zones takes a few milliseconds


class HeatSource(Protocol):
    """What tells heat: a sensor, or the thermal tree."""

    @property
    def name(self) -> str:
        """Its name, for reasons."""

    def celsius(self) -> Mapping[str, float]:
        """Return the temperatures of now, in degrees Celsius."""

    def throttling(self) -> frozenset[str] | None:
        """Return what holds clocks down right now, None where it does not tell."""


@dataclass(frozen=True)
class Snapshot:
    """The heat of one moment; what could not be read is in `lost`."""

    celsius: Mapping[str, float] = field(default_factory=dict)
    throttling: frozenset[str] | None = None
    events: Mapping[str, int] = field(default_factory=dict)
    lost: tuple[str, ...] = ()


class HeatGauge:
    """Looks at all sources once a second; `why_not` says what is missing where none tells."""

    def __init__(self, sources: Sequence[HeatSource], why_not: Sequence[str] = ()) -> None:
        self._sources = tuple(sources)
        self._why_not = tuple(why_not)
        self._sampler = Sampler(self._look, _INTERVAL)
        self._samples: Sequence[Sample[Snapshot]] | None = None

    def start(self) -> None:
        """Take the temperatures, and start the thread."""
        if self._sources:
            self._sampler.start()

    def stop(self) -> None:
        """Take the temperatures again, and end the thread."""
        if self._samples is None:
            self._samples = self._all()
        self._sampler.stop()

    def reading(self) -> HeatReading:
        """Return the heat so far, or until the end."""
        samples = self._all() if self._samples is None else self._samples
        reasons = [*self._why_not, *([self._sampler.failure] if self._sampler.failure else [])]
        return heat_of([sample.value for sample in samples], reasons)

    def _all(self) -> Sequence[Sample[Snapshot]]:
        return self._sampler.samples() if self._sources else ()

    def _look(self) -> Snapshot:
        found = [_look_at(source) for source in self._sources]
        told = [one.throttling for one in found if one.throttling is not None]
        return Snapshot(
            self._celsius(found),
            frozenset().union(*told) if told else None,
            {name: count for one in found for name, count in one.events.items()},
            tuple(reason for one in found for reason in one.lost),
        )

    def _celsius(self, found: Sequence[Snapshot]) -> Mapping[str, float]:
        """Return the temperatures of all, or only those of a source that sees all of them."""
        for source, look in zip(self._sources, found, strict=True):
            if look.celsius and getattr(source, "sees_all_heat", False):
                return look.celsius
        return {name: value for look in found for name, value in look.celsius.items()}


def heat_of(looks: Sequence[Snapshot], why_not: Sequence[str]) -> HeatReading:
    """Return the reading of looks in order of time; `why_not` explains what none of them has."""
    start, end = (looks[0], looks[-1]) if looks else (Snapshot(), Snapshot())
    told = [look.throttling for look in looks if look.throttling is not None]
    reasons = set().union(*told) | _happened(start.events, end.events)
    missing = [] if start.celsius and end.celsius else ["temperatures"]
    missing += [] if told else ["throttling"]
    lost = dict.fromkeys(reason for look in looks for reason in look.lost)
    why = [*lost, *(why_not if missing else ())]
    said = f"{' and '.join(missing)}: " if missing else ""
    return HeatReading(
        celsius_at_start=dict(start.celsius),
        celsius_at_end=dict(end.celsius),
        throttled=bool(reasons) if told else None,
        reasons=tuple(sorted(reasons)),
        not_measured=NOT_MEASURED + said + ("; ".join(why) or "nothing tells them")
        if missing or lost
        else None,
    )


def _look_at(source: HeatSource) -> Snapshot:
    """Return the heat that one source tells; an error is a reason."""
    try:
        events: Mapping[str, int] = getattr(source, "events", dict)()
        return Snapshot(dict(source.celsius()), source.throttling(), dict(events))
    except Exception as error:
        return Snapshot(lost=(f"{source.name}: {reason_of(error)}",))


def _happened(start: Mapping[str, int], end: Mapping[str, int]) -> set[str]:
    """Return the events that were counted in between."""
    return {
        f"{name} ({end[name] - start[name]} times)"
        for name in start.keys() & end.keys()
        if end[name] > start[name]
    }
