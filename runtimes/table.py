"""The runtimes, as one table; each is imported when it is chosen, never before."""

import importlib
import importlib.util
import os
import platform
from dataclasses import dataclass
from typing import Any

from edge_mef.bundle import Bundle
from edge_mef.errors import BundleError, InputError, MissingError
from edge_mef.runtimes.base import Runtime
from edge_mef.runtimes.cuda import cuda_device_count

_MOST_THREADS = 64


@dataclass(frozen=True)
class RuntimeRow:
    """One runtime: where its class is, which package it needs, which artefact it runs.

    `automatic` ones are chosen where none is named; `needs_cuda` ones only where there is a device,
    `needs_macos` ones only there. `options` are those of `provider`, `cuda_graph` and `profile`
    that it takes.
    """

    name: str
    module: str
    class_name: str
    package: str
    install: str
    artefact: str
    automatic: bool = True
    needs_cuda: bool = False
    needs_macos: bool = False
    options: tuple[str, ...] = ()


RUNTIMES: dict[str, RuntimeRow] = {
    row.name: row
    for row in (
        RuntimeRow(
            name="tensorrt",
            module="edge_mef.runtimes.tensorrt",
            class_name="TensorRTRuntime",
            package="tensorrt",
            install="pip install 'edge-mef[trt]', or on a Jetson JetPack's own tensorrt",
            artefact="tensorrt",
            needs_cuda=True,
            options=("cuda_graph", "profile"),
        ),
        RuntimeRow(
            name="onnxruntime",
            module="edge_mef.runtimes.onnxruntime",
            class_name="OnnxRuntime",
            package="onnxruntime",
            install="pip install edge-mef",
            artefact="onnx",
            options=("provider", "profile"),
        ),
        RuntimeRow(
            name="openvino",
            module="edge_mef.runtimes.openvino",
            class_name="OpenVINORuntime",
            package="openvino",
            install="pip install 'edge-mef[openvino]'",
            artefact="openvino",
            options=("provider", "profile"),
        ),
        RuntimeRow(
            name="coreml",
            module="edge_mef.runtimes.coreml",
            class_name="CoreMLRuntime",
            package="coremltools",
            install="pip install coremltools",
            artefact="coreml",
            needs_macos=True,
            options=("provider",),
        ),
        RuntimeRow(
            name="mil",
            module="edge_mef.runtimes.mil",
            class_name="MilRuntime",
            package="coremltools",
            install="pip install 'edge-mef[export]'",
            artefact="coreml",
            automatic=False,
        ),
    )
}


def is_installed(row: RuntimeRow) -> bool:
    """Say whether the runtime's package is here, without importing it."""
    return importlib.util.find_spec(row.package) is not None


def _is_system(row: RuntimeRow) -> bool:
    return not row.needs_macos or platform.system() == "Darwin"


def why_not(row: RuntimeRow) -> str | None:
    """Return what a runtime lacks on this machine, in a sentence, or None where it can run."""
    if not _is_system(row):
        return (
            f"the runtime '{row.name}' needs macOS, and this is {platform.system()}: the runtime "
            "'mil' interprets the package here"
        )
    if not is_installed(row):
        return (
            f"the runtime '{row.name}' needs the Python package '{row.package}', which is not "
            f"installed: {row.install}"
        )
    if row.needs_cuda and not cuda_device_count():
        return (
            f"the runtime '{row.name}' needs a CUDA device, and the driver reports none here: run "
            "it on the device, or choose another runtime"
        )
    return None


def open_runtime(
    bundle: Bundle,
    name: str | None = None,
    threads: int | None = None,
    *,
    whole: bool = False,
    provider: str | None = None,
    cuda_graph: bool | None = None,
    profile: bool = False,
) -> Runtime:
    """Open a bundle with the runtime named, or the first of the table that can run it here.

    Args:
        bundle: what to run.
        name: a key of `RUNTIMES`; None takes the first that can run here.
        threads: CPU threads; None for all.
        whole: a bundle that has stages runs its pipeline in one piece.
        provider: an execution provider of ONNX Runtime, a device of OpenVINO, or compute units of
            Core ML, by its name.
        cuda_graph: TensorRT's work is captured once per size and then launched as a CUDA graph.
        profile: the times of layers are noted for `Runtime.layer_times`, which slows runs down.

    Raises:
        InputError: no runtime of that name, an impossible number of threads, or an option that
            the runtime does not take.
        MissingError: its package, a device or the provider is missing, or it cannot be loaded on
            this machine.
        BundleError: the bundle has no artefact for it, or the artefact cannot be loaded.
    """
    row = _choose(bundle, name)
    _check_threads(threads)
    given = {"provider": provider, "cuda_graph": cuda_graph or None, "profile": profile or None}
    options = _options(row, {name: value for name, value in given.items() if value is not None})
    problem = why_not(row)
    if problem is not None:
        raise MissingError(problem)
    try:
        module = importlib.import_module(row.module)
    except ImportError as error:
        raise MissingError(
            f"the runtime '{row.name}' is installed but cannot be loaded here ({error}): install "
            f"it again with {row.install}"
        ) from error
    runtime_class: type[Runtime] = getattr(module, row.class_name)
    return runtime_class(bundle, threads=threads, whole=whole, **options)


def _options(row: RuntimeRow, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the options asked for, if the runtime takes them all."""
    for option in asked:
        if option not in row.options:
            others = [other.name for other in RUNTIMES.values() if option in other.options]
            raise InputError(
                f"the runtime '{row.name}' does not take the option {option}: leave it out, or "
                f"choose {' or '.join(others)}"
            )
    return asked


def _check_threads(threads: int | None) -> None:
    """Far more threads than cores take minutes to start, and a million takes the machine down."""
    most = max(_MOST_THREADS, os.cpu_count() or 1)
    if threads is not None and not 1 <= threads <= most:
        raise InputError(f"expected 1 to {most} threads, found {threads}: leave it out for all")


def _choose(bundle: Bundle, name: str | None) -> RuntimeRow:
    formats = {artefact.format for artefact in bundle.manifest.artefacts}
    if name is None:
        rows = [row for row in RUNTIMES.values() if row.artefact in formats]
        usable = [row for row in rows if row.automatic and _is_system(row)] or rows
        if not usable:
            raise BundleError(f"no runtime of this version runs what '{bundle.folder}' holds")
        return next((row for row in usable if why_not(row) is None), usable[0])
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
