"""A Core ML model as the files of a package, the same bytes for the same model."""

import hashlib
import json
import shutil
import uuid
from pathlib import Path
from typing import Any

from edge_mef.errors import GateError
from edge_mef.runtimes.mil_package import quiet_coremltools

MODEL = "Data/com.apple.CoreML/model.mlmodel"
WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"
MANIFEST = "Manifest.json"


def package_files(model: Any, folder: Path) -> dict[str, bytes]:
    """Return the three files of a coremltools MLModel's package by their names inside.

    Args:
        model: the model; it is of no use afterwards.
        folder: a place to save it to; nothing is left there.

    Raises:
        GateError: the model keeps its weights elsewhere.
    """
    saved = folder.with_name("saved.mlpackage")
    try:
        with quiet_coremltools():
            model.save(str(saved))
    finally:
        shutil.rmtree(model.package_path, ignore_errors=True)  # else it is there until the end
    # Of what else is saved (how operators map to those of torch) nothing is for users.
    if not (saved / WEIGHTS).is_file():
        raise GateError(f"expected the weights in {WEIGHTS}, and they are not there")
    program = model.get_spec().SerializeToString(deterministic=True)
    weights = (saved / WEIGHTS).read_bytes()
    return {MANIFEST: _manifest(program, weights), MODEL: program, WEIGHTS: weights}


def _manifest(program: bytes, weights: bytes) -> bytes:
    """The package's own list of its files; its identifiers follow from what is in them."""
    model_id, weights_id = _identifier(program), _identifier(weights)
    entries = {
        model_id: _item("model.mlmodel", "CoreML Model Specification", "model.mlmodel"),
        weights_id: _item("weights", "CoreML Model Weights", "weights"),
    }
    document = {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": entries,
        "rootModelIdentifier": model_id,
    }
    return (json.dumps(document, indent=4, sort_keys=True) + "\n").encode()


def _item(name: str, description: str, path: str) -> dict[str, str]:
    return {
        "author": "com.apple.CoreML",
        "description": description,
        "name": name,
        "path": f"com.apple.CoreML/{path}",
    }


def _identifier(data: bytes) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(data).digest()[:16], version=4))
