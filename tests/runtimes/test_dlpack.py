"""DLPack's structures against numpy and torch, which read and write them too."""

import ctypes
import gc
import sys
from typing import Any

import numpy as np
import pytest

from edge_mef.errors import InputError
from edge_mef.runtimes import dlpack


class Giver:
    """An array in the memory of the host, given by our side."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array

    def __dlpack__(self, **_: Any) -> Any:
        shape = self.array.shape
        return dlpack.give(self.array.ctypes.data, shape, (dlpack.CPU, 0), self.array)

    def __dlpack_device__(self) -> tuple[int, int]:
        return dlpack.CPU, 0


@pytest.fixture
def pixels() -> np.ndarray[Any, Any]:
    return np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


def test_numpy_takes_ours(pixels: np.ndarray[Any, Any]) -> None:
    before = sys.getrefcount(pixels)
    taken = np.from_dlpack(Giver(pixels))
    assert np.array_equal(taken, pixels)
    assert np.shares_memory(taken, pixels)
    assert len(dlpack._GIVEN) == 1
    assert sys.getrefcount(pixels) > before
    del taken
    gc.collect()
    assert not dlpack._GIVEN
    assert sys.getrefcount(pixels) == before


def test_torch_takes_ours(pixels: np.ndarray[Any, Any]) -> None:
    torch = pytest.importorskip("torch")
    taken = torch.utils.dlpack.from_dlpack(Giver(pixels))
    taken[0, 0, 0] = 200
    assert pixels[0, 0, 0] == 200
    assert tuple(taken.shape) == (4, 5, 3)
    del taken
    assert not dlpack._GIVEN


def test_a_capsule_that_nobody_takes(pixels: np.ndarray[Any, Any]) -> None:
    capsule = Giver(pixels).__dlpack__()
    assert len(dlpack._GIVEN) == 1
    del capsule
    assert not dlpack._GIVEN


def test_we_take_those_of_numpy(pixels: np.ndarray[Any, Any]) -> None:
    part = pixels[1:]
    before = sys.getrefcount(part)
    taken = dlpack.take(part.__dlpack__())
    assert taken.address == part.ctypes.data
    assert (taken.shape, taken.is_uint8) == ((3, 5, 3), True)
    assert taken.device == (dlpack.CPU, 0)
    assert taken.strides in ((15, 3, 1), None)
    taken.give_back()
    assert sys.getrefcount(part) == before
    assert dlpack.take(pixels[:, ::2].__dlpack__()).strides == (15, 6, 1)
    assert not dlpack.take(pixels.astype(np.int8).__dlpack__()).is_uint8


def test_we_take_those_of_torch() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.arange(60, dtype=torch.uint8).reshape(4, 5, 3)[2:]
    taken = dlpack.take(tensor.__dlpack__())
    found = (ctypes.c_uint8 * 30).from_address(taken.address)
    assert list(found) == list(range(30, 60))
    assert taken.shape == (2, 5, 3)
    taken.give_back()


def test_a_capsule_is_taken_once(pixels: np.ndarray[Any, Any]) -> None:
    capsule = pixels.__dlpack__()
    dlpack.take(capsule).give_back()
    for nonsense in (capsule, 7):
        with pytest.raises(InputError, match="expected a DLPack capsule that nobody has taken yet"):
            dlpack.take(nonsense)


def test_ours_come_back_to_us(pixels: np.ndarray[Any, Any]) -> None:
    taken = dlpack.take(Giver(pixels).__dlpack__())
    assert (taken.address, taken.shape) == (pixels.ctypes.data, (4, 5, 3))
    assert len(dlpack._GIVEN) == 1
    taken.give_back()
    assert not dlpack._GIVEN


def test_tensors_that_begin_further_on(pixels: np.ndarray[Any, Any]) -> None:
    capsule = Giver(pixels).__dlpack__()
    (given,) = dlpack._GIVEN.values()
    given[0].dl_tensor.byte_offset = 15
    taken = dlpack.take(capsule)
    assert taken.address == pixels[1:].ctypes.data
    taken.give_back()
