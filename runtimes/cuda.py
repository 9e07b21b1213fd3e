"""Whether there is a CUDA device, asked of the driver alone.

TensorRT must not be touched before: without a device its runtime takes the process down.
"""

import ctypes
import platform


def cuda_device_count() -> int:
    """Return how many CUDA devices the driver reports; 0 where there is no driver."""
    name = "nvcuda.dll" if platform.system() == "Windows" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value
