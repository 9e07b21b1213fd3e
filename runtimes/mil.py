"""Core ML packages executed operation by operation in torch, on any machine.

This is the reference that `verify` runs where there is no Mac: it computes what the saved package
says, in the types that it says. It is for checking, not for speed, and unlike other runtimes it
needs torch.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_mef.bundle import Bundle
from edge_mef.errors import BundleError, InputError, missing_extra
from edge_mef.manifest import ArtefactEntry
from edge_mef.runtimes.base import Frame, Runtime, written
from edge_mef.runtimes.phases import NO_CLOCK, PhaseClock, PhaseTimes
from edge_mef.toolchain import installed_version

if TYPE_CHECKING:
    from edge_mef.runtimes.mil_package import ImageFeature, MilPackage
    from edge_mef.runtimes.mil_program import MilProgram

Planes = NDArray[np.float32]


@dataclass(frozen=True)
class _Loaded:
    """One package, ready to run."""

    file: str
    package: MilPackage
    program: MilProgram


class MilRuntime(Runtime):
    """Interprets the MIL programs of `*.mlpackage`; every package takes one size."""

    name = "mil"
    phases_note = (
        "copying in makes float32 planes of the frames, compute interprets the program, and "
        "copying out makes a frame of its planes"
    )

    def __init__(self, bundle: Bundle, *, threads: int | None = None, whole: bool = False) -> None:
        if importlib.util.find_spec("torch") is None:
            raise missing_extra("the runtime 'mil'", "torch", "export")
        entries = bundle.manifest.stage("coreml", "pipeline")
        if not entries:
            raise BundleError(f"'{bundle.folder}' holds no Core ML package")
        self._contract, self._threads = bundle.manifest.contract, threads
        loaded = [_load(bundle, entry) for entry in entries]
        self._loaded = {found.package.inputs[0].size: found for found in loaded}
        self.sizes: tuple[tuple[int, int], ...] = tuple(self._loaded)
        self.artefact = entries[0].file

    def run(self, exposures: Sequence[Frame], out: Frame | None = None) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, to (H, W, 3) uint8 RGB, into `out`."""
        return written(self._timed(exposures, NO_CLOCK), out)

    def run_phases(self, exposures: Sequence[Frame]) -> tuple[Frame, PhaseTimes]:
        """Fuse as `run` does, with the phases apart."""
        clock = PhaseClock()
        return self._timed(exposures, clock), clock.times()

    def _timed(self, exposures: Sequence[Frame], clock: PhaseClock) -> Frame:
        if not self._loaded:
            raise BundleError("this runtime was closed: open the bundle again")
        if len(exposures) != self._contract.exposures:
            raise InputError(
                f"the Core ML packages fuse {self._contract.exposures} exposures, found "
                f"{len(exposures)}: export with --exposures {len(exposures)}"
            )
        height, width = exposures[0].shape[:2]
        loaded = self._loaded.get((height, width))
        if loaded is None:
            raise InputError(f"no Core ML package here takes frames of {height}x{width}")
        self.artefact = loaded.file
        return _run(loaded, exposures, self._threads, clock)

    def describe(self) -> dict[str, str]:
        """Return versions, device and threads."""
        return {
            "runtime": f"coremltools {installed_version('coremltools')}",
            "device": "CPU",
            "provider": f"torch {installed_version('torch')}",
            "threads": "all" if self._threads is None else str(self._threads),
            "sizes": ", ".join("{}x{}".format(*size) for size in self.sizes),
        }

    def close(self) -> None:
        """Forget the programs."""
        self._loaded = {}


def _load(bundle: Bundle, entry: ArtefactEntry) -> _Loaded:
    from edge_mef.runtimes.mil_ops import KNOWN
    from edge_mef.runtimes.mil_package import check_images, read_package
    from edge_mef.runtimes.mil_program import MilProgram

    package = read_package(bundle.path_of(entry), KNOWN)
    check_images(package, bundle.manifest.contract)
    return _Loaded(entry.file, package, MilProgram(package.program))


def _run(
    loaded: _Loaded, exposures: Sequence[Frame], threads: int | None, clock: PhaseClock
) -> Frame:
    import torch

    images = zip(loaded.package.inputs, exposures, strict=True)
    feeds = {image.name: torch.from_numpy(_planes(image, frame)) for image, frame in images}
    clock.lap("copy_in")
    before = torch.get_num_threads()
    try:
        if threads is not None:
            torch.set_num_threads(threads)
        outputs = loaded.program.run(feeds)
    except (RuntimeError, IndexError, KeyError, ValueError) as error:
        raise BundleError(f"the program of {loaded.package.path} cannot be run: {error}") from error
    finally:
        torch.set_num_threads(before)
    clock.lap("compute")
    image = loaded.package.outputs[0]
    fused = _frame(loaded.package, image, outputs[image.name].to(torch.float32).numpy())
    clock.lap("copy_out")
    return fused


def _planes(image: ImageFeature, frame: Frame) -> Planes:
    """(H, W, 3) RGB to (1, 3, H, W) float32 in the image's order of channels, 0 to 255."""
    ordered = frame if image.colour == "RGB" else frame[..., ::-1]
    return np.ascontiguousarray(ordered.transpose(2, 0, 1)[np.newaxis], np.float32)


def _frame(
    package: MilPackage,
    image: ImageFeature,
    planes: Planes,
) -> Frame:
    """(1, 3, H, W) to (H, W, 3) RGB; what Core ML makes of fractions is documented nowhere."""
    if planes.shape != (1, 3, *image.size) or not np.array_equal(planes, _whole(planes)):
        raise BundleError(
            f"{package.path} should give whole grey levels from 0 to 255 for {image.size[0]}x"
            f"{image.size[1]} pixels, and gives something else: export it again"
        )
    ordered = planes[0].transpose(1, 2, 0)
    return np.ascontiguousarray(ordered if image.colour == "RGB" else ordered[..., ::-1]).astype(
        np.uint8
    )


def _whole(
    planes: Planes,
) -> Planes:
    return np.asarray(np.round(np.clip(planes, 0.0, 255.0)), np.float32)
