"""Sensors that tell what a test gives them, and stand-ins for the packages of vendors."""

import threading
from collections.abc import Callable, Collection, Mapping
from types import SimpleNamespace
from typing import Any

from edge_mef.benchmarks.sensors.sensor import Counter, CounterSensor, PowerSensor


def sensor_threads() -> list[threading.Thread]:
    """Return the threads of sensors that are alive."""
    return [thread for thread in threading.enumerate() if thread.name == "sensor"]


class TellingSensor(PowerSensor):
    """Tells the powers that a function returns; the whole is the rail VDD_IN."""

    name = "standin"

    def __init__(self, tell: Callable[[], Mapping[str, float]], interval: float = 0.005) -> None:
        self.interval = interval
        self.running = False
        self._tell = tell

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def watts(self) -> Mapping[str, float]:
        return self._tell()

    def whole(self, rails: Collection[str]) -> tuple[str, ...]:
        return ("VDD_IN",) if "VDD_IN" in rails else ()


class CountingSensor(CounterSensor):
    """Counts what a function returns; the whole is all rails."""

    name = "standin"

    def __init__(self, count: Callable[[], Mapping[str, Counter]]) -> None:
        self._count = count

    def counters(self) -> Mapping[str, Counter]:
        return self._count()

    def whole(self, rails: Collection[str]) -> tuple[str, ...]:
        return tuple(rails)


class StandinNvml(SimpleNamespace):
    """pynvml of one GPU; `refuse` names functions that raise as NVML does."""

    class NVMLError(Exception):
        pass

    def __init__(self, refuse: Collection[str] = (), label: object = "Standin 1000") -> None:
        super().__init__()
        self.opened = 0
        self.millijoules = 1_000_000
        self.bits = 0
        answers: dict[str, Callable[..., object]] = {
            "nvmlDeviceGetHandleByIndex": lambda index: self._gpu(index),
            "nvmlDeviceGetName": lambda gpu: label,
            "nvmlDeviceGetTotalEnergyConsumption": lambda gpu: self.millijoules,
            "nvmlDeviceGetPowerUsage": lambda gpu: 75_500,
            "nvmlDeviceGetTemperature": lambda gpu, kind: 41,
            "nvmlDeviceGetCurrentClocksEventReasons": lambda gpu: self.bits,
            "nvmlDeviceGetClockInfo": lambda gpu, kind: {0: 210, 2: 405}[kind],
            "nvmlDeviceGetMaxClockInfo": lambda gpu, kind: {0: 1980, 2: 2619}[kind],
            "nvmlDeviceGetEnforcedPowerLimit": lambda gpu: 700_000,
            "nvmlDeviceGetPersistenceMode": lambda gpu: 1,
        }
        for name, answer in answers.items():
            setattr(self, name, self._refuse if name in refuse else answer)

    def nvmlInit(self) -> None:  # noqa: N802 - the name is NVML's
        self.opened += 1

    def nvmlShutdown(self) -> None:  # noqa: N802 - the name is NVML's
        self.opened -= 1

    def _gpu(self, index: int) -> str:
        if index:
            raise self.NVMLError("Invalid Argument")
        return "gpu"

    def _refuse(self, *arguments: object) -> object:
        raise self.NVMLError("Not Supported")


class StandinJtop:
    """The module jtop, with one client that tells a board."""

    def __init__(self, power: Mapping[str, Any], *, refuse: bool = False, news: int = 999) -> None:
        self.clients = 0
        self._news = news
        self._power = power
        self._refuse = refuse

    def jtop(self, interval: float) -> Any:
        assert interval > 0
        return SimpleNamespace(
            start=self._start,
            close=self._close,
            ok=self._ok,
            power=self._power,
            temperature={
                "CPU": {"temp": 45.1, "online": True},
                "GPU": {"temp": -256, "online": False},
            },
            nvpmodel=SimpleNamespace(name="MAXN_SUPER", id=2),
            jetson_clocks=True,
        )

    def _start(self) -> None:
        if self._refuse:
            raise ConnectionRefusedError("the service did not answer")
        self.clients += 1

    def _close(self) -> None:
        self.clients -= 1

    def _ok(self) -> bool:
        self._news -= 1
        return self._news >= 0
