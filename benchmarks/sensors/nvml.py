"""Energy, heat and clocks of an NVIDIA GPU: the driver's NVML, by the package nvidia-ml-py.

Reference: https://docs.nvidia.com/deploy/nvml-api. GPUs since Volta count energy (mJ since the
driver was loaded); others tell power (mW), which many average over a second.
"""

import importlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from edge_mef.benchmarks.sensors.readings import PowerState
from edge_mef.benchmarks.sensors.sensor import (
    Counter,
    CounterSensor,
    PowerSensor,
    Sensor,
    reason_of,
)

Importer = Callable[[str], Any]
# What holds clocks down, by its bit in the clocks event reasons. Left out: idle (0x1), clocks that
# somebody has set (0x2, 0x100) and GPUs that wait for each other (0x10).
_REASONS = {
    0x004: "power limit",
    0x008: "hardware slowdown",
    0x020: "software thermal slowdown",
    0x040: "hardware thermal slowdown",
    0x080: "power brake",
    0x200: "board limit",
    0x400: "reliability voltage",
}
_CORE, _MEMORY, _SENSOR = 0, 2, 0  # clocks and temperature, as nvml.h numbers them


def throttle_reasons(bits: int) -> frozenset[str]:
    """Return what holds clocks down, out of the bits of NVML's clocks event reasons."""
    return frozenset(reason for bit, reason in _REASONS.items() if bits & bit)


class _Gpu(Sensor):
    """One GPU; NVML is initialized by `start` and shut down by `stop`."""

    def __init__(self, nvml: Any, index: int) -> None:
        self._nvml = nvml
        self._index = index
        self._open = False
        self._handle: Any = None
        self.name = f"NVML, GPU {index}"

    def start(self) -> None:
        """Initialize NVML, and find the GPU."""
        if not self._open:
            self._nvml.nvmlInit()
            self._open = True
        self._handle = self._nvml.nvmlDeviceGetHandleByIndex(self._index)
        # Older versions of the package return bytes.
        label = self._nvml.nvmlDeviceGetName(self._handle)
        label = label.decode(errors="replace") if isinstance(label, bytes) else str(label)
        self.name = f"NVML, GPU {self._index} ({label})"

    def stop(self) -> None:
        """Shut NVML down; it counts how often it was initialized."""
        if self._open:
            self._open = False
            self._nvml.nvmlShutdown()

    def whole(self, rails: Collection[str]) -> tuple[str, ...]:
        """Return the only rail."""
        return tuple(rails)

    def celsius(self) -> Mapping[str, float]:
        """Return the temperature of the chip."""
        return {"gpu": float(self._nvml.nvmlDeviceGetTemperature(self._handle, _SENSOR))}

    def throttling(self) -> frozenset[str] | None:
        """Return the clocks event reasons of now that hold clocks down."""
        nvml = self._nvml
        # The name before driver 535 was another one.
        get = getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
        get = get or nvml.nvmlDeviceGetCurrentClocksThrottleReasons
        return throttle_reasons(int(get(self._handle)))

    def state(self) -> PowerState:
        """Return clocks, power limit and persistence mode; what NVML refuses stays unknown."""
        nvml, gpu = self._nvml, self._handle
        limit = _known(lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(gpu))
        persistence = _known(lambda: nvml.nvmlDeviceGetPersistenceMode(gpu))
        return PowerState(
            clocks_mhz=self._clocks(nvml.nvmlDeviceGetClockInfo),
            max_clocks_mhz=self._clocks(nvml.nvmlDeviceGetMaxClockInfo),
            power_limit_watts=None if limit is None else limit / 1e3,
            persistence=None if persistence is None else bool(persistence),
        )

    def _clocks(self, ask: Callable[[Any, int], Any]) -> dict[str, float] | None:
        found = {
            "gpu": _known(lambda: ask(self._handle, _CORE)),
            "gpu memory": _known(lambda: ask(self._handle, _MEMORY)),
        }
        return {name: float(mhz) for name, mhz in found.items() if mhz is not None} or None


class NvmlCounter(_Gpu, CounterSensor):
    """A GPU that counts its energy."""

    def counters(self) -> Mapping[str, Counter]:
        """Return the energy since the driver was loaded; it never starts again."""
        return {"gpu": Counter(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle) / 1e3)}


class NvmlPower(_Gpu, PowerSensor):
    """A GPU that only tells its power."""

    interval = 0.1

    def watts(self) -> Mapping[str, float]:
        """Return the power of now, or the mean of the last second."""
        return {"gpu": self._nvml.nvmlDeviceGetPowerUsage(self._handle) / 1e3}


def find_nvml(
    root: Path = Path("/"), *, index: int = 0, importer: Importer = importlib.import_module
) -> NvmlCounter | NvmlPower | str:
    """Return the sensor of a GPU by its index in NVML, or why there is none.

    The index is that of nvidia-smi, which differs from CUDA's where CUDA_VISIBLE_DEVICES is set.
    """
    if root != Path("/") and importer is importlib.import_module:
        return f"the driver of this machine does not belong to {root}"
    try:
        nvml = importer("pynvml")
    except Exception as error:
        # Whatever a vendor's package does upon import is no failure of ours.
        return f"the Python package pynvml (pip install nvidia-ml-py) cannot be imported: {error}"
    counter, power = NvmlCounter(nvml, index), NvmlPower(nvml, index)
    if _refusal(counter, counter.counters) is None:
        return counter
    refusal = _refusal(power, power.watts)
    return power if refusal is None else f"NVML, GPU {index}: {refusal}"


def _refusal(sensor: Sensor, read: Callable[[], object]) -> str | None:
    """Return why a sensor cannot be read, None where it can."""
    try:
        sensor.start()
        read()
    except Exception as error:
        return reason_of(error)
    finally:
        sensor.stop()
    return None


def _known(ask: Callable[[], Any]) -> Any:
    """Return an answer, None where NVML has none: what it supports differs from GPU to GPU."""
    try:
        return ask()
    except Exception:
        return None
