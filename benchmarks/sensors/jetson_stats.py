"""Power, temperatures and mode of a Jetson from the service of jetson-stats (jtop).

The package is under the AGPL. It is no part of EdgeMEF and no dependency: it is imported here
where a user has installed it, and its service runs. Of `power` the rails are read (mW), and the
total where it is a rail of its own; of `temperature` what is online (degrees Celsius).
"""

import importlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from typing_extensions import Self

from edge_mef.benchmarks.sensors.jetson import whole_of
from edge_mef.benchmarks.sensors.readings import PowerState
from edge_mef.benchmarks.sensors.sensor import NotMeasuredError, PowerSensor

Importer = Callable[[str], Any]
_SECONDS = 0.5  # between two looks of the service
_OFF = -100.0  # degrees Celsius; nothing that is on is colder


class JtopSensor(PowerSensor):
    """What the jtop service tells; it looks twice a second, or as often as its first client asked.

    A reading waits for news of the service, so that none is taken twice.
    """

    name = "jtop"
    interval = 0.05  # the service sets the pace, and must never be behind
    sees_all_heat = True

    def __init__(self, module: Any) -> None:
        self._module = module
        self._client: Any = None

    @classmethod
    def find(
        cls, root: Path = Path("/"), importer: Importer = importlib.import_module
    ) -> Self | str:
        """Return the sensor where service and package are there, or say which is not."""
        socket = root / "run/jtop.sock"
        if not socket.exists():
            return f"the jtop service does not run: no {socket}"
        try:
            return cls(importer("jtop"))
        except Exception as error:
            # Whatever a package of the user's does upon import is no failure of ours.
            return f"the Python package jtop (jetson-stats) cannot be imported: {error}"

    def start(self) -> None:
        """Connect to the service."""
        self._client = self._module.jtop(interval=_SECONDS)
        self._client.start()

    def stop(self) -> None:
        """Leave the service."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def watts(self) -> Mapping[str, float]:
        """Wait for news, and return the power of now."""
        client = self._connected()
        if not client.ok():
            raise NotMeasuredError("the jtop service tells nothing any more")
        power = client.power
        total = power.get("tot", {})
        rails = {name: rail["power"] for name, rail in power.get("rail", {}).items()}
        if "name" in total:
            rails[total["name"]] = total["power"]
        if not rails:
            raise NotMeasuredError("the jtop service tells no power on this board")
        return {name: float(milliwatts) / 1e3 for name, milliwatts in rails.items()}

    def celsius(self) -> Mapping[str, float]:
        """Return the temperatures of what is online."""
        found = self._connected().temperature
        values = {name: float(e["temp"]) for name, e in found.items() if e.get("online", True)}
        return {name: value for name, value in values.items() if value > _OFF}

    def state(self) -> PowerState:
        """Return the power mode, and whether jetson_clocks is on."""
        client = self._connected()
        model, clocks = client.nvpmodel, client.jetson_clocks
        return PowerState(
            mode=None if model is None else str(model.name),
            mode_id=None if model is None else int(model.id),
            clocks_locked=None if clocks is None else bool(clocks),
        )

    def whole(self, rails: Collection[str]) -> tuple[str, ...]:
        """Return the input of the module, or the rails that add up to it."""
        return whole_of(rails)

    def _connected(self) -> Any:
        if self._client is None:
            raise NotMeasuredError("the jtop service is not connected")
        return self._client
