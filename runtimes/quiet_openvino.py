"""OpenVINO without its telemetry.

`import openvino` reports itself to a server and writes a client's number into the user's home,
through the package openvino_telemetry. Where that package is not installed it does neither, so it
is hidden during the import. A program that imported openvino before decided for itself.
"""

import importlib
import sys
from types import ModuleType

_TELEMETRY = "openvino_telemetry"


def import_openvino() -> ModuleType:
    """Import openvino, sending and writing nothing; `ImportError` where it cannot be loaded."""
    if "openvino" in sys.modules or _TELEMETRY in sys.modules:
        return importlib.import_module("openvino")
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # None: as if not installed
    try:
        return importlib.import_module("openvino")
    finally:
        del sys.modules[_TELEMETRY]
