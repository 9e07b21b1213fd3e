"""Stand-ins for the CUDA driver, cuda-python and pycuda; their device memory is the host's."""

import ctypes
import enum
import types
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from typing import Any

import numpy as np

STREAM = 77


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


class Blocks:
    """Memory that is handed out; `left` is what nobody freed."""

    def __init__(self, limit: int = 1 << 30) -> None:
        self.left: dict[int, Any] = {}
        self.limit = limit

    def take(self, size: int) -> int:
        block = (ctypes.c_uint8 * size)()
        address = ctypes.addressof(block)
        self.left[address] = block
        return address

    def inside(self, address: int, size: int) -> bool:
        return any(a <= address and address + size <= a + len(b) for a, b in self.left.items())


class Error(enum.IntEnum):
    SUCCESS = 0
    OUT_OF_MEMORY = 2
    INVALID = 1


def cuda_python(blocks: Blocks) -> types.ModuleType:
    """cuda.bindings.runtime: every call returns the error and then its results."""
    module = types.ModuleType("cuda.bindings.runtime")
    module.__spec__ = ModuleSpec("cuda.bindings.runtime", None)
    pinned = set[int]()

    def allocate(size: int) -> tuple[Error, int]:
        if size > blocks.limit:
            return Error.OUT_OF_MEMORY, 0
        return Error.SUCCESS, blocks.take(size)

    def allocate_host(size: int, flags: int) -> tuple[Error, int]:
        assert flags == 0
        error, address = allocate(size)
        pinned.add(address)
        return error, address

    def free(address: int) -> tuple[Error]:
        return (Error.SUCCESS if blocks.left.pop(address, None) is not None else Error.INVALID,)

    def copy(target: int, source: int, size: int, kind: str, stream: int) -> tuple[Error]:
        assert stream == STREAM
        assert all(blocks.inside(address, size) for address in (target, source))
        assert (source if kind == "in" else target) in pinned, "only pinned memory is copied"
        ctypes.memmove(target, source, size)
        return (Error.SUCCESS,)

    calls: dict[str, Any] = {
        "cudaSetDevice": lambda _: (Error.SUCCESS,),
        "cudaStreamCreate": lambda: (Error.SUCCESS, STREAM),
        "cudaStreamDestroy": lambda _: (Error.SUCCESS,),
        "cudaStreamSynchronize": lambda _: (Error.SUCCESS,),
        "cudaMalloc": allocate,
        "cudaHostAlloc": allocate_host,
        "cudaFree": free,
        "cudaFreeHost": free,
        "cudaMemcpyAsync": copy,
        "cudaGetErrorString": lambda _: (Error.SUCCESS, b"invalid argument"),
        "cudaMemcpyKind": types.SimpleNamespace(
            cudaMemcpyHostToDevice="in", cudaMemcpyDeviceToHost="out"
        ),
    }
    for name, call in calls.items():
        setattr(module, name, call)
    return module


class PyCuda(types.ModuleType):
    """pycuda.driver: calls raise, and need the context of their thread."""

    class Error(Exception):
        pass

    class MemoryError(Error):
        pass

    def __init__(self, blocks: Blocks) -> None:
        super().__init__("pycuda.driver")
        self.__spec__ = ModuleSpec("pycuda.driver", None)
        self.blocks, self.current, self.detached = blocks, 0, False
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
        return types.SimpleNamespace(handle=STREAM, synchronize=self._need)

    def mem_alloc(self, size: int) -> Any:
        self._need()
        if size > self.blocks.limit:
            raise self.MemoryError("out of memory")
        return _Allocation(self.blocks, size)

    def pagelocked_empty(self, size: int, dtype: Any) -> Any:
        self._need()
        return np.empty(size, dtype)

    def memcpy_htod_async(self, address: int, source: Any, stream: Any) -> None:
        self._need()
        assert self.blocks.inside(address, source.nbytes)
        ctypes.memmove(address, source.ctypes.data, source.nbytes)

    def memcpy_dtoh_async(self, target: Any, address: int, stream: Any) -> None:
        self._need()
        assert self.blocks.inside(address, target.nbytes)
        ctypes.memmove(target.ctypes.data, address, target.nbytes)


class _Allocation:
    def __init__(self, blocks: Blocks, size: int) -> None:
        self.blocks, self.address = blocks, blocks.take(size)

    def __int__(self) -> int:
        return self.address

    def free(self) -> None:
        del self.blocks.left[self.address]


@contextmanager
def no_device(monkeypatch: Any) -> Iterator[None]:
    """Take the driver away for a while."""
    with monkeypatch.context() as patched:
        patched.setattr(ctypes, "CDLL", _missing)
        yield


def _missing(name: str, *_: Any) -> Any:
    raise OSError(f"{name}: no such file")
