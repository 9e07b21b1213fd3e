"""The memory and the streams of a GPU that is not there: what is begun runs when it is waited for.

So frames that are read too early are wrong, and work on memory that is gone fails.
"""

import ctypes
import threading
from collections.abc import Callable
from typing import Any

LEGACY = 1  # the handle of the default stream
INVALID, UNSUPPORTED, INVALIDATED = 1, 900, 901  # as the CUDA runtime numbers them
ALIGNMENT = 256
MAPPED = 1 << 60  # what host memory is moved by where the device sees it
Work = Callable[[], None]


class Blocks:
    """Memory that is handed out; `left` is what nobody freed, `elsewhere` what others hold."""

    def __init__(self, limit: int = 1 << 30) -> None:
        self.left: dict[int, Any] = {}
        self.device: dict[int, int] = {}
        self.host: dict[int, int] = {}
        self.limit, self.total, self.elsewhere = limit, 1 << 33, 0
        self.pinned_limit = self.total_limit = 1 << 30

    def fits(self, size: int) -> bool:
        """Say whether there is so much on the device."""
        return size <= self.limit and sum(self.device.values()) + size <= self.total_limit

    def take(self, size: int, device: bool) -> int:
        block = (ctypes.c_uint8 * (size + ALIGNMENT))()
        address = -(-ctypes.addressof(block) // ALIGNMENT) * ALIGNMENT
        self.left[address] = block
        (self.device if device else self.host)[address] = size
        return address

    def drop(self, address: int, device: bool) -> bool:
        known = (self.device if device else self.host).pop(address, None)
        return self.left.pop(address, None) is not None and known is not None

    def inside(self, address: int, size: int) -> bool:
        """Say whether the host may look at it."""
        return _within(self.host, address, size)

    def on_device(self, address: int, size: int) -> int:
        """Return where memory lies that the device may look at; 0 where that is none."""
        if address >= MAPPED:
            real = address - MAPPED
            return real if _within(self.host, real, size) else 0
        return address if _within(self.device, address, size) else 0

    def free(self) -> int:
        return self.total - self.elsewhere - sum(self.device.values())


def _within(blocks: dict[int, int], address: int, size: int) -> bool:
    return any(a <= address and address + size <= a + b for a, b in list(blocks.items()))


class Stream:
    """One queue. It is run by whoever waits for it."""

    def __init__(self, gpu: "Gpu", handle: int) -> None:
        self.gpu, self.handle = gpu, handle
        self.pending: list[Work] = []
        self.recorded: list[Work] | None = None
        self.recorder = 0
        self.broken = False
        self.begun = self.done = 0
        self._lock = threading.RLock()

    @property
    def recording(self) -> bool:
        return self.recorded is not None

    def begin(self, work: Work) -> None:
        if self.recorded is not None:
            self.recorded.append(work)
        else:
            self.begin_all([work])

    def begin_all(self, works: list[Work]) -> None:
        with self._lock:
            self.pending += works
            self.begun += len(works)

    def run_until(self, count: int) -> None:
        with self._lock:
            while self.done < count and self.pending:
                self.done += 1
                self.pending.pop(0)()

    def synchronize(self) -> int:
        """Do what was begun; a capture forbids it, and is lost by it."""
        if self.recorded is not None:
            self.broken = True
            return UNSUPPORTED
        self.gpu.waits += 1
        self.run_until(self.begun)
        return 0

    def begin_capture(self) -> int:
        if self.recorded is not None:
            return INVALID
        self.recorded, self.broken, self.recorder = [], False, threading.get_ident()
        return 0

    def end_capture(self) -> tuple[int, int | None]:
        work, self.recorded = self.recorded, None
        if work is None:
            return INVALID, None
        if self.broken:
            return INVALIDATED, None
        self.gpu.captures += 1
        return 0, self.gpu.keep(self.gpu.graphs, work)

    def launch(self, executable: int) -> int:
        if executable not in self.gpu.executables or self.recording:
            return INVALID
        self.gpu.launches += 1
        self.begin_all(self.gpu.executables[executable])
        return 0


class Gpu:
    """All streams. `graphs` and `executables` are those that nobody destroyed."""

    def __init__(self, blocks: Blocks, *, integrated: bool = False) -> None:
        self.blocks, self.integrated = blocks, integrated
        self.streams: dict[int, Stream] = {LEGACY: Stream(self, LEGACY)}
        self.events: dict[int, tuple[Stream, int] | None] = {}
        self.graphs: dict[int, list[Work]] = {}
        self.executables: dict[int, list[Work]] = {}
        self.made = 1000
        self.captures = self.launches = self.waits = 0

    def open_stream(self) -> Stream:
        self.made += 1
        self.streams[self.made] = Stream(self, self.made)
        return self.streams[self.made]

    def unsafe(self) -> bool:
        """Say whether this thread is capturing, which a call then breaks."""
        mine = [s for s in self.streams.values() if s.recorder == threading.get_ident()]
        broken = [stream for stream in mine if stream.recording]
        for stream in broken:
            stream.broken = True
        return bool(broken)

    def synchronize(self) -> int:
        """Wait for all streams, which this thread must not be capturing."""
        if self.unsafe():
            return UNSUPPORTED
        for stream in list(self.streams.values()):
            stream.run_until(stream.begun)
        return 0

    def record(self, event: int, handle: int) -> int:
        stream = self.streams.get(handle)
        if stream is None or event not in self.events:
            return INVALID
        self.events[event] = stream, stream.begun
        return 0

    def wait(self, handle: int, event: int) -> int:
        found = self.events.get(event)
        if found is None or handle not in self.streams:
            return INVALID
        self.streams[handle].begin(lambda: found[0].run_until(found[1]))
        return 0

    def instantiate(self, graph: int, flags: int) -> tuple[int, int | None]:
        assert flags == 0
        if graph not in self.graphs:
            return INVALID, None
        return 0, self.keep(self.executables, self.graphs[graph])

    def copy(self, handle: int, target: int, source: int, size: int, kind: str) -> int:
        """Begin a copy; `kind` says which sides are the host's."""
        if handle not in self.streams:
            return INVALID

        def work() -> None:
            on_device = self.blocks.on_device
            at = target if kind == "out" else on_device(target, size)
            of = source if kind == "in" else on_device(source, size)
            assert at, "the target is not on the device"
            assert of, "the source is not on the device"
            hosts = [address for address, side in ((at, "out"), (of, "in")) if kind == side]
            assert all(self.blocks.inside(address, size) for address in hosts), "not pinned"
            ctypes.memmove(at, of, size)

        self.streams[handle].begin(work)
        return 0

    def nothing_left(self) -> bool:
        capturing = any(stream.recording for stream in self.streams.values())
        return not (capturing or self.graphs or self.executables)

    def keep(self, where: dict[int, list[Work]], work: list[Work]) -> int:
        self.made += 1
        where[self.made] = work
        return self.made
