"""CUDA devices, as the driver reports them."""

import ctypes
from collections.abc import Callable
from typing import Any

import pytest

from edge_mef.runtimes.cuda import cuda_device_count


class Driver:
    """A CUDA driver with two devices."""

    def __init__(self, status: int) -> None:
        self.status = status

    def cuInit(self, _: int) -> int:  # noqa: N802
        return self.status

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        ctypes.cast(count, ctypes.POINTER(ctypes.c_int))[0] = 2
        return 0


@pytest.mark.parametrize(
    ("load", "count"), [(lambda _: Driver(0), 2), (lambda _: Driver(100), 0), (None, 0)]
)
def test_cuda_devices(
    monkeypatch: pytest.MonkeyPatch, load: Callable[[str], Driver] | None, count: int
) -> None:
    def missing(name: str) -> Driver:
        raise OSError(f"{name}: no such file")

    monkeypatch.setattr(ctypes, "CDLL", load or missing)
    assert cuda_device_count() == count
