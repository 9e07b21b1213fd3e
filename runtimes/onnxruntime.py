"""The ONNX artefacts on ONNX Runtime: in one piece, or stage by stage in tiles."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from edge_mef.bundle import Bundle
from edge_mef.errors import BundleError
from edge_mef.manifest import STAGES, ArtefactEntry
from edge_mef.runtimes.base import Frame, Runtime, run_error, written
from edge_mef.runtimes.ort_profile import OrtProfile
from edge_mef.runtimes.ort_session import CPU, check_provider, open_session, run_into
from edge_mef.runtimes.phases import NO_CLOCK, PhaseClock, PhaseTimes
from edge_mef.runtimes.profile import LayerTime, LayerTotals
from edge_mef.runtimes.stage_models import load_stages, usable_cores
from edge_mef.runtimes.tiles import PHASES_NOTE, TILE, Stage, TiledFusion

_WHOLE_NOTE = (
    "compute is ONNX Runtime's call, which holds whatever it copies to and from a device; before "
    "and after it frames are handed over without a copy"
)


class OnnxRuntime(Runtime):
    """Runs `*.onnx` on the CPU, or on an execution provider of ONNX Runtime by its name.

    A bundle with stages runs in tiles on threads of its own; `tile` is their (height, width), and
    `whole` runs its pipeline in one piece instead. On a device layers' times are those of the
    calls that start them.
    """

    name = "onnxruntime"

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int | None = None,
        whole: bool = False,
        tile: tuple[int, int] = TILE,
        provider: str | None = None,
        profile: bool = False,
    ) -> None:
        self._contract, self._threads = bundle.manifest.contract, threads
        self._provider = CPU if provider is None else provider
        check_provider(self._provider)
        self._session: Any = None
        self._tiled: TiledFusion | None = None
        self._layers = LayerTotals() if profile else None
        self._profile = OrtProfile(self._layers) if self._layers is not None else None
        try:
            if bundle.manifest.has_stages("onnx") and not whole:
                self._load_stages(bundle, threads or usable_cores(), tile)
            else:
                self._load_whole(bundle)
        except BaseException:
            self.close()
            raise

    def _load_stages(self, bundle: Bundle, threads: int, tile: tuple[int, int]) -> None:
        def load(artefact: ArtefactEntry) -> Stage:
            # The analysis runs alone; of the others there is one call on every thread.
            count = threads if artefact.role == "analysis" else 1
            return _stage(self._open(bundle, artefact, count, f"{artefact.role}/"))

        self._tiled = TiledFusion(load_stages(bundle, "onnx", load), threads, tile)
        self.artefact, self.phases_note = STAGES, PHASES_NOTE

    def _load_whole(self, bundle: Bundle) -> None:
        artefact = bundle.manifest.artefact("onnx")
        if artefact is None:
            raise BundleError(f"'{bundle.folder}' holds no ONNX artefact")
        self._session = self._open(bundle, artefact, self._threads, "")
        self.artefact, self.phases_note = artefact.file, _WHOLE_NOTE

    def _open(
        self, bundle: Bundle, artefact: ArtefactEntry, threads: int | None, prefix: str
    ) -> Any:
        def opened(profile: Path | None = None) -> ort.InferenceSession:
            path = bundle.path_of(artefact)
            return open_session(path, threads, self._provider, profile=profile)

        return opened() if self._profile is None else self._profile.open(opened, prefix)

    def run(self, exposures: Sequence[Frame], out: Frame | None = None) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, to (H, W, 3) uint8 RGB, into `out`."""
        return self._timed(exposures, NO_CLOCK, out)

    def run_phases(self, exposures: Sequence[Frame]) -> tuple[Frame, PhaseTimes]:
        """Fuse as `run` does, with the phases apart."""
        clock = PhaseClock()
        return self._timed(exposures, clock), clock.times()

    def layer_times(self) -> tuple[LayerTime, ...]:
        """Return what each layer took; sessions are loaded anew for the next run."""
        if self._profile is not None:
            self._check_open()
            self._profile.read()
        return super().layer_times()

    def _check_open(self) -> None:
        if self._session is None and self._tiled is None:
            raise BundleError("this runtime was closed: open the bundle again")

    def _timed(
        self, exposures: Sequence[Frame], clock: PhaseClock, out: Frame | None = None
    ) -> Frame:
        self._check_open()
        if self._profile is not None:
            self._profile.trim()
        try:
            return self._run(exposures, clock, out)
        except Exception as error:  # its errors share no base class
            what = f"ONNX Runtime could not run the bundle: {error}"
            raise run_error(what, exposures, error) from error

    def _run(self, exposures: Sequence[Frame], clock: PhaseClock, out: Frame | None) -> Frame:
        if self._tiled is not None:
            return self._tiled.run(exposures, clock, out)
        feeds = {
            name: frame[np.newaxis]
            for name, frame in zip(self._contract.inputs, exposures, strict=True)
        }
        clock.lap("copy_in")
        if out is not None and self._profile is None:
            run_into(self._session, feeds, self._contract.output, out[np.newaxis])
            return out
        outputs = self._session.run([self._contract.output], feeds)
        clock.lap("compute")
        fused = written(outputs[0][0], out)
        clock.lap("copy_out")
        return fused

    def describe(self) -> dict[str, str]:
        """Return version, provider, thread count, and the tiles' size."""
        threads = "all" if self._threads is None else str(self._threads)
        tile = "whole frame" if self._tiled is None else "{}x{}".format(*self._tiled.tile)
        return {
            "runtime": f"onnxruntime {ort.__version__}",
            "device": self._provider.removesuffix("ExecutionProvider"),
            "provider": self._provider,
            "threads": threads,
            "tile": tile,
        }

    def close(self) -> None:
        """Release the sessions and end the threads."""
        if self._tiled is not None:
            self._tiled.close()
        self._session, self._tiled = None, None
        if self._profile is not None:
            self._profile.close()


def _stage(session: Any) -> Stage:
    def run(feeds: Mapping[str, Any]) -> Sequence[Any]:
        outputs: Sequence[Any] = session.run(None, dict(feeds))
        return outputs

    return run
