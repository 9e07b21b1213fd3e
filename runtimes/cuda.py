"""Whether there is a CUDA device, and what it is, asked of the driver alone.

TensorRT must not be touched before: without a device its runtime takes the process down.
"""

import ctypes
import platform
from typing import Any

_COMPUTE_MAJOR, _COMPUTE_MINOR = 75, 76  # attributes of a device, as cuda.h numbers them
_MEMORY_TYPE, _ORDINAL = 2, 9  # attributes of a pointer
_HOST = 1  # a kind of memory
_LONGEST_NAME = 256


def cuda_device_count() -> int:
    """Return how many CUDA devices the driver reports; 0 where there is no driver."""
    driver = _driver()
    count = ctypes.c_int(0)
    if driver is None or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def cuda_device_facts() -> dict[str, str]:
    """Return name and compute capability of the first device, and the driver's CUDA version.

    Empty where there is no device.
    """
    driver = _driver() if cuda_device_count() else None
    if driver is None:
        return {}
    device, version = ctypes.c_int(0), ctypes.c_int(0)
    name = ctypes.create_string_buffer(_LONGEST_NAME)
    driver.cuDeviceGet(ctypes.byref(device), 0)
    driver.cuDeviceGetName(name, _LONGEST_NAME, device)
    driver.cuDriverGetVersion(ctypes.byref(version))
    capability = [ctypes.c_int(0), ctypes.c_int(0)]
    for value, attribute in zip(capability, (_COMPUTE_MAJOR, _COMPUTE_MINOR), strict=True):
        driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
    return {
        "GPU": name.value.decode(errors="replace"),
        "compute capability": f"{capability[0].value}.{capability[1].value}",
        "CUDA": f"{version.value // 1000}.{version.value % 1000 // 10}",
    }


def cuda_device_of(address: int) -> int | None:
    """Return on which device memory lies; None where that is on none."""
    driver = _driver()
    kind, index = ctypes.c_int(0), ctypes.c_int(0)
    for value, attribute in ((kind, _MEMORY_TYPE), (index, _ORDINAL)):
        pointer = ctypes.c_uint64(address)
        if driver is None or driver.cuPointerGetAttribute(ctypes.byref(value), attribute, pointer):
            return None
    return None if kind.value == _HOST else index.value


def _driver() -> Any:
    """Return the driver's library, initialized, or None."""
    name = "nvcuda.dll" if platform.system() == "Windows" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return None
    return driver if driver.cuInit(0) == 0 else None
