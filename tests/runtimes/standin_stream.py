"""Memory and a stream of a device that is not there: what is begun runs when it is waited for.

So frames that are read too early are wrong, and work on memory that is gone fails.
"""

import ctypes
from collections.abc import Callable
from typing import Any

STREAM = 77
INVALID, UNSUPPORTED, INVALIDATED = 1, 900, 901  # as the CUDA runtime numbers them
Work = Callable[[], None]


class Blocks:
    """Memory that is handed out; `left` is what nobody freed, `elsewhere` what others hold."""

    def __init__(self, limit: int = 1 << 30) -> None:
        self.left: dict[int, Any] = {}
        self.device: dict[int, int] = {}
        self.limit, self.total, self.elsewhere = limit, 1 << 33, 0

    def take(self, size: int, device: bool) -> int:
        block = (ctypes.c_uint8 * size)()
        address = ctypes.addressof(block)
        self.left[address] = block
        if device:
            self.device[address] = size
        return address

    def drop(self, address: int) -> bool:
        self.device.pop(address, None)
        return self.left.pop(address, None) is not None

    def inside(self, address: int, size: int) -> bool:
        return any(a <= address and address + size <= a + len(b) for a, b in self.left.items())

    def free(self) -> int:
        return self.total - self.elsewhere - sum(self.device.values())


class Stream:
    """The one stream. `graphs` and `executables` are those that nobody destroyed."""

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        self.pending: list[Work] = []
        self.recorded: list[Work] | None = None
        self.broken = False
        self.graphs: dict[int, list[Work]] = {}
        self.executables: dict[int, list[Work]] = {}
        self.made = 1000
        self.captures = self.launches = self.waits = 0

    @property
    def recording(self) -> bool:
        return self.recorded is not None

    def begin(self, work: Work) -> None:
        (self.pending if self.recorded is None else self.recorded).append(work)

    def copy(self, target: int, source: int, size: int) -> None:
        def work() -> None:
            assert all(self.blocks.inside(address, size) for address in (target, source))
            ctypes.memmove(target, source, size)

        self.begin(work)

    def synchronize(self) -> int:
        """Do what was begun; a capture forbids it, and is lost by it."""
        if self.recorded is not None:
            self.broken = True
            return UNSUPPORTED
        self.waits += 1
        while self.pending:
            self.pending.pop(0)()
        return 0

    def begin_capture(self) -> int:
        if self.recorded is not None:
            return INVALID
        self.recorded, self.broken = [], False
        return 0

    def end_capture(self) -> tuple[int, int | None]:
        work, self.recorded = self.recorded, None
        if work is None:
            return INVALID, None
        if self.broken:
            return INVALIDATED, None
        self.captures += 1
        return 0, self._keep(self.graphs, work)

    def instantiate(self, graph: int, flags: int) -> tuple[int, int | None]:
        assert flags == 0
        if graph not in self.graphs:
            return INVALID, None
        return 0, self._keep(self.executables, self.graphs[graph])

    def launch(self, executable: int) -> int:
        if executable not in self.executables or self.recording:
            return INVALID
        self.launches += 1
        self.pending += self.executables[executable]
        return 0

    def nothing_left(self) -> bool:
        return not (self.recording or self.graphs or self.executables)

    def _keep(self, where: dict[int, list[Work]], work: list[Work]) -> int:
        self.made += 1
        where[self.made] = work
        return self.made
