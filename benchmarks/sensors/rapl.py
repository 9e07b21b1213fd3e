"""Energy of x86 processors: the RAPL counters that Linux shows in its powercap tree.

Format: https://docs.kernel.org/power/powercap/powercap.html. The counters are in microjoules and
start again at 0 after `max_energy_range_uj`, which takes from minutes to hours. Since Linux 5.10
only root may read them, because their changes betray what runs (CVE-2020-8694).
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from typing_extensions import Self

from edge_mef.benchmarks.sensors.files import find_number, find_text, read_number, unique
from edge_mef.benchmarks.sensors.sensor import Counter, CounterSensor, NotMeasuredError


class RaplSensor(CounterSensor):
    """The packages of a machine, and what is in them or beside them: core, uncore, dram, psys.

    The whole is the sum of the packages. Memory (dram) is beside them, and psys (the platform)
    around them; few machines have either, so both are rails only.
    """

    name = "RAPL"

    def __init__(self, zones: Mapping[str, Path]) -> None:
        self._zones = dict(zones)

    @classmethod
    def find(cls, root: Path = Path("/")) -> Self | str:
        """Return the sensor of a tree, or why there is none; the counters are read to know."""
        folder = root / "sys/class/powercap"
        zones = _zones(folder)
        if not any(_is_package(name) for name in zones):
            return f"no RAPL package in {folder}"
        try:
            cls({name: zone for name, zone in zones.items() if _is_package(name)}).counters()
        except NotMeasuredError as error:
            return f"{error} (docs/energy.md says how to allow it)"
        readable = {n: z for n, z in zones.items() if find_number(z / "energy_uj") is not None}
        return cls(readable)

    def counters(self) -> Mapping[str, Counter]:
        """Return the counters in joules; one that cannot be read fails all of them."""
        return {name: _counter(zone) for name, zone in self._zones.items()}

    def whole(self, rails: Collection[str]) -> tuple[str, ...]:
        """Return the packages."""
        return tuple(rail for rail in rails if _is_package(rail))


def _is_package(name: str) -> bool:
    """Say whether a zone is a package, and not one in it: `package-0 core`."""
    return name.startswith("package-") and " " not in name


def _zones(folder: Path) -> dict[str, Path]:
    """Return the zones by name, those inside a package with its name before theirs.

    The class has all zones side by side: `intel-rapl:1:0` is in `intel-rapl:1`. The zones of
    `intel-rapl-mmio` count the same packages once more and are left out.
    """
    zones: dict[str, Path] = {}
    parents: dict[str, str] = {}
    for zone in sorted(folder.glob("intel-rapl:*"), key=lambda zone: zone.name.split(":")):
        name = find_text(zone / "name")
        if name is None:
            continue
        parent = parents.get(zone.name.rpartition(":")[0])
        found = unique(name if parent is None else f"{parent} {name}", zones)
        zones[found] = zone
        parents[zone.name] = found
    return zones


def _counter(zone: Path) -> Counter:
    span = find_number(zone / "max_energy_range_uj")
    return Counter(read_number(zone / "energy_uj") / 1e6, span / 1e6 if span else None)
