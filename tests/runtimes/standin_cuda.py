"""Stand-ins for the CUDA driver and cuda-python; their device memory is the host's."""

import ctypes
import enum
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from typing import Any

from tests.runtimes.standin_stream import INVALID, INVALIDATED, MAPPED, UNSUPPORTED, Blocks, Gpu

# How many arguments the functions take in cuda-python 12.9.10 and 13.0.3 alike.
ARGUMENTS = {
    "cudaDeviceGetAttribute": 2,
    "cudaEventCreateWithFlags": 1,
    "cudaEventDestroy": 1,
    "cudaEventRecord": 2,
    "cudaFree": 1,
    "cudaFreeHost": 1,
    "cudaGetDevice": 0,
    "cudaGetErrorString": 1,
    "cudaGraphDestroy": 1,
    "cudaGraphExecDestroy": 1,
    "cudaGraphInstantiate": 2,
    "cudaGraphLaunch": 2,
    "cudaHostAlloc": 2,
    "cudaHostGetDevicePointer": 2,
    "cudaMalloc": 1,
    "cudaMemGetInfo": 0,
    "cudaMemcpyAsync": 5,
    "cudaSetDevice": 1,
    "cudaStreamBeginCapture": 2,
    "cudaStreamCreateWithFlags": 1,
    "cudaStreamDestroy": 1,
    "cudaStreamEndCapture": 1,
    "cudaStreamSynchronize": 1,
    "cudaStreamWaitEvent": 3,
}
PRIMARY = 500  # the context of the first device; that of the second is one more
FOREIGN = 900  # a context that somebody made for the second device


class Driver:
    """libcuda with one device of 8.7."""

    def __init__(self, blocks: Blocks, gpu: str = "Orin", version: int = 12060) -> None:
        self.blocks, self.gpu, self.version = blocks, gpu, version
        self.ordinal = 0  # of the device that all memory lies on

    def cuInit(self, _: int) -> int:  # noqa: N802
        return 0

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        return _put(count, 1)

    def cuDeviceGet(self, device: Any, index: int) -> int:  # noqa: N802
        return _put(device, index)

    def cuDeviceGetName(self, name: Any, length: int, _: Any) -> int:  # noqa: N802
        assert length == len(name)
        name.value = self.gpu.encode()
        return 0

    def cuDriverGetVersion(self, version: Any) -> int:  # noqa: N802
        return _put(version, self.version)

    def cuDeviceGetAttribute(self, value: Any, attribute: int, _: Any) -> int:  # noqa: N802
        return _put(value, {75: 8, 76: 7}[attribute])

    def cuPointerGetAttribute(self, value: Any, attribute: int, pointer: Any) -> int:  # noqa: N802
        assert isinstance(pointer, ctypes.c_uint64)
        if self.blocks.inside(pointer.value, 1):
            return _put(value, {2: 1, 9: self.ordinal}[attribute])
        if not self.blocks.on_device(pointer.value, 1):
            return INVALID
        return _put(value, {2: 2, 9: self.ordinal}[attribute])


def _put(pointer: Any, value: int) -> int:
    ctypes.cast(pointer, ctypes.POINTER(ctypes.c_int))[0] = value
    return 0


class Error(enum.IntEnum):
    SUCCESS = 0
    OUT_OF_MEMORY = 2
    INVALID = INVALID
    UNSUPPORTED = UNSUPPORTED
    INVALIDATED = INVALIDATED


class _Context(threading.local):
    """What is current in a thread; 0 is none."""

    def __init__(self) -> None:
        self.handle = self.device = 0


class CudaPython:
    """cuda.bindings.runtime and .driver: every call returns the error and then its results."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu, self.context = gpu, _Context()
        self.runtime = _module("cuda.bindings.runtime")
        self.driver = _module("cuda.bindings.driver")
        calls = self._memory_calls() | self._stream_calls() | self._graph_calls()
        calls |= self._event_calls()
        calls = {n: self._needing_context(c) if callable(c) else c for n, c in calls.items()}
        for name, call in (calls | self._context_calls()).items():
            setattr(self.runtime, name, _counted(name, call) if callable(call) else call)
        self.driver.cuCtxGetCurrent = lambda: (Error.SUCCESS, self.context.handle)
        self.driver.cuCtxSetCurrent = self._set_current
        self.driver.cuGetErrorString = _text

    def modules(self) -> list[types.ModuleType]:
        return [self.runtime, self.driver]

    def _needing_context(self, call: Any) -> Any:
        def checked(*arguments: Any) -> Any:
            if not self.context.handle:  # the first call makes the device's
                self.context.handle = PRIMARY + self.context.device
            assert self.context.handle == PRIMARY, "another context is current"
            return call(*arguments)

        return checked

    def _context_calls(self) -> dict[str, Any]:
        attributes = types.SimpleNamespace(cudaDevAttrIntegrated="integrated")

        def attribute(name: str, device: int) -> tuple[Error, int]:
            assert (name, device) == ("integrated", 0)
            return Error.SUCCESS, int(self.gpu.integrated)

        return {
            "cudaSetDevice": self._set_device,
            "cudaGetDevice": lambda: (Error.SUCCESS, self.context.device),
            "cudaGetErrorString": _text,
            "cudaDeviceAttr": attributes,
            "cudaDeviceGetAttribute": attribute,
        }

    def _set_device(self, index: int) -> tuple[Error]:
        self.context.device, self.context.handle = index, PRIMARY + index
        return (Error.SUCCESS,)

    def _set_current(self, handle: int) -> tuple[Error]:
        self.context.handle = handle
        self.context.device = 1 if handle == FOREIGN else handle - PRIMARY
        return (Error.SUCCESS,)

    def _memory_calls(self) -> dict[str, Any]:
        blocks, gpu = self.gpu.blocks, self.gpu

        def allocate(size: int) -> tuple[Error, int | None]:
            if gpu.unsafe():
                return Error.UNSUPPORTED, None
            if not blocks.fits(size):
                return Error.OUT_OF_MEMORY, None
            return Error.SUCCESS, blocks.take(size, device=True)

        def allocate_host(size: int, flags: int) -> tuple[Error, int | None]:
            assert flags == (2 if gpu.integrated else 0)
            if gpu.unsafe():
                return Error.UNSUPPORTED, None
            if size > blocks.pinned_limit:
                return Error.OUT_OF_MEMORY, None
            return Error.SUCCESS, blocks.take(size, device=False)

        def pointer(address: int, flags: int) -> tuple[Error, int | None]:
            assert flags == 0
            known = gpu.integrated and address in blocks.host
            return (Error.SUCCESS, address + MAPPED) if known else (Error.INVALID, None)

        def free(address: int, device: bool) -> tuple[Error]:
            waited = gpu.synchronize()
            return (Error(waited) if waited or blocks.drop(address, device) else Error.INVALID,)

        def copy(target: int, source: int, size: int, kind: str, handle: int) -> tuple[Error]:
            return (Error(gpu.copy(handle, target, source, size, kind)),)

        kinds = types.SimpleNamespace(
            cudaMemcpyHostToDevice="in",
            cudaMemcpyDeviceToHost="out",
            cudaMemcpyDeviceToDevice="inside",
        )
        return {
            "cudaMalloc": allocate,
            "cudaHostAlloc": allocate_host,
            "cudaHostGetDevicePointer": pointer,
            "cudaFree": lambda address: free(address, device=True),
            "cudaFreeHost": lambda address: free(address, device=False),
            "cudaMemcpyAsync": copy,
            "cudaMemGetInfo": lambda: (Error.SUCCESS, blocks.free(), blocks.total),
            "cudaMemcpyKind": kinds,
        }

    def _stream_calls(self) -> dict[str, Any]:
        streams = self.gpu.streams

        def create(flags: int) -> tuple[Error, int]:
            assert flags == 1, "a stream that does not wait for the default one"
            return Error.SUCCESS, self.gpu.open_stream().handle

        def destroy(handle: int) -> tuple[Error]:
            assert not streams[handle].recording, "a capture was left behind"
            return (Error.SUCCESS if streams.pop(handle, None) else Error.INVALID,)

        return {
            "cudaStreamCreateWithFlags": create,
            "cudaStreamDestroy": destroy,
            "cudaStreamSynchronize": lambda handle: (Error(streams[handle].synchronize()),),
        }

    def _event_calls(self) -> dict[str, Any]:
        gpu = self.gpu

        def create(flags: int) -> tuple[Error, int]:
            assert flags == 2, "an event without a time"
            gpu.made += 1
            gpu.events[gpu.made] = None
            return Error.SUCCESS, gpu.made

        def wait(handle: int, event: int, flags: int) -> tuple[Error]:
            assert flags == 0
            return (Error(gpu.wait(handle, event)),)

        def destroy(event: int) -> tuple[Error]:
            known = event in gpu.events
            gpu.events.pop(event, None)
            return (Error.SUCCESS if known else Error.INVALID,)

        return {
            "cudaEventCreateWithFlags": create,
            "cudaEventRecord": lambda event, handle: (Error(gpu.record(event, handle)),),
            "cudaStreamWaitEvent": wait,
            "cudaEventDestroy": destroy,
        }

    def _graph_calls(self) -> dict[str, Any]:
        """The calls for graphs; arguments and results are those of cuda-python 12 and 13."""
        gpu = self.gpu

        def begin(handle: int, mode: str) -> tuple[Error]:
            assert mode == "thread"
            return (Error(gpu.streams[handle].begin_capture()),)

        def end(handle: int) -> tuple[Error, int | None]:
            error, graph = gpu.streams[handle].end_capture()
            return Error(error), graph

        def instantiate(graph: int, flags: int) -> tuple[Error, int | None]:
            error, executable = gpu.instantiate(graph, flags)
            return Error(error), executable

        def launch(executable: int, handle: int) -> tuple[Error]:
            return (Error(gpu.streams[handle].launch(executable)),)

        def destroy(where: dict[int, Any], graph: int) -> tuple[Error]:
            return (Error.SUCCESS if where.pop(graph, None) is not None else Error.INVALID,)

        return {
            "cudaStreamBeginCapture": begin,
            "cudaStreamEndCapture": end,
            "cudaGraphInstantiate": instantiate,
            "cudaGraphLaunch": launch,
            "cudaGraphDestroy": lambda graph: destroy(gpu.graphs, graph),
            "cudaGraphExecDestroy": lambda graph: destroy(gpu.executables, graph),
            "cudaStreamCaptureMode": types.SimpleNamespace(
                cudaStreamCaptureModeGlobal="all", cudaStreamCaptureModeThreadLocal="thread"
            ),
        }


def _counted(name: str, call: Any) -> Any:
    def counted(*arguments: Any) -> Any:
        assert len(arguments) == ARGUMENTS[name], name
        return call(*arguments)

    return counted


def _text(error: Error) -> tuple[Error, bytes]:
    return Error.SUCCESS, error.name.lower().encode()


def _module(name: str) -> Any:
    module = types.ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    return module


@contextmanager
def no_device(monkeypatch: Any) -> Iterator[None]:
    """Take the driver away for a while."""
    with monkeypatch.context() as patched:
        patched.setattr(ctypes, "CDLL", _missing)
        yield


def _missing(name: str, *_: Any) -> Any:
    raise OSError(f"{name}: no such file")
