"""Power and temperatures of a Jetson from `tegrastats`, which comes with every JetPack.

It prints a line for every interval. Of interest are `NAME 4988mW/4970mW` (now, and the mean since
its start; JetPack 4 leaves the unit out) and `name@45.6C`. -256 C stands for a part that is off.
"""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

from typing_extensions import Self

from edge_mef.benchmarks.sensors.jetson import whole_of
from edge_mef.benchmarks.sensors.sensor import NotMeasuredError, PowerSensor
from edge_mef.benchmarks.sensors.tools import LineReader, find_tool

# RAM 1903/7620MB looks almost the same, and must not: a number is followed by mW, or by nothing.
_POWER = re.compile(r"(?<!\S)([A-Za-z]\w*) (-?\d+)(?:mW)?/-?\d+(?:mW)?(?!\S)")
_HEAT = re.compile(r"(?<!\S)(\w+)@(-?\d+(?:\.\d+)?)C(?!\S)")
_MILLISECONDS = 100
_PATIENCE = 2.0  # seconds to wait for a line
_OFF = -100.0  # degrees Celsius; nothing that is on is colder
_UNUSED = "NC"  # not connected


class Lines(Protocol):
    """What a sensor reads from: `LineReader`, or a recording."""

    def newest(self, patience: float) -> str:
        """Wait for a line, and return the newest."""

    def close(self) -> None:
        """Stop."""


def parse_watts(line: str) -> dict[str, float]:
    """Return the power of every rail in a line of tegrastats, in watts, as of now."""
    return {name: int(now) / 1e3 for name, now in _POWER.findall(line) if name != _UNUSED}


def parse_celsius(line: str) -> dict[str, float]:
    """Return the temperatures in a line of tegrastats; parts that are off have none."""
    found = ((name, float(celsius)) for name, celsius in _HEAT.findall(line))
    return {name: celsius for name, celsius in found if celsius > _OFF}


class TegrastatsSensor(PowerSensor):
    """Rails and temperatures as `tegrastats` prints them, ten times a second."""

    name = "tegrastats"
    interval = _MILLISECONDS / 2e3  # the program sets the pace, and must never be behind
    sees_all_heat = True

    def __init__(self, begin: Callable[[], Lines]) -> None:
        self._begin = begin
        self._lines: Lines | None = None
        self._celsius: dict[str, float] = {}

    @classmethod
    def find(cls, root: Path = Path("/")) -> Self | str:
        """Return the sensor where the program is there, or say that it is not."""
        tool = find_tool(root, "tegrastats")
        if tool is None:
            return "tegrastats is not there"
        words = (tool, "--interval", str(_MILLISECONDS))
        return cls(lambda: LineReader(words))

    def start(self) -> None:
        """Start the program."""
        self._lines = self._begin()

    def stop(self) -> None:
        """End the program."""
        if self._lines is not None:
            self._lines.close()
            self._lines = None

    def watts(self) -> Mapping[str, float]:
        """Return the power of now, from the next line."""
        if self._lines is None:
            raise NotMeasuredError("tegrastats does not run")
        line = self._lines.newest(_PATIENCE)
        self._celsius = parse_celsius(line)
        watts = parse_watts(line)
        if not watts:
            raise NotMeasuredError(f"tegrastats printed no power: {line[:60]!r}")
        return watts

    def celsius(self) -> Mapping[str, float]:
        """Return the temperatures of the last line."""
        return self._celsius

    def whole(self, rails: Collection[str]) -> tuple[str, ...]:
        """Return the input of the module, or the rails that add up to it."""
        return whole_of(rails)
