"""The ONNX artefacts on ONNX Runtime: in one piece, or stage by stage in tiles."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import onnxruntime as ort

from edge_mef.bundle import Bundle
from edge_mef.errors import BundleError
from edge_mef.manifest import STAGES, ArtefactEntry
from edge_mef.runtimes.base import Frame, Runtime, run_error
from edge_mef.runtimes.stage_models import load_stages, usable_cores
from edge_mef.runtimes.tiles import TILE, Stage, TiledFusion

_ERRORS_ONLY = 3


class OnnxRuntime(Runtime):
    """Runs `*.onnx` on the CPU.

    A bundle with stages runs in tiles on threads of its own; `tile` is their (height, width), and
    `whole` runs its pipeline in one piece instead.
    """

    name = "onnxruntime"

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int | None = None,
        whole: bool = False,
        tile: tuple[int, int] = TILE,
    ) -> None:
        self._contract, self._threads = bundle.manifest.contract, threads
        self._session: ort.InferenceSession | None = None
        self._tiled: TiledFusion | None = None
        if bundle.manifest.has_stages("onnx") and not whole:
            count = threads or usable_cores()
            stages = load_stages(bundle, "onnx", partial(_stage, bundle, count))
            self._tiled = TiledFusion(stages, count, tile)
            self.artefact = STAGES
            return
        artefact = bundle.manifest.artefact("onnx")
        if artefact is None:
            raise BundleError(f"'{bundle.folder}' holds no ONNX artefact")
        self._session = _session(bundle, artefact, threads)
        self.artefact = artefact.file

    def run(self, exposures: Sequence[Frame]) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, to (H, W, 3) uint8 RGB."""
        if self._session is None and self._tiled is None:
            raise BundleError("this runtime was closed: open the bundle again")
        try:
            return self._run(exposures)
        except Exception as error:  # its errors share no base class
            what = f"ONNX Runtime could not run the bundle: {error}"
            raise run_error(what, exposures, error) from error

    def _run(self, exposures: Sequence[Frame]) -> Frame:
        if self._tiled is not None:
            return self._tiled.run(exposures)
        feeds = {
            name: frame[np.newaxis]
            for name, frame in zip(self._contract.inputs, exposures, strict=True)
        }
        fused: Frame = self._session.run([self._contract.output], feeds)[0][0]  # type: ignore[union-attr]
        return fused

    def describe(self) -> dict[str, str]:
        """Return version, provider, thread count, and the tiles' size."""
        threads = "all" if self._threads is None else str(self._threads)
        tile = "whole frame" if self._tiled is None else "{}x{}".format(*self._tiled.tile)
        return {
            "runtime": f"onnxruntime {ort.__version__}",
            "device": "CPU",
            "provider": "CPUExecutionProvider",
            "threads": threads,
            "tile": tile,
        }

    def close(self) -> None:
        """Release the sessions and end the threads."""
        if self._tiled is not None:
            self._tiled.close()
        self._session, self._tiled = None, None


def _stage(bundle: Bundle, threads: int, artefact: ArtefactEntry) -> Stage:
    # The analysis runs alone; of the others there is one call on every thread.
    session = _session(bundle, artefact, threads if artefact.role == "analysis" else 1)

    def run(feeds: Mapping[str, Any]) -> Sequence[Any]:
        outputs: Sequence[Any] = session.run(None, dict(feeds))
        return outputs

    return run


def _session(bundle: Bundle, artefact: ArtefactEntry, threads: int | None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    if threads is not None:
        options.intra_op_num_threads = threads
    # The next level blocks channels by 8 or 16; with the few channels of these networks that
    # is mostly padding, and costs a third of the time.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    # Planned blocks come on top of those of the first run: twice the memory, and not faster.
    options.enable_mem_pattern = False
    # Between two calls waiting threads would take the cores from those that work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    path = bundle.path_of(artefact)
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no base class
        raise BundleError(f"{path} cannot be loaded by ONNX Runtime: {error}") from error
