"""What a sensor is: it has a name, counts energy or tells power, and may tell heat and clocks."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from edge_mef.benchmarks.sensors.readings import PowerState
from edge_mef.errors import EdgeMefError

# No rail that is measured here draws more, so that more is an error in the reading.
MOST_WATTS = 2_000.0
# How often counters are read, in seconds: at MOST_WATTS none runs around in that time, even where a
# reading is late. The smallest, of RAPL, has 32 bits of 1/2^16 J.
COUNTER_INTERVAL = 30.0


class NotMeasuredError(EdgeMefError):
    """A reading could not be taken; its text becomes the reason, and no meter lets it out."""


def reason_of(error: BaseException) -> str:
    """Return an error as a reason: vendor errors come with their type, and may have no text."""
    if isinstance(error, NotMeasuredError):
        return str(error)
    return f"{type(error).__name__}: {error}".rstrip(": ")


@dataclass(frozen=True)
class Counter:
    """A counter of energy: joules since some time, and where it starts again at 0 (or None)."""

    joules: float
    wraps_at: float | None = None


class Sensor(ABC):
    """A sensor of one machine.

    Every sensor has `find(root)`, which returns the sensor, or why it cannot be used here. What it
    is asked for raises `NotMeasuredError` where it has no answer; a meter takes other errors as
    the same.
    """

    name: str
    # Whether its temperatures are all there are, so that thermal zones would repeat them.
    sees_all_heat = False

    def start(self) -> None:  # noqa: B027 - most sensors need nothing
        """Start what must run before the first reading."""

    def stop(self) -> None:  # noqa: B027 - most sensors need nothing
        """Stop it; may be called at any time, and twice."""

    @abstractmethod
    def whole(self, rails: Collection[str]) -> tuple[str, ...]:
        """Return the rails whose sum is the whole; empty where that is not known."""

    def celsius(self) -> Mapping[str, float]:
        """Return the temperatures of now, in degrees Celsius."""
        return {}

    def throttling(self) -> frozenset[str] | None:
        """Return what holds clocks down right now, None where the sensor does not tell."""
        return None

    def state(self) -> PowerState:
        """Return what the sensor knows of modes and clocks."""
        return PowerState()


class CounterSensor(Sensor):
    """Counts energy; read at both ends, and in long runs in between."""

    @abstractmethod
    def counters(self) -> Mapping[str, Counter]:
        """Return the counters by the name of their rail."""


class PowerSensor(Sensor):
    """Tells power, and is sampled every `interval` seconds."""

    interval: float

    @abstractmethod
    def watts(self) -> Mapping[str, float]:
        """Return the power of now by the name of the rail."""
