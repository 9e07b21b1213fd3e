"""The networks, as one typed table; importing it loads no torch.

`create_model` is in `edge_mef.models.create`, offered here and imported on first use.
"""

from typing import TYPE_CHECKING, Any

from edge_mef.models.table import NETWORKS, NetworkSpec, find_network

if TYPE_CHECKING:
    from edge_mef.models.create import create_model

__all__ = ["NETWORKS", "NetworkSpec", "create_model", "find_network"]


def __getattr__(name: str) -> Any:
    if name == "create_model":
        from edge_mef.models.create import create_model

        return create_model
    raise AttributeError(f"module 'edge_mef.models' has no attribute {name!r}")
