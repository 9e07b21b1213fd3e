"""Frames in the memory of a GPU: other libraries' arrays, and those that are given to them."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from edge_mef.errors import InputError
from edge_mef.runtimes import dlpack
from edge_mef.runtimes.cuda import cuda_device_of
from edge_mef.runtimes.cuda_memory import LEGACY_STREAM
from edge_mef.runtimes.lent_memory import LentBlock

DEVICE = 0  # the first one
_WITH_STREAMS = 3  # from this version on, `__cuda_array_interface__` says what to wait for


class _CudaArray(Protocol):
    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...


class _DlpackArray(Protocol):
    def __dlpack__(self, *, stream: Any = None) -> Any: ...

    def __dlpack_device__(self) -> tuple[Any, int]: ...


DeviceArray = _CudaArray | _DlpackArray


@dataclass(frozen=True)
class DeviceView:
    """A frame (H, W, 3) uint8 on the device; `after` is a stream that is to be waited for."""

    address: int
    shape: tuple[int, ...]
    after: int | None = None
    read_only: bool = False


class DeviceFrame:
    """A fused frame (H, W, 3) uint8 RGB in the memory of the first CUDA device, ready to be read.

    torch.from_dlpack, cupy.asarray and others take it without a copy. Its memory is freed when the
    frame and everything made of it are gone, also after the runtime was closed.
    """

    def __init__(self, block: LentBlock, shape: tuple[int, int, int]) -> None:
        self._block, self.shape = block, shape

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": "|u1",
            "data": (self._block.address, False),
            "strides": None,
            "stream": None,  # all work on it is done
            "version": _WITH_STREAMS,
        }

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[Any, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """Return a capsule; as all work is done, no `stream` has to wait for it.

        Raises:
            BufferError: a copy is asked for, or another device.
        """
        if copy or (dl_device is not None and (int(dl_device[0]), dl_device[1]) != self._where):
            raise BufferError("a DeviceFrame is given without a copy, and on its own device only")
        return dlpack.give(self._block.address, self.shape, self._where, self)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._where

    @property
    def _where(self) -> tuple[int, int]:
        return dlpack.CUDA, DEVICE

    def view(self) -> DeviceView:
        """Return where it lies."""
        return DeviceView(self._block.address, self.shape)


@contextlib.contextmanager
def borrowed(array: DeviceArray, stream: int) -> Iterator[DeviceView]:
    """Look at another library's array inside of the block, on the stream with this handle.

    Where an array offers both protocols, DLPack is taken: it lets its library order the streams.

    Raises:
        InputError: it is no contiguous (H, W, 3) uint8 array on the first device.
    """
    if _dlpack_kind(array) == dlpack.CUDA:
        taken = _taken(array, stream)
        try:
            yield _view_of_tensor(taken)
        finally:
            taken.give_back()
    else:
        yield _view_of_interface(array)


def _dlpack_kind(array: Any) -> int | None:
    told = getattr(array, "__dlpack_device__", None)
    if told is None or not hasattr(array, "__dlpack__"):
        return None
    kind, index = told()
    if int(kind) == dlpack.CUDA and index != DEVICE:
        raise _elsewhere(index)
    return int(kind)


def _taken(array: Any, stream: int) -> dlpack.TakenTensor:
    try:
        capsule = array.__dlpack__(stream=stream)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"an array of {_kind(array)} gives no DLPack capsule: {error}") from error
    return dlpack.take(capsule)


def _view_of_tensor(tensor: dlpack.TakenTensor) -> DeviceView:
    if tensor.device != (dlpack.CUDA, DEVICE):
        raise _elsewhere(tensor.device[1])
    _check(tensor.shape, tensor.strides, "uint8" if tensor.is_uint8 else "something else")
    return DeviceView(tensor.address, tensor.shape)


def _view_of_interface(array: Any) -> DeviceView:
    told = getattr(array, "__cuda_array_interface__", None)
    if not isinstance(told, dict):
        raise InputError(
            "expected an array in the memory of the GPU, with __dlpack__ or "
            f"__cuda_array_interface__, found {_kind(array)}: fuse frames of the host with fuse"
        )
    shape, (address, read_only) = tuple(told["shape"]), told["data"]
    if told.get("mask") is not None:
        raise InputError("expected an array without a mask, found one with it: fill it first")
    typestr = str(told["typestr"])
    _check(shape, told.get("strides"), "uint8" if typestr[1:] == "u1" else typestr)
    index = cuda_device_of(address)
    if index != DEVICE:
        raise _elsewhere(index)
    return DeviceView(address, shape, _stream_of(told), bool(read_only))


def _stream_of(told: dict[str, Any]) -> int | None:
    """Return what is to be waited for; old versions do not tell, which means the default stream."""
    if int(told.get("version", 0)) < _WITH_STREAMS:
        return LEGACY_STREAM
    stream = told.get("stream")
    if stream == 0:
        raise InputError(
            "expected the handle of a stream, found 0, which says too little: 1 is the default "
            "stream, 2 that of the thread"
        )
    return None if stream is None else int(stream)


def _check(shape: tuple[int, ...], strides: Sequence[int] | None, dtype: str) -> None:
    """Raise `InputError` unless it is a frame whose pixels lie one after another.

    Strides count uint8, so bytes and elements are the same; along a side of 1 they mean nothing.
    """
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or dtype != "uint8":
        raise InputError(f"expected (H, W, 3) uint8 arrays, found {shape} of {dtype}: convert them")
    dense = (shape[1] * 3, 3, 1)
    found = dense if strides is None else tuple(strides)
    if any(side > 1 and a != b for side, a, b in zip(shape, found, dense, strict=True)):
        raise InputError(
            f"expected arrays whose pixels lie one after another, found the strides {found}: make "
            "them contiguous"
        )


def _elsewhere(index: int | None) -> InputError:
    found = "one on no device" if index is None else f"one on device {index}"
    return InputError(f"expected an array on CUDA device {DEVICE}, found {found}: move it there")


def _kind(array: Any) -> str:
    kind = type(array)
    return f"{kind.__module__}.{kind.__qualname__}"
