"""Device memory, pinned memory, copies and graphs, by cuda-python or pycuda, what is there.

Only what moving frames takes. Both share the process's primary context with torch and others.
"""

import ctypes
import importlib
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mef.errors import BundleError, FrameTooLargeError, MissingError

Bytes = NDArray[np.uint8]
_OUT_OF_MEMORY = 2  # as the CUDA runtime numbers its errors
_TO_DEVICE, _TO_HOST = 1, 2


class CudaMemory(ABC):
    """Memory and one stream on the first device; everything is freed by `close`."""

    name: str
    stream: int
    graphs = False  # whether work can be captured
    allocated = 0  # bytes on the device that were not freed yet

    @abstractmethod
    def allocate(self, size: int) -> int:
        """Return the address of `size` bytes on the device."""

    @abstractmethod
    def pinned(self, size: int) -> Bytes:
        """Return `size` bytes of host memory that the device copies from and to directly."""

    @abstractmethod
    def copy_in(self, address: int, source: Bytes) -> None:
        """Begin to copy pinned memory to the device."""

    @abstractmethod
    def copy_out(self, target: Bytes, address: int) -> None:
        """Begin to copy from the device to pinned memory."""

    @abstractmethod
    def synchronize(self) -> None:
        """Wait until all that was begun is done."""

    def capture(self, work: Callable[[], None]) -> Any:
        """Return what `work` begins on the stream as a graph, without running it.

        Raises:
            BundleError: something that it begins cannot be captured.
            MissingError: the package at hand has no graphs.
        """
        raise no_graphs(self.name)

    def launch(self, graph: Any) -> None:
        """Begin what was captured; not after `free`, which takes graphs and memory away."""
        raise no_graphs(self.name)

    @abstractmethod
    def free_bytes(self) -> int:
        """Return how much memory of the device nobody uses."""

    @abstractmethod
    def free(self) -> None:
        """Free all graphs and all memory, but not the stream."""

    @abstractmethod
    def close(self) -> None:
        """Free everything; calling it again does nothing."""

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make the device's context that of this thread, inside of the block."""
        yield


def open_cuda_memory() -> CudaMemory:
    """Return memory by cuda-python, or else by pycuda.

    Raises:
        MissingError: neither is installed.
    """
    for name in ("cuda.bindings.runtime", "cuda.cudart"):
        if _is_there(name):
            return _Bindings(importlib.import_module(name))
    if _is_there("pycuda.driver"):
        return _PyCuda(importlib.import_module("pycuda.driver"))
    raise MissingError(
        "running TensorRT needs the Python package 'cuda-python' or 'pycuda', and neither is "
        "installed: pip install 'edge-mef[trt]' or 'edge-mef[trt-pycuda]'"
    )


def no_graphs(name: str) -> MissingError:
    """Return the error for a CUDA graph asked of a package that has none."""
    return MissingError(
        f"CUDA graphs need the Python package 'cuda-python', and only '{name}' is installed, which "
        "has none: pip install 'edge-mef[trt]', or leave the CUDA graph out"
    )


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # its parent is missing
        return False


class _Bindings(CudaMemory):
    """cuda-python: the CUDA runtime, whose calls return an error and the results."""

    name = "cuda-python"
    graphs = True

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self._device: list[int] = []
        self._host: list[int] = []
        self._graphs: list[Any] = []
        self._call("cudaSetDevice", 0)
        self._stream: Any = self._call("cudaStreamCreate")
        self.stream = int(self._stream)

    def allocate(self, size: int) -> int:
        self._device.append(int(self._call("cudaMalloc", size)))
        self.allocated += size
        return self._device[-1]

    def pinned(self, size: int) -> Bytes:
        self._host.append(int(self._call("cudaHostAlloc", size, 0)))
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(self._host[-1]))

    def copy_in(self, address: int, source: Bytes) -> None:
        self._copy(address, source.ctypes.data, source.nbytes, _TO_DEVICE)

    def copy_out(self, target: Bytes, address: int) -> None:
        self._copy(target.ctypes.data, address, target.nbytes, _TO_HOST)

    def synchronize(self) -> None:
        self._call("cudaStreamSynchronize", self._stream)

    def capture(self, work: Callable[[], None]) -> Any:
        # Only calls of this thread can break the capture, not those of other parts of the program.
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call("cudaStreamBeginCapture", self._stream, mode)
        try:
            work()
        except BaseException:
            self._end_broken_capture()
            raise
        graph = self._call("cudaStreamEndCapture", self._stream)
        try:
            self._graphs.append(self._call("cudaGraphInstantiate", graph, 0))
        finally:
            self._call("cudaGraphDestroy", graph)
        return self._graphs[-1]

    def _end_broken_capture(self) -> None:
        """An open capture would take in all that follows on the stream."""
        error, graph = self._runtime.cudaStreamEndCapture(self._stream)
        if not int(error):
            self._call("cudaGraphDestroy", graph)

    def launch(self, graph: Any) -> None:
        self._call("cudaGraphLaunch", graph, self._stream)

    def free_bytes(self) -> int:
        return int(self._call("cudaMemGetInfo"))

    def free(self) -> None:
        while self._graphs:  # they hold addresses of the memory
            self._call("cudaGraphExecDestroy", self._graphs.pop())
        while self._device:
            self._call("cudaFree", self._device.pop())
        self.allocated = 0
        while self._host:
            self._call("cudaFreeHost", self._host.pop())

    def close(self) -> None:
        self.free()
        if self._stream is not None:
            self._call("cudaStreamDestroy", self._stream)
        self._stream = None

    @contextmanager
    def active(self) -> Iterator[None]:
        # Another part of the program may have chosen another device for this thread.
        self._call("cudaSetDevice", 0)
        yield

    def _copy(self, target: int, source: int, size: int, kind: int) -> None:
        kinds = self._runtime.cudaMemcpyKind
        way = kinds.cudaMemcpyHostToDevice if kind == _TO_DEVICE else kinds.cudaMemcpyDeviceToHost
        self._call("cudaMemcpyAsync", target, source, size, way, self._stream)

    def _call(self, function: str, *arguments: Any) -> Any:
        error, *results = getattr(self._runtime, function)(*arguments)
        if int(error) == _OUT_OF_MEMORY:
            raise FrameTooLargeError("the memory of the GPU is not enough: use smaller frames")
        if int(error):
            _, text = self._runtime.cudaGetErrorString(error)
            raise BundleError(f"CUDA failed in {function}: {text.decode()}: restart the program")
        return results[0] if results else None


class _PyCuda(CudaMemory):
    """pycuda, whose calls raise; its context has to be made current in every thread."""

    name = "pycuda"

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        driver.init()
        # Not pycuda.autoinit: its own context breaks others in the process, and threads.
        self._context: Any = driver.Device(0).retain_primary_context()
        self._device: list[Any] = []
        with self.active():
            self._stream: Any = driver.Stream()
        self.stream = int(self._stream.handle)

    def allocate(self, size: int) -> int:
        self._device.append(self._guarded(self._driver.mem_alloc, size))
        self.allocated += size
        return int(self._device[-1])

    def pinned(self, size: int) -> Bytes:
        found: Bytes = self._guarded(self._driver.pagelocked_empty, size, np.uint8)
        return found

    def copy_in(self, address: int, source: Bytes) -> None:
        self._guarded(self._driver.memcpy_htod_async, address, source, self._stream)

    def copy_out(self, target: Bytes, address: int) -> None:
        self._guarded(self._driver.memcpy_dtoh_async, target, address, self._stream)

    def synchronize(self) -> None:
        self._guarded(self._stream.synchronize)

    def free_bytes(self) -> int:
        return int(self._guarded(self._driver.mem_get_info)[0])

    def free(self) -> None:
        while self._device:
            self._device.pop().free()
        self.allocated = 0

    def close(self) -> None:
        if self._context is None:
            return
        with self.active():
            self.free()
            self._stream = None
        self._context.detach()
        self._context = None

    @contextmanager
    def active(self) -> Iterator[None]:
        self._context.push()
        try:
            yield
        finally:
            self._driver.Context.pop()

    def _guarded(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except self._driver.MemoryError as error:
            raise FrameTooLargeError(
                "the memory of the GPU is not enough: use smaller frames"
            ) from error
        except self._driver.Error as error:
            raise BundleError(f"CUDA failed: {error}: restart the program") from error
