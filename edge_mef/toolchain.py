"""Which versions made or run an artefact."""

import platform
from importlib import metadata

from edge_mef.version import __version__

PACKAGES = (
    "numpy",
    "onnxruntime",
    "openvino",
    "opencv-python-headless",
    "pillow",
    "torch",
    "onnx",
    "onnxscript",
    "onnxsim",
    "tensorrt",
    "coremltools",
)


def installed_version(package: str) -> str | None:
    """Return a package's version, or None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def toolchain_versions() -> dict[str, str]:
    """Return the versions of EdgeMEF, Python and every package that is installed here."""
    found = {name: version for name in PACKAGES if (version := installed_version(name))}
    return {"edge-mef": __version__, "python": platform.python_version(), **found}
