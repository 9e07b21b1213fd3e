"""CUDA by cuda-python: the CUDA runtime, whose calls return an error and then the results."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from edge_mef.errors import BundleError
from edge_mef.runtimes.cuda_memory import Bytes, CudaDevice, CudaStream, Pinned, out_of_memory

_OUT_OF_MEMORY = 2  # as the CUDA runtime numbers its errors
_NON_BLOCKING = 1  # flags, as cuda_runtime_api.h has them
_MAPPED = 2
_NO_TIMING = 2


class _Calls:
    """The functions of the CUDA runtime, or of the driver, with their errors raised."""

    def __init__(self, module: Any, text: str) -> None:
        self.module, self._text = module, text

    def __call__(self, function: str, *arguments: Any) -> Any:
        error, *results = getattr(self.module, function)(*arguments)
        if int(error) == _OUT_OF_MEMORY:
            pinning = function == "cudaHostAlloc"
            raise out_of_memory("this machine for copies to the GPU" if pinning else "the GPU")
        if int(error):
            _, text = getattr(self.module, self._text)(error)
            raise BundleError(f"CUDA failed in {function}: {text.decode()}: restart the program")
        return results[0] if results else None


class BindingsStream(CudaStream):
    """A stream of the CUDA runtime."""

    def __init__(self, call: _Calls) -> None:
        self._call = call
        # It does not wait for the default stream, nor that for it: while work is captured here,
        # another part of the program may go on using the default stream.
        self._stream: Any = call("cudaStreamCreateWithFlags", _NON_BLOCKING)
        self._event: Any = None
        self.handle = int(self._stream)

    def copy_in(self, address: int, source: Bytes) -> None:
        """Begin to copy pinned memory to the device."""
        self._copy(address, source.ctypes.data, source.nbytes, "cudaMemcpyHostToDevice")

    def copy_out(self, target: Bytes, address: int) -> None:
        """Begin to copy from the device to pinned memory."""
        self._copy(target.ctypes.data, address, target.nbytes, "cudaMemcpyDeviceToHost")

    def copy(self, target: int, source: int, size: int) -> None:
        """Begin to copy on the device."""
        self._copy(target, source, size, "cudaMemcpyDeviceToDevice")

    def wait_for(self, handle: int) -> None:
        """Let what is begun from now on wait for what another stream holds now."""
        if self._event is None:
            self._event = self._call("cudaEventCreateWithFlags", _NO_TIMING)
        self._call("cudaEventRecord", self._event, handle)
        self._call("cudaStreamWaitEvent", self._stream, self._event, 0)

    def synchronize(self) -> None:
        """Wait until all that was begun is done."""
        self._call("cudaStreamSynchronize", self._stream)

    def capture(self, work: Callable[[], None]) -> Any:
        """Return what `work` begins as a graph."""
        # Only calls of this thread can break the capture, not those of other parts of the program.
        mode = self._call.module.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call("cudaStreamBeginCapture", self._stream, mode)
        try:
            work()
        except BaseException:
            self._end_broken_capture()
            raise
        graph = self._call("cudaStreamEndCapture", self._stream)
        try:
            return self._call("cudaGraphInstantiate", graph, 0)
        finally:
            self._call("cudaGraphDestroy", graph)

    def _end_broken_capture(self) -> None:
        """An open capture would take in all that follows on the stream."""
        error, graph = self._call.module.cudaStreamEndCapture(self._stream)
        if not int(error):
            self._call("cudaGraphDestroy", graph)

    def launch(self, graph: Any) -> None:
        """Begin what was captured."""
        self._call("cudaGraphLaunch", graph, self._stream)

    def destroy(self, graph: Any) -> None:
        """Forget a graph."""
        self._call("cudaGraphExecDestroy", graph)

    def close(self) -> None:
        """Give the stream back."""
        event, self._event = self._event, None
        if event is not None:
            self._call("cudaEventDestroy", event)
        stream, self._stream = self._stream, None
        if stream is not None:
            self._call("cudaStreamDestroy", stream)

    def _copy(self, target: int, source: int, size: int, kind: str) -> None:
        way = getattr(self._call.module.cudaMemcpyKind, kind)
        self._call("cudaMemcpyAsync", target, source, size, way, self._stream)


class BindingsDevice(CudaDevice):
    """The first device of the CUDA runtime, in its primary context."""

    name = "cuda-python"
    graphs = True

    def __init__(self, runtime: Any, driver: Any) -> None:
        self._call = _Calls(runtime, "cudaGetErrorString")
        self._driver = _Calls(driver, "cuGetErrorString")
        self._sizes: dict[int, int] = {}
        self._primary = 0  # not known yet
        with self.active():
            self._call("cudaMemGetInfo")  # makes the context where there was none
            self._primary = int(self._driver("cuCtxGetCurrent"))
            integrated = runtime.cudaDeviceAttr.cudaDevAttrIntegrated
            self.integrated = bool(self._call("cudaDeviceGetAttribute", integrated, 0))

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make the primary context current, and afterwards again what was current before."""
        before = int(self._driver("cuCtxGetCurrent"))
        if before and before == self._primary:
            yield
            return
        device = self._call("cudaGetDevice")
        self._call("cudaSetDevice", 0)
        try:
            yield
        finally:
            self._call("cudaSetDevice", device)
            if before:  # it may be another than the primary one of its device
                self._driver("cuCtxSetCurrent", before)

    def open_stream(self) -> CudaStream:
        """Return a new stream."""
        return BindingsStream(self._call)

    def allocate(self, size: int) -> int:
        """Return the address of memory on the device."""
        address = int(self._call("cudaMalloc", size))
        self._sizes[address] = size
        return address

    def free(self, address: int) -> None:
        """Free memory on the device."""
        self._sizes.pop(address, None)
        self._call("cudaFree", address)

    def pin(self, size: int) -> Pinned:
        """Return pinned host memory."""
        address = int(self._call("cudaHostAlloc", size, _MAPPED if self.integrated else 0))
        try:
            mapped = self._call("cudaHostGetDevicePointer", address, 0) if self.integrated else None
        except BaseException:
            self._call("cudaFreeHost", address)
            raise
        array = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))
        return Pinned(address, size, None if mapped is None else int(mapped), array, address)

    def unpin(self, pinned: Pinned) -> None:
        """Free pinned host memory."""
        self._call("cudaFreeHost", pinned.token)

    @property
    def allocated(self) -> int:
        """Bytes on the device that were not freed yet."""
        return sum(list(self._sizes.values()))

    def free_bytes(self) -> int:
        """Return how much memory of the device nobody uses."""
        return int(self._call("cudaMemGetInfo"))

    def close(self) -> None:
        """The CUDA runtime keeps its context until the program ends."""
