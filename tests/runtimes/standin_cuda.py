"""Stand-ins for the CUDA driver, cuda-python and pycuda; their device memory is the host's."""

import ctypes
import enum
import types
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from typing import Any

import numpy as np

from tests.runtimes.standin_stream import INVALID, INVALIDATED, STREAM, UNSUPPORTED, Stream


class Driver:
    """libcuda with one device of 8.7."""

    def __init__(self, gpu: str = "Orin", version: int = 12060) -> None:
        self.gpu, self.version = gpu, version

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


def _put(pointer: Any, value: int) -> int:
    ctypes.cast(pointer, ctypes.POINTER(ctypes.c_int))[0] = value
    return 0


class Error(enum.IntEnum):
    SUCCESS = 0
    OUT_OF_MEMORY = 2
    INVALID = INVALID
    UNSUPPORTED = UNSUPPORTED
    INVALIDATED = INVALIDATED


def cuda_python(stream: Stream) -> types.ModuleType:
    """cuda.bindings.runtime: every call returns the error and then its results."""
    module = types.ModuleType("cuda.bindings.runtime")
    module.__spec__ = ModuleSpec("cuda.bindings.runtime", None)
    calls = _memory_calls(stream) | _stream_calls(stream) | _graph_calls(stream)
    calls["cudaSetDevice"] = lambda _: (Error.SUCCESS,)
    calls["cudaGetErrorString"] = lambda error: (Error.SUCCESS, error.name.lower().encode())
    for name, call in calls.items():
        setattr(module, name, call)
    return module


def _memory_calls(stream: Stream) -> dict[str, Any]:
    blocks, pinned = stream.blocks, set[int]()

    def allocate(size: int, device: bool = True) -> tuple[Error, int]:
        if stream.recording:
            stream.broken = True
            return Error.UNSUPPORTED, 0
        if size > blocks.limit:
            return Error.OUT_OF_MEMORY, 0
        return Error.SUCCESS, blocks.take(size, device)

    def allocate_host(size: int, flags: int) -> tuple[Error, int]:
        assert flags == 0
        error, address = allocate(size, device=False)
        pinned.add(address)
        return error, address

    def free(address: int) -> tuple[Error]:
        waited = stream.synchronize()
        return (Error(waited) if waited or blocks.drop(address) else Error.INVALID,)

    def copy(target: int, source: int, size: int, kind: str, handle: int) -> tuple[Error]:
        assert handle == STREAM
        assert (source if kind == "in" else target) in pinned, "only pinned memory is copied"
        stream.copy(target, source, size)
        return (Error.SUCCESS,)

    return {
        "cudaMalloc": allocate,
        "cudaHostAlloc": allocate_host,
        "cudaFree": free,
        "cudaFreeHost": free,
        "cudaMemcpyAsync": copy,
        "cudaMemGetInfo": lambda: (Error.SUCCESS, blocks.free(), blocks.total),
        "cudaMemcpyKind": types.SimpleNamespace(
            cudaMemcpyHostToDevice="in", cudaMemcpyDeviceToHost="out"
        ),
    }


def _stream_calls(stream: Stream) -> dict[str, Any]:
    def destroy(handle: int) -> tuple[Error]:
        assert stream.nothing_left(), "a capture or a graph was left behind"
        return (Error.SUCCESS if handle == STREAM else Error.INVALID,)

    return {
        "cudaStreamCreate": lambda: (Error.SUCCESS, STREAM),
        "cudaStreamDestroy": destroy,
        "cudaStreamSynchronize": lambda _: (Error(stream.synchronize()),),
    }


def _graph_calls(stream: Stream) -> dict[str, Any]:
    """The calls for graphs; arguments and results are those of cuda-python 12 and 13."""

    def begin(handle: int, mode: str) -> tuple[Error]:
        assert (handle, mode) == (STREAM, "thread")
        return (Error(stream.begin_capture()),)

    def end(handle: int) -> tuple[Error, int | None]:
        assert handle == STREAM
        error, graph = stream.end_capture()
        return Error(error), graph

    def instantiate(graph: int, flags: int) -> tuple[Error, int | None]:
        error, executable = stream.instantiate(graph, flags)
        return Error(error), executable

    def launch(executable: int, handle: int) -> tuple[Error]:
        assert handle == STREAM
        return (Error(stream.launch(executable)),)

    def destroy(where: dict[int, Any], graph: int) -> tuple[Error]:
        return (Error.SUCCESS if where.pop(graph, None) is not None else Error.INVALID,)

    return {
        "cudaStreamBeginCapture": begin,
        "cudaStreamEndCapture": end,
        "cudaGraphInstantiate": instantiate,
        "cudaGraphLaunch": launch,
        "cudaGraphDestroy": lambda graph: destroy(stream.graphs, graph),
        "cudaGraphExecDestroy": lambda graph: destroy(stream.executables, graph),
        "cudaStreamCaptureMode": types.SimpleNamespace(
            cudaStreamCaptureModeGlobal="all", cudaStreamCaptureModeThreadLocal="thread"
        ),
    }


class PyCuda(types.ModuleType):
    """pycuda.driver: calls raise, and need the context of their thread."""

    class Error(Exception):
        pass

    class MemoryError(Error):
        pass

    def __init__(self, stream: Stream) -> None:
        super().__init__("pycuda.driver")
        self.__spec__ = ModuleSpec("pycuda.driver", None)
        self.stream, self.current, self.detached = stream, 0, False
        self.Context = types.SimpleNamespace(pop=lambda: self._step(-1))

    def _step(self, by: int) -> None:
        self.current += by
        assert self.current >= 0

    def _need(self) -> None:
        if not self.current:
            raise self.Error("no context is current")

    def init(self) -> None: ...

    def Device(self, index: int) -> Any:  # noqa: N802
        context = types.SimpleNamespace(push=lambda: self._step(1), detach=self._detach)
        return types.SimpleNamespace(retain_primary_context=lambda: context)

    def _detach(self) -> None:
        self.detached = True

    def Stream(self) -> Any:  # noqa: N802
        self._need()
        return types.SimpleNamespace(handle=STREAM, synchronize=self._synchronize)

    def _synchronize(self) -> None:
        self._need()
        assert self.stream.synchronize() == 0

    def mem_get_info(self) -> tuple[int, int]:
        self._need()
        return self.stream.blocks.free(), self.stream.blocks.total

    def mem_alloc(self, size: int) -> Any:
        self._need()
        if size > self.stream.blocks.limit:
            raise self.MemoryError("out of memory")
        return _Allocation(self.stream, size)

    def pagelocked_empty(self, size: int, dtype: Any) -> Any:
        self._need()
        return np.empty(size, dtype)

    def memcpy_htod_async(self, address: int, source: Any, stream: Any) -> None:
        self._need()
        self._copy(address, source.ctypes.data, source)

    def memcpy_dtoh_async(self, target: Any, address: int, stream: Any) -> None:
        self._need()
        self._copy(target.ctypes.data, address, target)

    def _copy(self, target: int, source: int, pinned: Any) -> None:
        device = source if target == pinned.ctypes.data else target

        def work() -> None:
            assert self.stream.blocks.inside(device, pinned.nbytes)
            ctypes.memmove(target, source, pinned.nbytes)

        self.stream.begin(work)


class _Allocation:
    def __init__(self, stream: Stream, size: int) -> None:
        self.stream, self.address = stream, stream.blocks.take(size, device=True)

    def __int__(self) -> int:
        return self.address

    def free(self) -> None:
        assert self.stream.synchronize() == 0
        assert self.stream.blocks.drop(self.address)


@contextmanager
def no_device(monkeypatch: Any) -> Iterator[None]:
    """Take the driver away for a while."""
    with monkeypatch.context() as patched:
        patched.setattr(ctypes, "CDLL", _missing)
        yield


def _missing(name: str, *_: Any) -> Any:
    raise OSError(f"{name}: no such file")
