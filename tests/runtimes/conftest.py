"""Devices made of stand-ins, for the tests of everything that runs on CUDA."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.runtimes.trt_device import Device


@pytest.fixture
def cuda_kind() -> tuple[str, bool]:
    """The package for CUDA, and whether the GPU is integrated; tests of several have their own."""
    return "cuda-python", False


@pytest.fixture
def device(
    cuda_kind: tuple[str, bool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> "Device":
    from tests.runtimes.trt_device import make_device

    memory, integrated = cuda_kind
    return make_device(monkeypatch, tmp_path / "cache", memory=memory, integrated=integrated)
