"""Bundles as other versions of EdgeMEF would write them: whole, signed, and not for this one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_mef.bundle import MANIFEST
from edge_mef.manifest import SCHEMA_VERSION
from tests.conftest import sign_manifest

Change = Callable[[dict[str, Any]], object]

OTHER_VERSIONS: dict[str, tuple[Change, str]] = {
    "newer": (
        lambda d: d.update(schema_version=SCHEMA_VERSION + 1, new={}),
        f"was written by a newer EdgeMEF (schema {SCHEMA_VERSION + 1}; this one reads up to",
    ),
    "older": (lambda d: d.update(schema_version=0), "is not valid: schema_version: "),
    "no version": (lambda d: d.pop("schema_version"), "it states no schema_version"),
    "unknown format": (
        lambda d: d["artefacts"][0].update(format="abacus"),
        "is not valid: artefacts.0.format: ",
    ),
    "unknown target beside ours": (
        lambda d: d["artefacts"].append(d["artefacts"][0] | {"format": "abacus"}),
        "is not valid: artefacts.1.format: ",
    ),
}


def rewrite(bundle: Path, change: Change) -> None:
    """Change a bundle's manifest, and sign it."""
    document = json.loads((bundle / MANIFEST).read_bytes())
    del document["manifest_sha256"]
    change(document)
    (bundle / MANIFEST).write_bytes(sign_manifest(document))
