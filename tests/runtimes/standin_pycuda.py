"""A stand-in for pycuda's driver: calls raise, and need a context that this thread has pushed."""

import threading
import types
from importlib.machinery import ModuleSpec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.runtimes.standin_stream import MAPPED, Gpu


class PyCuda(types.ModuleType):
    """pycuda.driver; `stacks` holds what every thread has pushed."""

    class Error(Exception):
        pass

    class MemoryError(Error):
        pass

    def __init__(self, gpu: Gpu) -> None:
        super().__init__("pycuda.driver")
        self.__spec__ = ModuleSpec("pycuda.driver", None)
        self.gpu, self.detached = gpu, False
        self.mine: set[int] = set()  # memory that nobody freed
        self.stacks: dict[int, list[str]] = {}
        self.Context = types.SimpleNamespace(pop=self._pop, synchronize=self._wait_for_all)
        self.device_attribute = types.SimpleNamespace(INTEGRATED="integrated")
        self.host_alloc_flags = types.SimpleNamespace(DEVICEMAP=2)

    def modules(self) -> list[types.ModuleType]:
        return [self]

    @property
    def stack(self) -> list[str]:
        return self.stacks.setdefault(threading.get_ident(), [])

    def _pop(self) -> None:
        self.stack.pop()

    def need(self) -> None:
        if self.stack[-1:] != ["primary"] or self.detached:
            raise self.Error("the context is not current")

    def init(self) -> None: ...

    def Device(self, index: int) -> Any:  # noqa: N802
        assert index == 0

        def push() -> None:
            assert not self.detached, "the context is gone"
            self.stack.append("primary")

        context = types.SimpleNamespace(push=push, detach=self._detach)
        return types.SimpleNamespace(
            retain_primary_context=lambda: context,
            get_attribute=lambda name: {"integrated": int(self.gpu.integrated)}[name],
        )

    def _detach(self) -> None:
        assert not self.detached, "released twice"
        assert not self.mine, "memory is lost with its context"
        self.detached = True

    def Stream(self) -> "_Stream":  # noqa: N802
        self.need()
        return _Stream(self)

    def _wait_for_all(self) -> None:
        self.need()
        assert self.gpu.synchronize() == 0

    def mem_get_info(self) -> tuple[int, int]:
        self.need()
        return self.gpu.blocks.free(), self.gpu.blocks.total

    def mem_alloc(self, size: int) -> Any:
        self.need()
        if not self.gpu.blocks.fits(size):
            raise self.MemoryError("out of memory")
        return _Allocation(self, size, device=True)

    def pagelocked_empty(self, size: int, dtype: Any, mem_flags: int = 0) -> Any:
        self.need()
        assert mem_flags == (2 if self.gpu.integrated else 0)
        if size > self.gpu.blocks.pinned_limit:
            raise self.MemoryError("out of memory")
        array: NDArray[np.uint8] = np.asarray(_HostAllocation(self, size, device=False))
        assert isinstance(array.base, _HostAllocation)
        return array

    def memcpy_htod_async(self, address: int, source: Any, stream: "_Stream") -> None:
        self._copy(stream, address, source.ctypes.data, source.nbytes, "in")

    def memcpy_dtoh_async(self, target: Any, address: int, stream: "_Stream") -> None:
        self._copy(stream, target.ctypes.data, address, target.nbytes, "out")

    def memcpy_dtod_async(self, target: int, source: int, size: int, stream: "_Stream") -> None:
        self._copy(stream, target, source, size, "inside")

    def _copy(self, stream: "_Stream", target: int, source: int, size: int, kind: str) -> None:
        self.need()
        assert self.gpu.copy(stream.handle, target, source, size, kind) == 0


class _Stream:
    def __init__(self, driver: PyCuda) -> None:
        self.driver, self.handle = driver, driver.gpu.open_stream().handle

    def synchronize(self) -> None:
        self.driver.need()
        assert self.driver.gpu.streams[self.handle].synchronize() == 0

    def __del__(self) -> None:
        self.driver.gpu.streams.pop(self.handle, None)


class _Allocation:
    def __init__(self, driver: PyCuda, size: int, device: bool) -> None:
        self.driver, self.size, self.device = driver, size, device
        self.address = driver.gpu.blocks.take(size, device)
        driver.mine.add(self.address)

    def __int__(self) -> int:
        return self.address

    def free(self) -> None:
        self.driver.need()
        assert self.driver.gpu.synchronize() == 0
        assert self.driver.gpu.blocks.drop(self.address, self.device), "freed twice"
        self.driver.mine.remove(self.address)


class _HostAllocation(_Allocation):
    def get_device_pointer(self) -> int:
        assert self.driver.gpu.integrated
        return self.address + MAPPED

    @property
    def __array_interface__(self) -> dict[str, Any]:
        where = self.address, False
        return {"shape": (self.size,), "typestr": "|u1", "data": where, "version": 3}
