"""TensorRT, loaded only behind a CUDA device, its version, and its logger."""

import functools
import importlib
import re
from typing import Any

from edge_mef.errors import MissingError
from edge_mef.runtimes.cuda import cuda_device_count

INSTALL = "pip install 'edge-mef[trt]', or on a Jetson JetPack's own tensorrt"


def load_tensorrt() -> Any:
    """Import TensorRT.

    Raises:
        MissingError: there is no CUDA device, no TensorRT, or one that is too old.
    """
    if not cuda_device_count():
        raise MissingError(
            "TensorRT needs a CUDA device, and the driver reports none here: run it on the device, "
            "or choose another runtime"
        )
    try:
        trt = importlib.import_module("tensorrt")
    except ImportError as error:
        raise MissingError(f"TensorRT cannot be loaded ({error}): {INSTALL}") from error
    if tensorrt_version(trt) < (8, 6):
        raise MissingError(f"expected TensorRT 8.6 or newer, found {trt.__version__}: {INSTALL}")
    return trt


def tensorrt_version(trt: Any) -> tuple[int, int]:
    """Return (major, minor)."""
    found = re.match(r"(\d+)\.(\d+)", trt.__version__)
    return (int(found[1]), int(found[2])) if found else (0, 0)


@functools.cache
def logger_of(trt: Any) -> Any:
    """Return the logger, of which TensorRT takes one for a process; `errors` lists what failed."""

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)  # the bindings do not follow super()
            self.errors: list[str] = []

        def log(self, severity: Any, msg: str) -> None:
            # The enumeration of the bindings has no order.
            if severity in (trt.ILogger.INTERNAL_ERROR, trt.ILogger.ERROR):
                self.errors.append(msg)

    return Logger()


def first_error(logger: Any) -> str:
    """Return the first error that was logged, in one line without its place in the source."""
    if not logger.errors:
        return "it gives no reason"
    return re.sub(r"^(\[[^\]]*\]\s*)+", "", " ".join(logger.errors[0].split())).rstrip(". ")
