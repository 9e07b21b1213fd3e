"""Core ML packages on a Mac: Apple's own framework runs them, through coremltools."""

import platform
import threading
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from edge_mef.bundle import Bundle
from edge_mef.errors import BundleError, InputError, MissingError
from edge_mef.runtimes.base import Frame, Runtime, run_error
from edge_mef.runtimes.coreml_plan import operations_by_device
from edge_mef.runtimes.mil_package import PackageImages, quiet_coremltools, read_images
from edge_mef.runtimes.phases import NO_CLOCK, PhaseClock, PhaseTimes
from edge_mef.toolchain import installed_version

UNITS = ("ALL", "CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE")  # as coremltools.ComputeUnit has them
Size = tuple[int, int]


class CoreMLRuntime(Runtime):
    """Runs `*.mlpackage` on macOS; every package takes one size.

    `provider` names the compute units that Core ML may use, all where it is None; what it then
    prefers for which operation is its own choice, and told by `describe`. Models stay loaded.
    Calls from several threads run one after another.
    """

    name = "coreml"
    phases_note = (
        "copying in makes images of the frames, compute is Core ML's prediction, which holds "
        "whatever it copies to and from its devices, and copying out takes the pixels of its image"
    )

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int | None = None,
        whole: bool = False,
        provider: str | None = None,
    ) -> None:
        if platform.system() != "Darwin":
            raise MissingError(
                f"Core ML needs macOS, and this is {platform.system()}: the runtime 'mil' "
                "interprets the package here"
            )
        self._units = _units(provider)
        entries = bundle.manifest.stage("coreml", "pipeline")
        if not entries:
            raise BundleError(f"'{bundle.folder}' holds no Core ML package")
        self._contract = bundle.manifest.contract
        found = [(entry.file, bundle.path_of(entry)) for entry in entries]
        images = {file: read_images(path, self._contract) for file, path in found}
        self._packages: dict[Size, tuple[str, PackageImages]] = {
            image.inputs[0].size: (file, image) for file, image in images.items()
        }
        self.sizes: tuple[Size, ...] = tuple(self._packages)
        self.artefact = entries[0].file
        self._lock = threading.Lock()
        self._models: dict[Size, Any] = {}
        self._told: dict[str, str] = {}
        self._closed = False
        self._model(self.sizes[0])  # what cannot be loaded is told now

    def run(self, exposures: Sequence[Frame], out: Frame | None = None) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, to (H, W, 3) uint8 RGB, into `out`."""
        return self._timed(exposures, NO_CLOCK, out)

    def run_phases(self, exposures: Sequence[Frame]) -> tuple[Frame, PhaseTimes]:
        """Fuse as `run` does, with the phases apart."""
        clock = PhaseClock()
        return self._timed(exposures, clock, None), clock.times()

    def _timed(self, exposures: Sequence[Frame], clock: PhaseClock, out: Frame | None) -> Frame:
        if len(exposures) != self._contract.exposures:
            raise InputError(
                f"the Core ML packages fuse {self._contract.exposures} exposures, found "
                f"{len(exposures)}: export with --exposures {len(exposures)}"
            )
        height, width = exposures[0].shape[:2]
        with self._lock:
            model = self._model((height, width))
            named = zip(self._contract.inputs, exposures, strict=True)
            images = {name: Image.fromarray(np.ascontiguousarray(frame)) for name, frame in named}
            clock.lap("copy_in")
            try:
                outputs = model.predict(images)
            except Exception as error:  # its errors share no base class
                what = f"Core ML could not run {self.artefact}: {error}"
                raise run_error(what, exposures, error) from error
            clock.lap("compute")
            fused = self._pixels(outputs, (height, width), out)
        clock.lap("copy_out")
        return fused

    def _pixels(self, outputs: Any, size: Size, out: Frame | None) -> Frame:
        """Return the pixels of the image that came out, whose fourth channel says nothing."""
        found = np.asarray(outputs[self._contract.output])
        if found.dtype != np.uint8 or found.shape not in ((*size, 3), (*size, 4)):
            raise BundleError(
                f"{self.artefact} should give an image of {size[0]}x{size[1]}, found "
                f"{found.shape} {found.dtype}: export the bundle again"
            )
        target = np.empty((*size, 3), np.uint8) if out is None else out
        np.copyto(target, found[..., :3])
        return target

    def _model(self, size: Size) -> Any:
        """Return the loaded model for frames of a size."""
        if self._closed:
            raise BundleError("this runtime was closed: open the bundle again")
        if size not in self._packages:
            raise InputError(f"no Core ML package here takes frames of {size[0]}x{size[1]}")
        self.artefact, images = self._packages[size]
        if size not in self._models:
            self._models[size] = _load(images, self._units)
        return self._models[size]

    def describe(self) -> dict[str, str]:
        """Return versions, the compute units asked for, and where operations run.

        What is told is of the package that ran last.
        """
        return {
            "runtime": f"coremltools {installed_version('coremltools')}",
            "device": platform.machine(),
            "provider": "Core ML",
            "system": f"macOS {platform.mac_ver()[0]}",
            "compute units": self._units.name,
            "operations": self._operations(),
            "sizes": ", ".join("{}x{}".format(*size) for size in self.sizes),
        }

    def _operations(self) -> str:
        """Ask Core ML once for every package: it looks at the whole program again."""
        with self._lock:
            model = next(
                (m for size, m in self._models.items() if self._packages[size][0] == self.artefact),
                None,
            )
            if self.artefact not in self._told and model is not None:
                compiled = model.get_compiled_model_path()
                self._told[self.artefact] = operations_by_device(compiled, self._units)
            return self._told.get(self.artefact, "closed")

    def close(self) -> None:
        """Forget the models; calling it again does nothing."""
        with self._lock:
            self._models, self._closed = {}, True


def _units(provider: str | None) -> Any:
    """Return coremltools' name for compute units; upper and lower case are the same."""
    name = "ALL" if provider is None else provider.upper()
    if name not in UNITS:
        raise InputError(f"expected compute units of {', '.join(UNITS)}, found '{provider}'")
    with quiet_coremltools():
        from coremltools import ComputeUnit
    return ComputeUnit[name]


def _load(images: PackageImages, units: Any) -> Any:
    """Compile and load a package."""
    with quiet_coremltools(), warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        from coremltools.models import MLModel

        try:
            model = MLModel(str(images.path), compute_units=units)
            model.get_compiled_model_path()  # there is none where only a warning told of a failure
        except Exception as error:  # its errors share no base class
            told = [" ".join(str(w.message).split()) for w in heard]
            why = next((text for text in told if "exception message was" in text), str(error))
            raise BundleError(f"Core ML cannot load {images.path}: {why}") from error
    return model
