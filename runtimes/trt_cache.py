"""Built engines and timings, kept on the device that built them.

An engine runs on one kind of device only, so it is found by a fingerprint of everything that it
depends on. Its record is written last and names its file by content: a crash or a full disk leaves
the engine that was there. While one process builds an engine, others that want the same wait.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_mef.errors import OutputError
from edge_mef.runtimes.cuda import cuda_device_facts
from edge_mef.runtimes.file_lock import file_lock
from edge_mef.runtimes.trt_builder import BuiltEngine, shares_profiles_by_flag
from edge_mef.runtimes.trt_plan import EnginePlan, encode_plan
from edge_mef.saving import PARTS, write_atomically

RECORD, LAYERS = "engine.json", "layers.json"
_TEGRA = Path("/etc/nv_tegra_release")
_DRIVER = Path("/proc/driver/nvidia/version")
Fingerprint = Mapping[str, str]


@dataclass(frozen=True)
class Found:
    """A cached engine, or why there is none."""

    data: bytes | None
    why: str


def cache_folder() -> Path:
    """Return where engines are kept: EDGE_MEF_CACHE, or .cache/edge-mef in the home folder."""
    stated = os.environ.get("EDGE_MEF_CACHE")
    return Path(stated) if stated else Path.home() / ".cache" / "edge-mef"


def fingerprint(trt: Any, model: bytes, plan: EnginePlan) -> dict[str, str]:
    """Return everything that an engine depends on: device, versions, model and plan."""
    parts = {
        **cuda_device_facts(),
        "TensorRT": str(trt.__version__),
        "driver": _read(_DRIVER, r"\b(\d{3}\.\d+(?:\.\d+)?)\b", "{}"),
        "L4T": _read(_TEGRA, r"# R(\d+).*?REVISION: ([\d.]+)", "R{}.{}"),
        "model": hashlib.sha256(model).hexdigest(),
        "plan": hashlib.sha256(encode_plan(plan)).hexdigest(),
    }
    if plan.hardware_compatible:
        parts |= {"GPU": "any", "compute capability": "8.0 or newer"}
    if shares_profiles_by_flag(trt):
        parts["profiles"] = "shared"
    if plan.version_compatible:
        parts["TensorRT"] = f"{parts['TensorRT'].partition('.')[0]}, any"
    return parts


class EngineCache:
    """The engines in a folder, each in one of its own named after its fingerprint."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder()

    def engine_folder(self, parts: Fingerprint) -> Path:
        """Return the folder of the engine with a fingerprint."""
        return self.folder / "engines" / _digest(parts)

    def timing_file(self, parts: Fingerprint) -> Path:
        """Return the file of the timings, which hold for every model on the same device."""
        device = {name: value for name, value in parts.items() if name not in ("model", "plan")}
        return self.folder / "timings" / f"{_digest(device)}.cache"

    def lock(self, parts: Fingerprint) -> AbstractContextManager[None]:
        """Return what keeps other processes from building the same engine, inside of a block."""
        return file_lock(
            self.folder / "locks" / f"{_digest(parts)}.lock",
            "another process builds this engine: waiting for it",
        )

    def find(self, parts: Fingerprint) -> Found:
        """Return the engine with a fingerprint, or why it has to be built."""
        folder = self.engine_folder(parts)
        record = _record(folder)
        if record is None:
            return Found(None, self._what_differs(parts))
        try:
            data = (folder / record["engine"]).read_bytes()
        except OSError:
            data = b""
        if hashlib.sha256(data).hexdigest() != record["sha256"]:
            return Found(None, "the cached engine is damaged (its SHA-256 differs)")
        return Found(data, "")

    def store(self, parts: Fingerprint, built: BuiltEngine) -> Path:
        """Keep an engine and what its inspector told; return its folder.

        Raises:
            OutputError: it cannot be written; an engine that was there still is.
        """
        folder = self.engine_folder(parts)
        digest = hashlib.sha256(built.data).hexdigest()
        name = f"{digest[:16]}.engine"
        record = {
            "fingerprint": dict(parts),
            "engine": name,
            "sha256": digest,
            "seconds": round(built.seconds, 1),
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make '{folder}': {error.strerror or error}") from error
        try:
            write_atomically(folder / name, built.data)
            write_atomically(folder / LAYERS, built.layers.encode())
            write_atomically(folder / RECORD, json.dumps(record, indent=2).encode())
        finally:
            self._tidy(folder)
        return folder

    def _tidy(self, folder: Path) -> None:
        """Remove the engines that the record does not name, and what a killed process left."""
        record = _record(folder)
        for path in folder.glob("*.engine"):
            if record is None or path.name != record["engine"]:
                path.unlink(missing_ok=True)
        for path in folder.glob(PARTS):
            path.unlink(missing_ok=True)

    def _what_differs(self, parts: Fingerprint) -> str:
        """Compare with the most similar engine of the same model, or of the same device."""
        engines = self.folder / "engines"
        records = [_record(path) for path in engines.glob("*")] if engines.is_dir() else []
        known = [dict(record["fingerprint"]) for record in records if record is not None]
        same = [k for k in known if k.get("model") == parts["model"]]
        if not same:
            return "this model has no engine on this device yet"
        nearest = min(same, key=lambda other: len(_differences(parts, other)))
        return f"what the cached engine was built for has changed: {_told(parts, nearest)}"


def _differences(parts: Fingerprint, other: Fingerprint) -> list[str]:
    return [name for name in {**other, **parts} if parts.get(name) != other.get(name)]


def _told(parts: Fingerprint, other: Fingerprint) -> str:
    """Return the parts that differ, before and now; digests say nothing to people."""
    return ", ".join(
        name
        if name in ("model", "plan")
        else f"{name} from {other.get(name, 'none')} to {parts.get(name, 'none')}"
        for name in _differences(parts, other)
    )


def _record(folder: Path) -> dict[str, Any] | None:
    """Return an engine's record, or None where there is none that is whole."""
    try:
        record = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("fingerprint"), dict):
        return None
    name = record.get("engine")
    whole = isinstance(name, str) and re.fullmatch(r"[0-9a-f]{16}\.engine", name)
    return record if whole and isinstance(record.get("sha256"), str) else None


def _digest(parts: Fingerprint) -> str:
    canonical = json.dumps(dict(parts), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def _read(path: Path, pattern: str, form: str) -> str:
    try:
        found = re.search(pattern, path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        found = None
    return form.format(*found.groups()) if found else "none"
