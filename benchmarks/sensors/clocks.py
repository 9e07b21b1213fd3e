"""Governor, clocks and power mode: cpufreq and devfreq of Linux, nvpmodel and jetson_clocks.

Formats: https://docs.kernel.org/admin-guide/pm/cpufreq.html (kHz), the sysfs tree of devfreq (Hz).
`nvpmodel -q` prints `NV Power Mode: NAME` and the number below it. `jetson_clocks --show` prints a
line `NAME ... MinFreq=A MaxFreq=B CurrentFreq=C` for every clock, in kHz for processors and in Hz
for others; on most boards it needs root.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_mef.benchmarks.sensors.files import find_number, find_text, unique
from edge_mef.benchmarks.sensors.readings import PowerState
from edge_mef.benchmarks.sensors.sensor import NotMeasuredError
from edge_mef.benchmarks.sensors.tools import Runner, find_tool, run_tool

_MODE = re.compile(r"NV Power Mode:[ \t]*(\S+)[ \t]*(?:\n[ \t]*(\d+)[ \t]*$)?", re.MULTILINE)
_CLOCKS_LOCKED = ("clocks_locked",)
_CLOCK = re.compile(
    r"^(cpu\d+|[A-Z]\S*?):?\s.*?MinFreq=(\d+) MaxFreq=(\d+) CurrentFreq=(\d+)", re.MULTILINE
)


@dataclass(frozen=True)
class ShownClock:
    """A clock as jetson_clocks shows it, in MHz."""

    least: float
    most: float
    now: float


def read_state(root: Path = Path("/"), run: Runner = run_tool) -> list[PowerState]:
    """Return what files and tools of a machine tell; what is missing has its reason."""
    return [
        _from_tool(root, "nvpmodel", ("-q",), run, parse_nvpmodel, ("mode", "mode_id")),
        read_frequencies(root),
        _from_tool(root, "jetson_clocks", ("--show",), run, parse_jetson_clocks, _CLOCKS_LOCKED),
    ]


def parse_nvpmodel(text: str) -> PowerState:
    """Return the power mode in the answer of `nvpmodel -q`."""
    found = _MODE.search(text)
    if found is None:
        raise NotMeasuredError(f"nvpmodel named no mode: {text[:60]!r}")
    mode, number = found.groups()
    return PowerState(mode=mode, mode_id=None if number is None else int(number))


def parse_jetson_clocks(text: str) -> PowerState:
    """Return the clocks in the answer of `jetson_clocks --show`.

    They are locked where processors and GPU have no choice: least and most are the same.
    """
    clocks = shown_clocks(text)
    if not clocks:
        raise NotMeasuredError(f"jetson_clocks showed no clock: {text[:60]!r}")
    choosing = [clock for name, clock in clocks.items() if name.startswith(("cpu", "GPU"))]
    return PowerState(
        clocks_mhz={name: clock.now for name, clock in clocks.items()},
        max_clocks_mhz={name: clock.most for name, clock in clocks.items()},
        clocks_locked=all(clock.least == clock.most for clock in choosing) if choosing else None,
    )


def shown_clocks(text: str) -> Mapping[str, ShownClock]:
    """Return every clock in the answer of `jetson_clocks --show`."""
    clocks = {}
    for name, *numbers in _CLOCK.findall(text):
        unit = 1e3 if name.startswith("cpu") else 1e6
        clocks[name] = ShownClock(*(int(number) / unit for number in numbers))
    return clocks


def read_frequencies(root: Path = Path("/")) -> PowerState:
    """Return the governor and the clocks of processors (cpufreq) and devices (devfreq)."""
    processors = root / "sys/devices/system/cpu"
    folders = sorted(
        processors.glob("cpu[0-9]*/cpufreq"), key=lambda path: int(path.parent.name[3:])
    )
    governors = {text for path in folders if (text := find_text(path / "scaling_governor"))}
    devices = sorted((root / "sys/class/devfreq").glob("*"))
    now = _megahertz({path.parent.name: path / "scaling_cur_freq" for path in folders}, 1e3)
    most = _megahertz({path.parent.name: path / "scaling_max_freq" for path in folders}, 1e3)
    now |= _megahertz(_by_name(devices, "cur_freq"), 1e6)
    most |= _megahertz(_by_name(devices, "max_freq"), 1e6)
    reason = f"no cpufreq in {processors}"
    missing = {"governor": governors, "clocks_mhz": now, "max_clocks_mhz": most}
    return PowerState(
        governor=", ".join(sorted(governors)) or None,
        clocks_mhz=now or None,
        max_clocks_mhz=most or None,
        not_measured={name: reason for name, found in missing.items() if not found},
    )


def _by_name(devices: list[Path], file: str) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for device in devices:
        named[unique(device.name, named)] = device / file
    return named


def _megahertz(files: Mapping[str, Path], unit: float) -> dict[str, float]:
    found = {name: find_number(path) for name, path in files.items()}
    return {name: value / unit for name, value in found.items() if value}


def _from_tool(
    root: Path,
    name: str,
    arguments: tuple[str, ...],
    run: Runner,
    parse: Callable[[str], PowerState],
    fields: tuple[str, ...],
) -> PowerState:
    """Return what a tool tells of some fields, or why it does not."""
    tool = find_tool(root, name)
    try:
        if tool is None:
            raise NotMeasuredError(f"{name} is not there")
        return parse(run((tool, *arguments)))
    except NotMeasuredError as error:
        return PowerState(not_measured=dict.fromkeys(fields, str(error)))
