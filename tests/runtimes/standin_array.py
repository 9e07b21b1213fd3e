"""Another library's arrays on the GPU that is not there; their pixels come late, on a stream."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from edge_mef.exposures import Frame
from edge_mef.runtimes import dlpack
from tests.runtimes.standin_stream import Gpu, Stream


class GpuArray:
    """(H, W, 3) uint8 on the device. It fills itself as work of `stream`, with which it is slow.

    `offset` is where in its memory it begins.
    """

    def __init__(self, gpu: Gpu, frame: Frame, stream: Stream, offset: int = 0) -> None:
        self.gpu, self.shape, self.stream = gpu, frame.shape, stream
        self.block = gpu.blocks.take(frame.nbytes + offset, device=True)
        self.address = self.block + offset
        self.asked: list[Any] = []  # what __dlpack__ was called with
        filled = np.ascontiguousarray(frame)
        size = frame.nbytes

        def fill() -> None:
            ctypes.memmove(self.address, filled.ctypes.data, size)

        stream.begin(fill)

    def pixels(self) -> Frame:
        """Return what is there now."""
        return read(self.gpu, self.address, self.shape)

    def free(self) -> None:
        assert self.gpu.blocks.drop(self.block, device=True)


def read(gpu: Gpu, address: int, shape: tuple[int, ...]) -> Frame:
    size = int(np.prod(shape))
    assert gpu.blocks.on_device(address, size) == address
    found = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))
    return found.reshape(shape).copy()


class DlpackArray(GpuArray):
    """With DLPack, as torch has it: it lets the taker's stream wait for its own."""

    device = (dlpack.CUDA, 0)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, *, stream: Any = None) -> Any:
        self.asked.append(stream)
        self.gpu.made += 1
        event = self.gpu.made
        self.gpu.events[event] = None
        assert self.gpu.record(event, self.stream.handle) == 0
        assert self.gpu.wait(stream, event) == 0
        del self.gpu.events[event]
        return dlpack.give(self.address, self.shape, self.device, self)


class InterfaceArray(GpuArray):
    """With the CUDA Array Interface; `change` changes what it says."""

    change: Callable[[dict[str, Any]], None] = staticmethod(lambda _: None)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        told = {
            "shape": self.shape,
            "typestr": "|u1",
            "data": (self.address, False),
            "strides": None,
            "stream": self.stream.handle,
            "version": 3,
        }
        self.change(told)
        return told


KINDS: dict[str, type[GpuArray]] = {"dlpack": DlpackArray, "interface": InterfaceArray}
