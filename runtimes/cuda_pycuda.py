"""CUDA by pycuda, whose calls raise, and whose context is made current by pushing it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from edge_mef.errors import BundleError
from edge_mef.runtimes.cuda_memory import (
    Bytes,
    CudaDevice,
    CudaStream,
    Pinned,
    no_graphs,
    out_of_memory,
)


class PyCudaStream(CudaStream):
    """A stream of pycuda, which has no graphs."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._stream: Any = _guarded(driver, driver.Stream)
        self.handle = int(self._stream.handle)

    def copy_in(self, address: int, source: Bytes) -> None:
        """Begin to copy pinned memory to the device."""
        _guarded(self._driver, self._driver.memcpy_htod_async, address, source, self._stream)

    def copy_out(self, target: Bytes, address: int) -> None:
        """Begin to copy from the device to pinned memory."""
        _guarded(self._driver, self._driver.memcpy_dtoh_async, target, address, self._stream)

    def copy(self, target: int, source: int, size: int) -> None:
        """Begin to copy on the device."""
        _guarded(self._driver, self._driver.memcpy_dtod_async, target, source, size, self._stream)

    def wait_for(self, handle: int) -> None:
        """Wait for the whole device: pycuda cannot name a stream of somebody else."""
        _guarded(self._driver, self._driver.Context.synchronize)

    def synchronize(self) -> None:
        """Wait until all that was begun is done."""
        _guarded(self._driver, self._stream.synchronize)

    def capture(self, work: Callable[[], None]) -> Any:
        """Refuse."""
        raise no_graphs(PyCudaDevice.name)

    def launch(self, graph: Any) -> None:
        """Refuse."""
        raise no_graphs(PyCudaDevice.name)

    def destroy(self, graph: Any) -> None:
        """Refuse."""
        raise no_graphs(PyCudaDevice.name)

    def close(self) -> None:
        """Give the stream back: pycuda does so with its last reference."""
        self._stream = None


class PyCudaDevice(CudaDevice):
    """The first device, in its primary context."""

    name = "pycuda"
    graphs = False

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        driver.init()
        device = driver.Device(0)
        # Not pycuda.autoinit: its own context breaks others in the process, and threads.
        self._context: Any = device.retain_primary_context()
        self._blocks: dict[int, tuple[Any, int]] = {}
        self.integrated = bool(device.get_attribute(driver.device_attribute.INTEGRATED))

    @contextmanager
    def active(self) -> Iterator[None]:
        """Push the primary context, and pop it afterwards."""
        self._context.push()
        try:
            yield
        finally:
            self._driver.Context.pop()

    def open_stream(self) -> CudaStream:
        """Return a new stream."""
        return PyCudaStream(self._driver)

    def allocate(self, size: int) -> int:
        """Return the address of memory on the device."""
        block = _guarded(self._driver, self._driver.mem_alloc, size)
        self._blocks[int(block)] = block, size
        return int(block)

    def free(self, address: int) -> None:
        """Free memory on the device."""
        block, _ = self._blocks.pop(address)
        _guarded(self._driver, block.free)

    def pin(self, size: int) -> Pinned:
        """Return pinned host memory."""
        flags = self._driver.host_alloc_flags.DEVICEMAP if self.integrated else 0
        array: Bytes = _guarded(
            self._driver, self._driver.pagelocked_empty, size, np.uint8, mem_flags=flags
        )
        allocation: Any = array.base
        mapped = int(allocation.get_device_pointer()) if self.integrated else None
        return Pinned(int(array.ctypes.data), size, mapped, array, allocation)

    def unpin(self, pinned: Pinned) -> None:
        """Free pinned host memory."""
        _guarded(self._driver, pinned.token.free)

    @property
    def allocated(self) -> int:
        """Bytes on the device that were not freed yet."""
        return sum(size for _, size in list(self._blocks.values()))

    def free_bytes(self) -> int:
        """Return how much memory of the device nobody uses."""
        return int(_guarded(self._driver, self._driver.mem_get_info)[0])

    def close(self) -> None:
        """Release the primary context."""
        context, self._context = self._context, None
        if context is not None:
            context.detach()


def _guarded(driver: Any, function: Any, *arguments: Any, **named: Any) -> Any:
    try:
        return function(*arguments, **named)
    except driver.MemoryError as error:
        pinning = function == getattr(driver, "pagelocked_empty", None)
        where = "this machine for copies to the GPU" if pinning else "the GPU"
        raise out_of_memory(where) from error
    except driver.Error as error:
        raise BundleError(f"CUDA failed: {error}: restart the program") from error
