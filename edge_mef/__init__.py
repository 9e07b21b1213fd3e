"""EdgeMEF: multi-exposure image fusion from training to the camera."""

from edge_mef.version import __version__

__all__ = ["__version__"]
