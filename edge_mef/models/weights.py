"""Weight files: reading, writing and their digest, without torch."""

import hashlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from edge_mef.errors import InputError
from edge_mef.models import ffmef_names
from edge_mef.models.table import NetworkSpec
from edge_mef.saving import write_atomically

Tensors = dict[str, NDArray[np.float32]]
WEIGHTS_FOLDER = Path(__file__).resolve().parent.parent / "weights"


def read_weights(path: str | PathLike[str]) -> Tensors:
    """Read a .safetensors file; the authors' parameter names become ours.

    Raises:
        InputError: no such file, not a weight file, or a value that is not finite.
    """
    tensors = _read(Path(path))
    for name, value in tensors.items():
        if not np.isfinite(value).all():
            raise InputError(f"{path}: {name!r} holds values that are not finite numbers")
    return ffmef_names.translate(tensors) if ffmef_names.is_published(tensors) else tensors


def read_metadata(path: str | PathLike[str]) -> dict[str, str]:
    """Read the strings that were saved beside the tensors (settings, command, metrics)."""
    try:
        with safe_open(str(path), "np") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is not a readable weight file: {error}") from error


def write_weights(
    path: str | PathLike[str], tensors: Mapping[str, NDArray[np.float32]], metadata: dict[str, str]
) -> None:
    """Write tensors and strings to a .safetensors file, whole or not at all."""
    ordered = {name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)}
    write_atomically(Path(path), save(ordered, metadata=metadata))


def weights_digest(tensors: Mapping[str, NDArray[np.float32]]) -> str:
    """SHA-256 over names, shapes and values; the same for every file with these weights."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = np.ascontiguousarray(tensors[name], dtype="<f4")
        digest.update(f"{name}:{value.shape};".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def shipped_weights(file: str) -> Path:
    """Return the path of one of our own weight files; they lie inside the package."""
    return WEIGHTS_FOLDER / file


def own_widths(spec: NetworkSpec) -> tuple[int, ...]:
    """Return the numbers of channels for which the package holds weights of a network."""
    before, after = spec.weights.split("{channels}")
    names = (path.name for path in WEIGHTS_FOLDER.glob("*.safetensors"))
    widths = (name.removeprefix(before).removesuffix(after) for name in names)
    return tuple(sorted(int(width) for width in widths if width.isdigit()))


def _read(path: Path) -> Tensors:
    if not path.is_file():
        raise InputError(f"there is no weight file {path}")
    try:
        with safe_open(str(path), "np") as file:
            return {name: np.asarray(file.get_tensor(name), np.float32) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(f"{path} is not a .safetensors weight file: {error}") from error
