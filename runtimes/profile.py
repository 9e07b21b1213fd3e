"""Times of layers, summed over tiles, threads and runs."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass

Layer = tuple[str, str, float]  # name, type, milliseconds of one call


@dataclass(frozen=True)
class LayerTime:
    """What a layer took in all runs, in milliseconds; `calls` counts its calls, of every tile.

    The layers of a stage have it before their name, such as "application/Conv_3".
    """

    name: str
    type: str
    milliseconds: float
    calls: int


class LayerTotals:
    """Sums up times of layers; any thread may add."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[tuple[str, str], tuple[float, int]] = {}

    def add(self, layers: Iterable[Layer]) -> None:
        """Count calls of layers."""
        with self._lock:
            for name, kind, milliseconds in layers:
                spent, calls = self._sums.get((name, kind), (0.0, 0))
                self._sums[name, kind] = spent + milliseconds, calls + 1

    def times(self) -> tuple[LayerTime, ...]:
        """Return all layers, the one that took longest first."""
        with self._lock:
            found = [LayerTime(*key, *sums) for key, sums in self._sums.items()]
        return tuple(sorted(found, key=lambda layer: (-layer.milliseconds, layer.name)))
