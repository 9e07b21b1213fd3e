"""The TensorRT artefact: its engine is built on this device on first use, and kept."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from edge_mef.bundle import Bundle
from edge_mef.errors import BundleError, InputError
from edge_mef.runtimes.base import Frame, Runtime
from edge_mef.runtimes.cuda import cuda_device_facts
from edge_mef.runtimes.cuda_memory import no_graphs, open_cuda
from edge_mef.runtimes.device_array import DeviceArray, DeviceFrame, DeviceView, borrowed
from edge_mef.runtimes.lanes import Lanes
from edge_mef.runtimes.lent_memory import LentMemory
from edge_mef.runtimes.phases import NO_CLOCK, PhaseClock, PhaseTimes
from edge_mef.runtimes.profile import LayerTotals
from edge_mef.runtimes.trt_cache import EngineCache
from edge_mef.runtimes.trt_engine import Engine, open_engine, read_plan
from edge_mef.runtimes.trt_lane import Lane, Shared
from edge_mef.runtimes.trt_version import load_tensorrt


class TensorRTRuntime(Runtime):
    """Runs `trt.onnx` as an engine on the first CUDA device.

    Up to `lanes` threads run side by side, each in an execution context of its own; further ones
    wait. Memory stays for the next frame of the same size. `cache` is where engines are kept.

    With `cuda_graph` the execution is captured after the first frame of a size, and launched as a
    graph for those that follow. Copies are not in it.
    """

    name = "tensorrt"
    lanes = 2  # the copies of one frame go on while the other is computed
    phases_note = (
        "copying in goes through pinned memory to the device, compute is the engine, copying out "
        "comes back the same way; between them it waits for the device, which a run does only once"
    )

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int | None = None,
        whole: bool = False,
        cache: EngineCache | None = None,
        cuda_graph: bool = False,
        profile: bool = False,
    ) -> None:
        if cuda_graph and profile:
            raise InputError(
                "TensorRT tells no layers of a CUDA graph apart: ask for the profile or for the "
                "CUDA graph, not for both"
            )
        model, self._plan = read_plan(bundle)
        self.artefact, self._contract = self._plan.model, bundle.manifest.contract
        self._trt = load_tensorrt()
        self._device = open_cuda()
        self._lent = LentMemory(self._device)
        self._cuda_graph, self._layers = cuda_graph, LayerTotals() if profile else None
        self._engine: Engine | None = None
        try:
            if cuda_graph and not self._device.graphs:
                raise no_graphs(self._device.name)
            with self._device.active():
                self._free_before = self._device.free_bytes()
                self._engine = open_engine(self._trt, model, self._plan, cache or EngineCache())
                self._check_tensors(self._engine.engine)
            self._lanes = Lanes(self._new_lane, self.lanes)
        except BaseException:
            self._release()
            raise

    def _new_lane(self) -> Lane:
        assert self._engine is not None, "lanes are closed before the engine"
        shared = Shared(
            self._trt,
            self._engine.engine,
            self._plan,
            self._device,
            self._lent,
            self._cuda_graph,
            self._layers,
        )
        with self._device.active():
            return Lane(shared)

    def run(self, exposures: Sequence[Frame], out: Frame | None = None) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, to (H, W, 3) uint8 RGB, into `out`."""
        return self._timed(exposures, NO_CLOCK, out)

    def run_phases(self, exposures: Sequence[Frame]) -> tuple[Frame, PhaseTimes]:
        """Fuse as `run` does, but wait for the device after each phase."""
        clock = PhaseClock()
        return self._timed(exposures, clock, None), clock.times()

    def _timed(self, exposures: Sequence[Frame], clock: PhaseClock, out: Frame | None) -> Frame:
        self._check_count(len(exposures))
        self._check_size(exposures[0].shape)
        with self._lanes.lane() as lane, self._device.active():
            return lane.run(exposures, clock, out)

    def run_device(
        self, exposures: Sequence[DeviceArray], out: DeviceArray | None = None
    ) -> DeviceArray:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, that lie on the first CUDA device.

        Other libraries' arrays are read and written where they lie, by DLPack or by the CUDA Array
        Interface, after the work that was begun on them. The result is finished on return, and is
        `out` where that is given. Arrays must not overlap `out`.

        Raises:
            InputError: not such arrays, not as many, or not of a size that the engine takes.
            FrameTooLargeError: the memory of the GPU is not enough.
        """
        with self._lanes.lane() as lane, self._device.active(), ExitStack() as loans:

            def view(array: DeviceArray) -> DeviceView:
                return loans.enter_context(borrowed(array, lane.stream.handle))

            views = [view(array) for array in exposures]
            shape = _shape_of(views)
            self._check_count(len(views))
            self._check_size(shape)
            self._contract.check(len(views), shape[0], shape[1])
            if out is None:
                fused = DeviceFrame(self._lent.block(shape[0] * shape[1] * 3), shape)
                lane.run_on_device(views, fused.view())
                return fused
            target = view(out)
            _check_target(target, views)
            lane.run_on_device(views, target)
            return out

    def host_buffer(self, shape: tuple[int, ...]) -> Frame:
        """Return pinned memory, which frames are copied from and to without a detour.

        On an integrated GPU it is mapped: nothing is copied at all. It stays valid when the
        runtime is closed.
        """
        return self._lent.host_array(shape)

    def _check_count(self, count: int) -> None:
        if count != len(self._plan.inputs):
            raise InputError(
                f"this bundle's engine fuses {len(self._plan.inputs)} exposures, found "
                f"{count}: pass the darkest and the brightest (--extremes picks them), or "
                "export with --exposures"
            )

    def _check_size(self, shape: tuple[int, ...]) -> None:
        refusal = self.refusal(shape[0], shape[1])
        if refusal is not None:
            raise InputError(refusal)

    def refusal(self, height: int, width: int) -> str | None:
        """Say which sizes the engine takes, where this is none of them."""
        profile = self._plan.profile
        if profile is None or profile.takes((height, width)):
            return None
        return (
            f"this bundle's engine takes {profile.text}, found {height}x{width}: resize the "
            "frames, or export with another --profile"
        )

    def device_bytes(self) -> int | None:
        """Return by how much free memory of the device has gone down since before opening.

        What other programs took meanwhile counts, too. At least the memory for frames.
        """
        if self._engine is None:
            return 0
        with self._device.active():
            gone = self._free_before - self._device.free_bytes()
        return max(gone, self._device.allocated)

    def _check_tensors(self, engine: Any) -> None:
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        expected = [*self._plan.inputs, self._plan.output]
        types = [engine.get_tensor_dtype(name) for name in names]
        if sorted(names) != sorted(expected) or set(types) != {self._trt.DataType.UINT8}:
            raise BundleError(
                f"expected an engine with the uint8 tensors {', '.join(expected)}, found "
                f"{', '.join(names)}: delete it from the cache"
            )

    def describe(self) -> dict[str, str]:
        """Return version, device, precision, lanes, and where the engine came from."""
        engine, few = self._engine, self._lanes.why_fewer
        return {
            "runtime": f"tensorrt {self._trt.__version__}",
            "device": cuda_device_facts().get("GPU", "CUDA"),
            "provider": "TensorRT",
            "cuda graph": "on" if self._cuda_graph else "off",
            "precision": self._plan.precision,
            "engine": engine.source if engine else "closed",
            "engine folder": str(engine.folder) if engine and engine.folder else "none",
            "memory": self._device.name if engine else "closed",
            "host memory": "mapped" if self._device.integrated else "pinned",
            "lanes": f"{self._lanes.made} of {self.lanes}" + (f" ({few})" if few else ""),
        }

    def close(self) -> None:
        """Wait for what runs; then release lanes, the engine, and TensorRT's runtime."""
        if self._lanes.close(self._device.active):
            self._release()

    def _release(self) -> None:
        with self._device.active():
            if self._engine is not None:
                self._engine.engine = None
                self._engine.runtime = None
            self._engine = None
        self._lent.close()


def _shape_of(views: Sequence[DeviceView]) -> tuple[int, int, int]:
    """Return the one shape of all views."""
    shapes = {view.shape for view in views}
    if len(shapes) != 1:
        told = ", ".join(f"{shape[0]}x{shape[1]}" for shape in sorted(shapes))
        raise InputError(f"expected exposures of one size, found {told or 'none'}: crop them first")
    height, width, channels = shapes.pop()
    return height, width, channels


def _check_target(target: DeviceView, views: Sequence[DeviceView]) -> None:
    size = target.shape[0] * target.shape[1] * 3
    if target.shape != views[0].shape or target.read_only:
        found = "memory that is only for reading" if target.read_only else f"{target.shape}"
        raise InputError(f"expected room for {views[0].shape} to write to, found {found}")
    if any(abs(view.address - target.address) < size for view in views):
        raise InputError("expected memory for the fused frame apart from that of the exposures")
