"""The engine of a bundle on this device: out of the cache, or built and put there."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_mef.bundle import Bundle
from edge_mef.errors import BundleError, OutputError
from edge_mef.runtimes.build_watch import watcher
from edge_mef.runtimes.trt_builder import build_engine, load_engine
from edge_mef.runtimes.trt_cache import EngineCache, Found, fingerprint
from edge_mef.runtimes.trt_plan import PLAN_FILE, EnginePlan, decode_plan
from edge_mef.runtimes.trt_version import first_error, logger_of

_KINDS = {"int8": ("int8",), "fp16": ("half", "fp16"), "fp32": ("float", "fp32")}


@dataclass
class Engine:
    """A loaded engine; `runtime` must live as long. `source` says where it came from."""

    runtime: Any
    engine: Any
    source: str
    folder: Path | None


def read_plan(bundle: Bundle) -> tuple[bytes, EnginePlan]:
    """Return the TensorRT flavour of a bundle's model, and its plan.

    Raises:
        BundleError: the bundle has none.
    """
    artefact = bundle.manifest.artefact("tensorrt")
    if artefact is None or PLAN_FILE not in bundle.manifest.files:
        raise BundleError(
            f"'{bundle.folder}' holds no TensorRT artefact: export one with edge-mef export "
            "--target trt"
        )
    path = bundle.folder / PLAN_FILE
    return bundle.path_of(artefact).read_bytes(), decode_plan(path.read_bytes(), str(path))


def open_engine(
    trt: Any, model: bytes, plan: EnginePlan, cache: EngineCache, *, keep: bool = False
) -> Engine:
    """Load the engine from the cache; build it where there is none that fits, and say why.

    With `keep` an engine that cannot be cached is an error, without it a note.

    Raises:
        BundleError: TensorRT cannot build or load it.
        OutputError: it is to be kept, and cannot be written.
    """
    parts = fingerprint(trt, model, plan)
    found = cache.find(parts)
    engine = _loaded(trt, plan, cache, parts, found)
    if engine is not None:
        return engine
    why = found.why or f"TensorRT cannot load the cached engine ({first_error(logger_of(trt))})"
    with cache.lock(parts):
        again = cache.find(parts)  # another process may have built it meanwhile
        if again.data != found.data:
            engine = _loaded(trt, plan, cache, parts, again)
        return engine or _built(trt, model, plan, cache, parts, why, keep=keep)


def _loaded(
    trt: Any, plan: EnginePlan, cache: EngineCache, parts: Mapping[str, str], found: Found
) -> Engine | None:
    """Return the engine that was found in the cache, or None where TensorRT refuses it."""
    if found.data is None:
        return None
    runtime, engine = load_engine(trt, found.data, plan)
    if engine is None:
        return None
    return Engine(runtime, engine, "cached", cache.engine_folder(parts))


def _built(
    trt: Any,
    model: bytes,
    plan: EnginePlan,
    cache: EngineCache,
    parts: Mapping[str, str],
    why: str,
    *,
    keep: bool,
) -> Engine:
    watcher().note(f"building a TensorRT engine, which can take minutes: {why}")
    built = build_engine(trt, model, plan, cache.timing_file(parts))
    folder, stored = None, "cached for the next time"
    try:
        folder = cache.store(parts, built)
    except OutputError as error:
        if keep:
            raise
        stored = f"not cached: {error}"
    runtime, engine = load_engine(trt, built.data, plan)
    if engine is None:
        reason = first_error(logger_of(trt))
        raise BundleError(f"TensorRT could not load the engine that it built: {reason}")
    source = f"built in {built.seconds:.0f} s ({why}), {stored}; {precisions_text(built.layers)}"
    watcher().note(f"engine {source}")
    return Engine(runtime, engine, source, folder)


def count_layers(layers: str) -> dict[str, int]:
    """Count convolutions by the precision of their first input, as the inspector tells it.

    Layers that it does not describe in detail are not counted.
    """
    try:
        found = json.loads(layers)
    except ValueError:
        return {}
    told = found.get("Layers", []) if isinstance(found, dict) else []
    kinds = [_precision(layer) for layer in told if isinstance(layer, dict)]
    return dict(sorted(Counter(kind for kind in kinds if kind).items()))


def precisions_text(layers: str) -> str:
    """Return the counts, for people."""
    counts = count_layers(layers)
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    return f"convolutions: {told or 'not told'}"


def _precision(layer: dict[str, Any]) -> str | None:
    inputs = layer.get("Inputs")
    if "conv" not in str(layer.get("LayerType", "")).lower() or not inputs:
        return None
    text = str(inputs[0].get("Format/Datatype", "")).lower()
    return next((kind for kind, words in _KINDS.items() if any(w in text for w in words)), None)
