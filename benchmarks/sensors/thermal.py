"""Temperatures of Linux, and whether heat or current held clocks down.

Formats: https://docs.kernel.org/driver-api/thermal/sysfs-api.html (temperatures in thousandths of
a degree Celsius), https://docs.kernel.org/hwmon/sysfs-interface.html.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import Self

from edge_mef.benchmarks.sensors.files import find_number, find_text, unique

# Of cooling devices those that slow clocks; fans, displays and alerts of a hot case do not.
_SLOWS = re.compile(r"(thermal-)?(cpufreq|devfreq)|Processor$|intel_powerclamp$|.*throttle")
_PROCESSOR_CHIPS = ("coretemp", "k10temp", "zenpower")
_OVER_CURRENT_CHIP = "soctherm_oc"  # Jetson
_HOTTEST, _COLDEST = 200.0, -40.0  # degrees Celsius that a machine can run at


@dataclass(frozen=True)
class Trip:
    """A temperature at which the kernel slows something down, in degrees Celsius."""

    zone: str
    celsius: float


class ThermalTree:
    """Thermal zones, cooling devices and counters of throttling of a tree of sysfs."""

    name = "thermal zones"

    def __init__(self, root: Path = Path("/")) -> None:
        thermal = root / "sys/class/thermal"
        self._zones = _zones(thermal)
        self._chips = _chip_sensors(root / "sys/class/hwmon")
        self._trips = [trip for name, zone in self._zones.items() for trip in _trips(name, zone)]
        self._slowing = _slowing(thermal)
        self._counts = _throttle_counts(root)

    @classmethod
    def find(cls, root: Path = Path("/")) -> Self | str:
        """Return the tree where it tells anything, or say that it does not."""
        tree = cls(root)
        if tree.celsius() or tree.throttling() is not None:
            return tree
        return f"no thermal zone in {root / 'sys/class/thermal'}"

    def celsius(self) -> Mapping[str, float]:
        """Return the temperatures of all zones and processors that have one now."""
        files = {name: zone / "temp" for name, zone in self._zones.items()} | self._chips
        found = {name: _celsius(path) for name, path in files.items()}
        return {name: celsius for name, celsius in found.items() if celsius is not None}

    def throttling(self) -> frozenset[str] | None:
        """Return what slows clocks right now, None where no file tells."""
        if not (self._slowing or self._trips or self._counts):
            return None
        return frozenset(self._slowed() + self._tripped())

    def events(self) -> Mapping[str, int]:
        """Return how often clocks were held down since the start of the machine, by reason."""
        found = {name: find_number(path) for name, path in self._counts.items()}
        return {name: int(count) for name, count in found.items() if count is not None}

    def _slowed(self) -> list[str]:
        """Return the cooling devices at work; -1 is how some say that they are not."""
        return [
            f"{name} is slowed"
            for name, device in self._slowing.items()
            if (find_number(device / "cur_state") or 0.0) > 0
        ]

    def _tripped(self) -> list[str]:
        celsius = self.celsius() if self._trips else {}
        return [
            f"{trip.zone} reached {trip.celsius:g} °C"
            for trip in self._trips
            if celsius.get(trip.zone, _COLDEST) >= trip.celsius
        ]


def _zones(thermal: Path) -> dict[str, Path]:
    zones: dict[str, Path] = {}
    for zone in sorted(thermal.glob("thermal_zone*"), key=_number):
        kind = find_text(zone / "type")
        if kind:
            zones[unique(kind, zones)] = zone
    return zones


def _trips(name: str, zone: Path) -> list[Trip]:
    """Return the passive trips of a zone; one at 0 or below is switched off."""
    trips = []
    for kind in sorted(zone.glob("trip_point_*_type")):
        if find_text(kind) == "passive":
            found = find_number(kind.with_name(kind.name.replace("_type", "_temp")))
            if found is not None and found > 0:
                trips.append(Trip(name, found / 1e3))
    return trips


def _slowing(thermal: Path) -> dict[str, Path]:
    devices: dict[str, Path] = {}
    for device in sorted(thermal.glob("cooling_device*"), key=_number):
        kind = find_text(device / "type") or ""
        if _SLOWS.match(kind) and find_number(device / "cur_state") is not None:
            devices[unique(kind, devices)] = device
    return devices


def _chip_sensors(hwmon: Path) -> dict[str, Path]:
    """Return the temperatures of processors that have no thermal zone (AMD) or cores beside it."""
    files: dict[str, Path] = {}
    for chip in sorted(hwmon.glob("hwmon*"), key=_number):
        name = find_text(chip / "name")
        if name in _PROCESSOR_CHIPS:
            for path in sorted(chip.glob("temp*_input"), key=_number):
                label = find_text(path.with_name(path.name.replace("_input", "_label")))
                files[unique(f"{name} {label or path.name[:-6]}", files)] = path
    return files


def _throttle_counts(root: Path) -> dict[str, Path]:
    """Return the counters of throttling: over-current on Jetson, heat on Intel."""
    counts = {}
    for chip in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if find_text(chip / "name") == _OVER_CURRENT_CHIP:
            for path in sorted(chip.glob("oc*_event_cnt")):
                counts[f"over-current {path.name.partition('_')[0]}"] = path
    for path in sorted((root / "sys/devices/system/cpu").glob("cpu*/thermal_throttle")):
        for kind in ("core", "package"):
            counts[f"{path.parent.name} {kind} too hot"] = path / f"{kind}_throttle_count"
    return {name: path for name, path in counts.items() if find_number(path) is not None}


def _celsius(path: Path) -> float | None:
    """Return a temperature; parts that are off read 0, -256 degrees, or nothing."""
    found = find_number(path)
    celsius = 0.0 if found is None else found / 1e3
    return celsius if celsius and _COLDEST < celsius < _HOTTEST else None


def _number(path: Path) -> tuple[int, str]:
    """Sort zone 2 before zone 10."""
    digits = re.search(r"\d+", path.name)
    return (int(digits.group()) if digits else 0, path.name)
