"""DLPack, the common description of arrays in memory, by ctypes: taking arrays, and giving them.

The structures are those of dlpack.h without a version, which every library reads and writes; see
https://dmlc.github.io/dlpack/latest/python_spec.html.
"""

import ctypes
from collections.abc import Callable
from ctypes import (
    POINTER,
    Structure,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_uint8,
    c_uint16,
    c_uint64,
    c_void_p,
    pythonapi,
)
from dataclasses import dataclass
from typing import Any

from edge_mef.errors import InputError

CUDA, CPU = 2, 1  # kDLCUDA and kDLCPU
_UNSIGNED = 1  # kDLUInt
_FRESH, _USED = b"dltensor", b"used_dltensor"  # the interpreter keeps no copy of a capsule's name


class _DLDevice(Structure):
    _fields_ = (("device_type", c_int), ("device_id", c_int32))


class _DLDataType(Structure):
    _fields_ = (("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16))


class _DLTensor(Structure):
    _fields_ = (
        ("data", c_void_p),
        ("device", _DLDevice),
        ("ndim", c_int32),
        ("dtype", _DLDataType),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    )


class _DLManagedTensor(Structure):
    pass


_Deleter = ctypes.CFUNCTYPE(None, POINTER(_DLManagedTensor))
_DLManagedTensor._fields_ = (
    ("dl_tensor", _DLTensor),
    ("manager_ctx", c_void_p),
    ("deleter", _Deleter),
)
_Destructor = ctypes.CFUNCTYPE(None, c_void_p)


def _function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    return ctypes.PYFUNCTYPE(result, *arguments)((name, pythonapi))


_capsule_new = _function("PyCapsule_New", ctypes.py_object, c_void_p, c_char_p, _Destructor)
_capsule_valid = _function("PyCapsule_IsValid", c_int, ctypes.py_object, c_char_p)
_capsule_pointer = _function("PyCapsule_GetPointer", c_void_p, ctypes.py_object, c_char_p)
_capsule_rename = _function("PyCapsule_SetName", c_int, ctypes.py_object, c_char_p)
# A capsule that is being taken down must not be counted as referenced again.
_dying_valid = _function("PyCapsule_IsValid", c_int, c_void_p, c_char_p)
_dying_pointer = _function("PyCapsule_GetPointer", c_void_p, c_void_p, c_char_p)


@dataclass(frozen=True)
class TakenTensor:
    """What a capsule told; `strides` are in elements, None for rows one after another."""

    address: int
    device: tuple[int, int]
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None
    is_uint8: bool
    give_back: Callable[[], None]  # to be called once, when the memory is not looked at any more


def take(capsule: Any) -> TakenTensor:
    """Take over the tensor of a capsule, as `from_dlpack` does.

    Raises:
        InputError: it is no capsule with a tensor, or was taken before.
    """
    if not _capsule_valid(capsule, _FRESH):
        raise InputError(
            "expected a DLPack capsule that nobody has taken yet, found something else: pass the "
            "array itself"
        )
    address = _capsule_pointer(capsule, _FRESH)
    managed = ctypes.cast(address, POINTER(_DLManagedTensor))
    tensor = managed.contents.dl_tensor
    sides = range(tensor.ndim)
    taken = TakenTensor(
        address=(tensor.data or 0) + tensor.byte_offset,
        device=(tensor.device.device_type, tensor.device.device_id),
        shape=tuple(tensor.shape[i] for i in sides),
        strides=tuple(tensor.strides[i] for i in sides) if tensor.strides else None,
        is_uint8=(tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes) == (_UNSIGNED, 8, 1),
        give_back=lambda: managed.contents.deleter(managed) if managed.contents.deleter else None,
    )
    _capsule_rename(capsule, _USED)
    return taken


# What capsules and their takers look at, by the address of the structure, until it is deleted.
_GIVEN: dict[int, tuple[Any, ...]] = {}


def give(address: int, shape: tuple[int, ...], device: tuple[int, int], owner: object) -> Any:
    """Return a capsule with a uint8 tensor; `owner` lives until its taker gives it back."""
    sides = (c_int64 * len(shape))(*shape)
    managed = _DLManagedTensor()
    managed.dl_tensor = _DLTensor(
        c_void_p(address),
        _DLDevice(*device),
        len(shape),
        _DLDataType(_UNSIGNED, 8, 1),
        ctypes.cast(sides, POINTER(c_int64)),
        None,
        0,
    )
    managed.deleter = _DELETE
    place = ctypes.addressof(managed)
    _GIVEN[place] = managed, sides, owner
    return _capsule_new(place, _FRESH, _DESTROY)


def _delete(managed: Any) -> None:
    _GIVEN.pop(ctypes.addressof(managed.contents), None)


def _end_of_capsule(capsule: int) -> None:
    """Delete what nobody took; what was taken is its taker's to delete."""
    if _dying_valid(capsule, _FRESH):
        _GIVEN.pop(_dying_pointer(capsule, _FRESH), None)


# Other libraries call these, so they live as long as the program.
_DELETE, _DESTROY = _Deleter(_delete), _Destructor(_end_of_capsule)
