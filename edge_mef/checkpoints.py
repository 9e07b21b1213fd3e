"""Training checkpoints: written whole, read without running code from the file."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from edge_mef.errors import InputError
from edge_mef.saving import write_atomically

_NAME = "checkpoint.pt"
_KEYS = {"settings", "network", "optimizer", "epoch", "best_epoch", "best_score"}


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the training's checkpoint, or None where it has not finished an epoch."""
    path = folder / _NAME
    return path if path.is_file() else None


def write_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Replace the training's checkpoint; `OutputError` where that fails, the old one then stays."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(folder / _NAME, buffer.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint to the CPU; `InputError` where it is damaged."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError) as error:
        raise InputError(f"{path} is not a readable checkpoint: {error}") from error
    if not isinstance(state, dict) or not state.keys() >= _KEYS:
        raise InputError(f"{path} is not a checkpoint of a training: choose another folder")
    return state
