"""Power of a Jetson's rails: the INA3221 monitors (and INA238 on Thor) in the hwmon tree.

Format: https://docs.kernel.org/hwmon/ina3221.html. `inN_label` names the rail of channel N,
`inN_input` is its voltage in mV, `currN_input` its current in mA; the INA238 tells `powerN_input`
in microwatts as well, and has its name in `label`. The tree is the same in JetPack 5, 6 and 7.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import Self

from edge_mef.benchmarks.sensors.files import find_text, read_number
from edge_mef.benchmarks.sensors.jetson import whole_of
from edge_mef.benchmarks.sensors.sensor import NotMeasuredError, PowerSensor

_CHIPS = ("ina3221", "ina238")
_UNUSED = "NC"  # not connected


@dataclass(frozen=True)
class _Rail:
    """The files of one rail: its power, or else voltage and current."""

    power: Path
    volts: Path
    amperes: Path

    @property
    def readable(self) -> bool:
        """Say whether there are files for its power."""
        return self.power.is_file() or (self.volts.is_file() and self.amperes.is_file())

    def watts(self) -> float:
        """Return the power of now."""
        if self.power.is_file():
            return read_number(self.power) / 1e6
        return read_number(self.volts) / 1e3 * (read_number(self.amperes) / 1e3)


class Ina3221Sensor(PowerSensor):
    """All named rails of a board, sampled ten times a second.

    One reading asks the chip over I2C, which takes some tenths of a millisecond for every file.
    """

    name = "INA3221"
    interval = 0.1

    def __init__(self, rails: Mapping[str, Callable[[], float]]) -> None:
        self._rails = dict(rails)

    @classmethod
    def find(cls, root: Path = Path("/")) -> Self | str:
        """Return the sensor of a tree, or why there is none."""
        folder = root / "sys/class/hwmon"
        rails: dict[str, Callable[[], float]] = {}
        for chip in sorted(folder.glob("hwmon*")):
            if find_text(chip / "name") in _CHIPS:
                rails |= {name: rail.watts for name, rail in _rails(chip).items()}
        if not rails:
            return f"no rails of an INA3221 in {folder}"
        if not whole_of(rails):
            return f"the rails {', '.join(sorted(rails))} are not the whole of a board known here"
        return cls(rails)

    def watts(self) -> Mapping[str, float]:
        """Return the power of every rail; one that cannot be read fails all of them."""
        if not self._rails:
            raise NotMeasuredError("no rails")
        return {name: watts() for name, watts in self._rails.items()}

    def whole(self, rails: Collection[str]) -> tuple[str, ...]:
        """Return the input of the module, or the rails that add up to it."""
        return whole_of(rails)


def _rails(chip: Path) -> dict[str, _Rail]:
    """Return the rails of a chip; sums of shunt voltages and channels without a name are none."""
    labels = {path.name[2:-6]: find_text(path) for path in sorted(chip.glob("in*_label"))}
    if not labels:
        labels = {"1": find_text(chip / "label")}
    rails = {name: _rail(chip, number) for number, name in labels.items() if name}
    return {name: rail for name, rail in rails.items() if name != _UNUSED and rail.readable}


def _rail(chip: Path, number: str) -> _Rail:
    kinds = (f"power{number}_input", f"in{number}_input", f"curr{number}_input")
    return _Rail(*(chip / kind for kind in kinds))
