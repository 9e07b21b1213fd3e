"""Memory that is lent to users: arrays on pinned host memory, and blocks on the device.

It lives as long as anything that looks at it, also after the runtime was closed. Whoever drops the
last reference may be anywhere, even in the middle of a capture that freeing would break. So what
comes back is put down, and freed when the runtime is next at work; after it was closed, at once.
"""

import contextlib
import ctypes
import math
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_mef.errors import BundleError, EdgeMefError
from edge_mef.runtimes.cuda_memory import CudaDevice, Pinned

Frame = NDArray[np.uint8]


class LentBlock:
    """Memory on the device; it is freed some time after its last reference is gone."""

    def __init__(self, address: int, size: int) -> None:
        self.address, self.size = address, size


@dataclass(frozen=True)
class Place:
    """Where an array lies in lent memory; `device` is its address on the device, where mapped."""

    device: int | None


class LentMemory:
    """What is lent of one device, which is closed with the last of it. Any thread may use it."""

    def __init__(self, device: CudaDevice) -> None:
        self._device = device
        self._pinned: dict[int, Pinned] = {}
        self._blocks: set[int] = set()
        self._returned: deque[Pinned | int] = deque()
        # Freeing may run anything that Python has to clean up, and come back here.
        self._lock = threading.RLock()
        self._closed = False

    def host_array(self, shape: tuple[int, ...]) -> Frame:
        """Return pinned memory as an array.

        Raises:
            BundleError: the runtime was closed.
            FrameTooLargeError: there is not so much.
        """
        size = math.prod(shape)
        if not size:
            return np.empty(shape, np.uint8)
        with self._opened():
            pinned = self._device.pin(size)
            self._pinned[pinned.address] = pinned
        owner = (ctypes.c_uint8 * size).from_address(pinned.address)
        weakref.finalize(owner, self._take_back, pinned).atexit = False
        return np.ctypeslib.as_array(owner).reshape(shape)

    def block(self, size: int) -> LentBlock:
        """Return memory on the device; raises as `host_array`."""
        with self._opened():
            block = LentBlock(self._device.allocate(size), size)
            self._blocks.add(block.address)
        weakref.finalize(block, self._take_back, block.address).atexit = False
        return block

    def find(self, array: Frame) -> Place | None:
        """Return where a contiguous array lies, or None where that is no lent memory."""
        if not array.flags.c_contiguous:
            return None
        address = int(array.__array_interface__["data"][0])
        for pinned in list(self._pinned.values()):
            offset = address - pinned.address
            if offset >= 0 and offset + array.nbytes <= pinned.size:
                return Place(None if pinned.device is None else pinned.device + offset)
        return None

    def collect(self) -> None:
        """Free what came back; the device must be active, and nothing be captured."""
        if not self._returned:
            return
        with self._lock:  # until it is freed: to `_finish`, nothing returned means nothing left
            while True:
                try:
                    memory = self._returned.popleft()
                except IndexError:
                    return
                self._free(memory)

    def close(self) -> None:
        """Lend no more, and close the device as soon as everything came back."""
        with self._lock:
            self._closed = True
            self._finish()

    def _take_back(self, memory: Pinned | int) -> None:
        if isinstance(memory, Pinned):
            self._pinned.pop(memory.address, None)  # no array lies there any more
        self._returned.append(memory)
        if self._closed:
            with contextlib.suppress(EdgeMefError), self._lock:
                self._finish()

    def _finish(self) -> None:
        if self._returned:
            with self._device.active():
                self.collect()
        if not self._pinned and not self._blocks and not self._returned:
            self._device.close()

    def _free(self, memory: Pinned | int) -> None:
        if isinstance(memory, Pinned):
            self._device.unpin(memory)
        else:
            self._blocks.discard(memory)
            self._device.free(memory)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise BundleError("this runtime was closed: open the bundle again")
            with self._device.active():
                self.collect()
                yield
