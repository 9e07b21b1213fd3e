"""EdgeMEF: multi-exposure image fusion from training to the camera.

`import edge_mef` loads neither torch nor onnx; what is named here is imported on first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

from edge_mef.version import __version__

if TYPE_CHECKING:
    from edge_mef.bundle import Bundle, load_bundle
    from edge_mef.errors import EdgeMefError
    from edge_mef.fuser import Fuser, fuse

__all__ = ["Bundle", "EdgeMefError", "Fuser", "__version__", "fuse", "load_bundle"]

_HOMES = {
    "Bundle": "edge_mef.bundle",
    "EdgeMefError": "edge_mef.errors",
    "Fuser": "edge_mef.fuser",
    "fuse": "edge_mef.fuser",
    "load_bundle": "edge_mef.bundle",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'edge_mef' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
