"""Golden frames: exposures and the fused frame that the pipeline gave when it was exported.

They travel in the bundle, so that a device without torch can check its runtime.
"""

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.contract import FusionContract
from edge_mef.errors import BundleError
from edge_mef.render.brackets import random_bracket

GOLDEN_FILE = "golden.npz"
_RENDERED = (121, 163)
_SEED = 20

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Golden:
    """Exposures, darkest first, and the fused frame; all (H, W, 3) uint8 RGB."""

    exposures: tuple[Frame, ...]
    fused: Frame


def golden_exposures(contract: FusionContract, seed: int = _SEED) -> tuple[Frame, ...]:
    """Render the exposures of a golden scene in the contract's size and number."""
    height, width = _RENDERED
    bracket = random_bracket(seed, height=height, width=width, frames=contract.exposures)
    if contract.height is None or contract.width is None:
        size = tuple(side - side % contract.multiple for side in (width, height))
    else:
        size = (contract.width, contract.height)
    return tuple(
        np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        for frame in bracket.exposures
    )


def encode_golden(golden: Golden) -> bytes:
    """Return the file's bytes."""
    buffer = io.BytesIO()
    arrays = {f"exposure_{i}": frame for i, frame in enumerate(golden.exposures)}
    np.savez_compressed(buffer, fused=golden.fused, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def read_golden(folder: Path, contract: FusionContract) -> Golden:
    """Read a bundle's golden frames; `BundleError` where they are missing or unreadable."""
    path = folder / GOLDEN_FILE
    try:
        with np.load(path, allow_pickle=False) as arrays:
            exposures = tuple(np.asarray(arrays[name], np.uint8) for name in contract.inputs)
            return Golden(exposures, np.asarray(arrays["fused"], np.uint8))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise BundleError(f"{path} does not hold this bundle's golden frames: {error}") from error
