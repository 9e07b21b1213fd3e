"""The little of CUDA that moving frames takes, by cuda-python or pycuda, whichever is there.

Both share the process's primary context with torch and others, and leave the thread's own device or
context as it was. Everything but `active` is to be called inside of `active`.
"""

import importlib
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mef.errors import FrameTooLargeError, MissingError

Bytes = NDArray[np.uint8]
LEGACY_STREAM = 1  # the handle of the default stream, in CUDA as in `__cuda_array_interface__`


@dataclass(frozen=True)
class Pinned:
    """Host memory that the device copies from and to directly.

    `device` is its address on the device, where it is mapped: only on integrated GPUs, whose memory
    is that of the host. `token` is what the package frees it by.
    """

    address: int
    size: int
    device: int | None
    array: Bytes = field(repr=False, compare=False)
    token: Any = field(repr=False, compare=False)


class CudaStream(ABC):
    """A queue of work on the device; one thread uses it at a time."""

    handle: int

    @abstractmethod
    def copy_in(self, address: int, source: Bytes) -> None:
        """Begin to copy pinned memory to the device."""

    @abstractmethod
    def copy_out(self, target: Bytes, address: int) -> None:
        """Begin to copy from the device to pinned memory."""

    @abstractmethod
    def copy(self, target: int, source: int, size: int) -> None:
        """Begin to copy on the device."""

    @abstractmethod
    def wait_for(self, handle: int) -> None:
        """Let what is begun from now on wait for what another stream holds now."""

    @abstractmethod
    def synchronize(self) -> None:
        """Wait until all that was begun is done."""

    @abstractmethod
    def capture(self, work: Callable[[], None]) -> Any:
        """Return what `work` begins on the stream as a graph, without running it.

        Raises:
            BundleError: something that it begins cannot be captured.
            MissingError: the package at hand has no graphs.
        """

    @abstractmethod
    def launch(self, graph: Any) -> None:
        """Begin what was captured."""

    @abstractmethod
    def destroy(self, graph: Any) -> None:
        """Forget a graph; before the memory that it works on is freed."""

    @abstractmethod
    def close(self) -> None:
        """Give the stream back; calling it again does nothing."""


class CudaDevice(ABC):
    """The first device."""

    name: str
    graphs: bool  # whether work can be captured
    integrated: bool  # whether it shares its memory with the CPU, as in a Jetson

    @abstractmethod
    def active(self) -> AbstractContextManager[None]:
        """Make the device's primary context that of this thread, inside of the block."""

    @abstractmethod
    def open_stream(self) -> CudaStream:
        """Return a new stream."""

    @abstractmethod
    def allocate(self, size: int) -> int:
        """Return the address of `size` bytes on the device, a multiple of 256."""

    @abstractmethod
    def free(self, address: int) -> None:
        """Free what `allocate` returned."""

    @abstractmethod
    def pin(self, size: int) -> Pinned:
        """Return `size` bytes of pinned host memory, mapped where the device is integrated."""

    @abstractmethod
    def unpin(self, pinned: Pinned) -> None:
        """Free what `pin` returned."""

    @property
    @abstractmethod
    def allocated(self) -> int:
        """Bytes on the device that were not freed yet."""

    @abstractmethod
    def free_bytes(self) -> int:
        """Return how much memory of the device nobody uses."""

    @abstractmethod
    def close(self) -> None:
        """Give the context back, after all memory and streams; calling it again does nothing."""


def open_cuda() -> CudaDevice:
    """Return the first device by cuda-python, or else by pycuda.

    Raises:
        MissingError: neither is installed.
    """
    for runtime, driver in (
        ("cuda.bindings.runtime", "cuda.bindings.driver"),
        ("cuda.cudart", "cuda.cuda"),  # their older names
    ):
        if _is_there(runtime):
            from edge_mef.runtimes.cuda_bindings import BindingsDevice

            return BindingsDevice(importlib.import_module(runtime), importlib.import_module(driver))
    if _is_there("pycuda.driver"):
        from edge_mef.runtimes.cuda_pycuda import PyCudaDevice

        return PyCudaDevice(importlib.import_module("pycuda.driver"))
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


def out_of_memory(where: str = "the GPU") -> FrameTooLargeError:
    """Return the error for memory that is not there."""
    return FrameTooLargeError(f"the memory of {where} is not enough: use smaller frames")


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # its parent is missing
        return False
