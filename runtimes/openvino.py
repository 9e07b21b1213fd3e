"""The OpenVINO artefacts on OpenVINO: in one piece, or stage by stage in tiles."""

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mef.bundle import Bundle
from edge_mef.errors import BundleError, MissingError
from edge_mef.manifest import STAGES, ArtefactEntry
from edge_mef.runtimes.base import Frame, Runtime, run_error
from edge_mef.runtimes.phases import NO_CLOCK, PhaseClock, PhaseTimes
from edge_mef.runtimes.profile import Layer, LayerTotals
from edge_mef.runtimes.quiet_openvino import import_openvino
from edge_mef.runtimes.stage_models import load_stages, usable_cores
from edge_mef.runtimes.tiles import PHASES_NOTE, TILE, TiledFusion

ov = import_openvino()
DEVICE = "CPU"
_WHOLE_NOTE = (
    "compute is OpenVINO's call with copies of its outputs, and whatever it copies to and from a "
    "device; before and after it frames are handed over without a copy"
)


class OpenVINORuntime(Runtime):
    """Runs `*.xml` with `*.bin` on `provider`, an OpenVINO device: its CPU plugin where it is None.

    A bundle with stages runs in tiles on threads of its own; `tile` is their (height, width), and
    `whole` runs its pipeline in one piece instead. On the CPU all is computed in float32, what is
    stored in fp16 or quantized to int8 too, so that it comes out the same on every processor.
    """

    name = "openvino"

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
        self._contract = bundle.manifest.contract
        self._device = DEVICE if provider is None else provider
        self._threads = threads or usable_cores()
        self._whole: _Model | None = None
        self._tiled: TiledFusion | None = None
        self._layers = LayerTotals() if profile else None
        core = _core(self._device)
        load = partial(_load, core, self._device, bundle, self._threads, self._layers)
        if bundle.manifest.has_stages("openvino") and not whole:
            stages = load_stages(bundle, "openvino", load)
            self._tiled = TiledFusion(stages, self._threads, tile)
            self.artefact, self.phases_note = STAGES, PHASES_NOTE
            return
        artefact = bundle.manifest.artefact("openvino")
        if artefact is None:
            raise BundleError(f"'{bundle.folder}' holds no OpenVINO artefact")
        self._whole = load(artefact)
        self.artefact, self.phases_note = artefact.file, _WHOLE_NOTE

    def run(self, exposures: Sequence[Frame], out: Frame | None = None) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, to (H, W, 3) uint8 RGB, into `out`."""
        return self._timed(exposures, NO_CLOCK, out)

    def run_phases(self, exposures: Sequence[Frame]) -> tuple[Frame, PhaseTimes]:
        """Fuse as `run` does, with the phases apart."""
        clock = PhaseClock()
        return self._timed(exposures, clock), clock.times()

    def _timed(
        self, exposures: Sequence[Frame], clock: PhaseClock, out: Frame | None = None
    ) -> Frame:
        if self._whole is None and self._tiled is None:
            raise BundleError("this runtime was closed: open the bundle again")
        try:
            return self._run(exposures, clock, out)
        except BundleError:
            raise
        except Exception as error:  # it raises plain RuntimeError
            what = f"OpenVINO could not run the bundle: {reason(error)}"
            raise run_error(what, exposures, error) from error

    def _run(self, exposures: Sequence[Frame], clock: PhaseClock, out: Frame | None) -> Frame:
        if self._tiled is not None:
            return self._tiled.run(exposures, clock, out)
        feeds: dict[str, NDArray[np.generic]] = {
            name: frame[np.newaxis]
            for name, frame in zip(self._contract.inputs, exposures, strict=True)
        }
        clock.lap("copy_in")
        if out is not None:
            self._whole.run_into(feeds, out[np.newaxis])  # type: ignore[union-attr]
            return out
        outputs = self._whole(feeds)  # type: ignore[misc]
        clock.lap("compute")
        fused = np.asarray(outputs[0][0], np.uint8)
        clock.lap("copy_out")
        return fused

    def describe(self) -> dict[str, str]:
        """Return version, device, thread count, and the tiles' size."""
        tile = "whole frame" if self._tiled is None else "{}x{}".format(*self._tiled.tile)
        return {
            "runtime": f"openvino {ov.__version__.partition('-')[0]}",
            "device": self._device,
            "provider": self._device,
            "computes": "float32" if self._device == DEVICE else "float32, int8 where quantized",
            "threads": str(self._threads),
            "tile": tile,
        }

    def close(self) -> None:
        """Release the models and end the threads."""
        if self._tiled is not None:
            self._tiled.close()
        self._whole, self._tiled = None, None


class _Model:
    """A model that any thread may call: each has an infer request of its own.

    It is compiled at the first call: there is one for every number of exposures, and few are used.
    With `layers` the times of its layers are added there, their names behind `prefix`.
    """

    def __init__(
        self,
        core: Any,
        model: Any,
        device: str,
        config: Mapping[str, object],
        layers: LayerTotals | None,
        prefix: str,
    ) -> None:
        self._core, self._model, self._device, self._config = core, model, device, config
        self._layers, self._prefix = layers, prefix
        self._compiled: Any = None
        self._lock = threading.Lock()
        self._of_thread = threading.local()

    def compile(self) -> Any:
        """Return the compiled model."""
        with self._lock:
            if self._compiled is None:
                self._compiled = self._core.compile_model(
                    self._model, self._device, dict(self._config)
                )
        return self._compiled

    def __call__(self, feeds: Mapping[str, NDArray[np.generic]]) -> Sequence[NDArray[np.generic]]:
        """Return copies of the outputs for these inputs."""
        found = self._infer(self._request("request"), feeds, share_outputs=False)
        return [found[index] for index in range(len(found))]

    def run_into(self, feeds: Mapping[str, NDArray[np.generic]], out: NDArray[np.uint8]) -> None:
        """Have the only output written to `out`, by a request that writes nowhere else."""
        request = self._request("bound")
        request.set_output_tensor(ov.Tensor(out, shared_memory=True))
        self._infer(request, feeds, share_outputs=True)

    def _request(self, name: str) -> Any:
        request = getattr(self._of_thread, name, None)
        if request is None:
            request = self.compile().create_infer_request()
            setattr(self._of_thread, name, request)
        return request

    def _infer(
        self, request: Any, feeds: Mapping[str, NDArray[np.generic]], *, share_outputs: bool
    ) -> Any:
        found = request.infer(dict(feeds), share_inputs=True, share_outputs=share_outputs)
        if self._layers is not None:
            self._layers.add(_executed(request, self._prefix))
        return found


def _executed(request: Any, prefix: str) -> list[Layer]:
    """Return the layers that a request has just run, but not those merged into others.

    OpenVINO counts whole microseconds, and says of what takes less that it was not run.
    """
    return [
        (prefix + info.node_name, info.node_type, info.real_time.total_seconds() * 1e3)
        for info in request.profiling_info
        if info.status == info.Status.EXECUTED
    ]


def reason(error: Exception) -> str:
    """Return what OpenVINO complains about: the last line of its message, without its sources."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Exception from", "Check '"))]
    return (told or lines or [type(error).__name__])[-1].rstrip(".")


def _core(device: str) -> Any:
    core = ov.Core()
    devices = core.available_devices
    if not any(device in (name, name.partition(".")[0]) for name in devices):
        raise MissingError(
            f"OpenVINO reports no device '{device}' here, only: {', '.join(devices) or 'none'}"
        )
    return core


def _load(
    core: Any,
    device: str,
    bundle: Bundle,
    threads: int,
    layers: LayerTotals | None,
    artefact: ArtefactEntry,
) -> _Model:
    """Read a model, and compile it unless it is for a number of exposures that is less usual."""
    path = bundle.path_of(artefact)
    config = _config(device, artefact, threads)
    if layers is not None:
        config["PERF_COUNT"] = True
    prefix = "" if artefact.role == "pipeline" else f"{artefact.role}/"
    try:
        model = _Model(core, core.read_model(str(path)), device, config, layers, prefix)
        if artefact.exposures in (None, bundle.manifest.contract.exposures):
            model.compile()
    except Exception as error:  # it raises plain RuntimeError
        raise BundleError(f"{path} cannot be loaded by OpenVINO: {reason(error)}") from error
    return model


def _config(device: str, artefact: ArtefactEntry, threads: int) -> dict[str, object]:
    config: dict[str, object] = {"INFERENCE_PRECISION_HINT": "f32"}
    if device != DEVICE:
        return config
    # One stream is one call at a time, on all its threads; of the others many run at once.
    alone = artefact.role in ("pipeline", "analysis")
    return config | {
        "NUM_STREAMS": 1 if alone else threads,
        "INFERENCE_NUM_THREADS": threads,
        # Pinned streams of several models would all sit on the same cores.
        "ENABLE_CPU_PINNING": False,
        # Its int8 convolutions saturate without VNNI, and with it they lose more than 20 dB here;
        # on networks this small they are no faster than float32 on the same quantized values.
        "LP_TRANSFORMS_MODE": False,
    }
