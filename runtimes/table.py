"""The runtimes, as one table; each is imported when it is chosen, never before."""

import importlib
import importlib.util
from dataclasses import dataclass

from edge_mef.bundle import Bundle
from edge_mef.errors import BundleError, InputError, missing_extra
from edge_mef.runtimes.base import Runtime


@dataclass(frozen=True)
class RuntimeRow:
    """One runtime: where its class is, which package it needs, which artefact it runs."""

    name: str
    module: str
    class_name: str
    package: str
    install: str
    artefact: str


RUNTIMES: dict[str, RuntimeRow] = {
    row.name: row
    for row in (
        RuntimeRow(
            name="onnxruntime",
            module="edge_mef.runtimes.onnxruntime",
            class_name="OnnxRuntime",
            package="onnxruntime",
            install="pip install edge-mef",
            artefact="onnx",
        ),
    )
}


def is_installed(row: RuntimeRow) -> bool:
    """Say whether the runtime's package is here, without importing it."""
    return importlib.util.find_spec(row.package) is not None


def open_runtime(bundle: Bundle, name: str | None = None, threads: int | None = None) -> Runtime:
    """Open a bundle with the runtime named, or the first of the table that can run it here.

    Raises:
        InputError: no runtime of that name.
        MissingError: its package is not installed.
        BundleError: the bundle has no artefact for it, or the artefact cannot be loaded.
    """
    row = _choose(bundle, name)
    if not is_installed(row):
        raise missing_extra(f"the runtime '{row.name}'", row.package, row.name)
    runtime_class: type[Runtime] = getattr(importlib.import_module(row.module), row.class_name)
    return runtime_class(bundle, threads=threads)


def _choose(bundle: Bundle, name: str | None) -> RuntimeRow:
    formats = {artefact.format for artefact in bundle.manifest.artefacts}
    if name is None:
        usable = [row for row in RUNTIMES.values() if row.artefact in formats]
        if not usable:
            raise BundleError(f"no runtime of this version runs what '{bundle.folder}' holds")
        return next((row for row in usable if is_installed(row)), usable[0])
    if name not in RUNTIMES:
        raise InputError(
            f"there is no runtime called '{name}'; known are: {', '.join(sorted(RUNTIMES))}"
        )
    if RUNTIMES[name].artefact not in formats:
        raise BundleError(
            f"'{bundle.folder}' holds no {RUNTIMES[name].artefact} artefact for the runtime "
            f"'{name}': export one with edge-mef export"
        )
    return RUNTIMES[name]
