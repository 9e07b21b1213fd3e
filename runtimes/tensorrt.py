"""The TensorRT artefact: its engine is built on this device on first use, and kept."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mef.bundle import Bundle
from edge_mef.errors import BundleError, InputError
from edge_mef.runtimes.base import Frame, Runtime, written
from edge_mef.runtimes.cuda import cuda_device_facts
from edge_mef.runtimes.cuda_memory import CudaMemory, no_graphs, open_cuda_memory
from edge_mef.runtimes.phases import NO_CLOCK, Phase, PhaseClock, PhaseTimes
from edge_mef.runtimes.profile import LayerTotals
from edge_mef.runtimes.trt_cache import EngineCache
from edge_mef.runtimes.trt_engine import Engine, open_engine, read_plan
from edge_mef.runtimes.trt_profile import attach_profiler
from edge_mef.runtimes.trt_version import first_error, load_tensorrt, logger_of


@dataclass
class _Buffers:
    """Pinned and device memory for frames of one size, by the names of the tensors.

    `graph` is the execution on this memory as a CUDA graph, where one was captured.
    """

    size: tuple[int, int]
    host: dict[str, NDArray[np.uint8]]
    device: dict[str, int]
    graph: Any = None


class TensorRTRuntime(Runtime):
    """Runs `trt.onnx` as an engine on the first CUDA device.

    One execution context, guarded by a lock: calls from several threads run one after another.
    Buffers stay for the next frame of the same size. `cache` is where engines are kept.

    With `cuda_graph` the execution is captured after the first frame of a size, and launched as a
    graph for those that follow. Copies are not in it.
    """

    name = "tensorrt"
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
        self.artefact = self._plan.model
        self._trt = load_tensorrt()
        self._lock = threading.Lock()
        self._memory: CudaMemory | None = open_cuda_memory()
        self._buffers: _Buffers | None = None
        self._cuda_graph, self._profiler = cuda_graph, None
        try:
            if cuda_graph and not self._memory.graphs:
                raise no_graphs(self._memory.name)
            with self._memory.active():
                self._free_before = self._memory.free_bytes()
                self._engine: Engine | None = open_engine(
                    self._trt, model, self._plan, cache or EngineCache()
                )
                self._check_tensors(self._engine.engine)
                self._context = self._engine.engine.create_execution_context()
                if self._context is None:
                    raise BundleError(f"TensorRT gave no execution context: {self._why()}")
                if profile:
                    self._start_profile(self._engine.engine)
        except BaseException:
            self._engine, self._context = None, None
            self._memory.close()
            raise

    def _start_profile(self, engine: Any) -> None:
        self._layers = LayerTotals()
        self._profiler = attach_profiler(self._trt, engine, self._context, self._layers)

    def run(self, exposures: Sequence[Frame], out: Frame | None = None) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, to (H, W, 3) uint8 RGB, into `out`."""
        return self._timed(exposures, NO_CLOCK, out)

    def run_phases(self, exposures: Sequence[Frame]) -> tuple[Frame, PhaseTimes]:
        """Fuse as `run` does, but wait for the device after each phase."""
        clock = PhaseClock()
        return self._timed(exposures, clock), clock.times()

    def _timed(
        self, exposures: Sequence[Frame], clock: PhaseClock, out: Frame | None = None
    ) -> Frame:
        with self._lock:
            if self._memory is None:
                raise BundleError("this runtime was closed: open the bundle again")
            with self._memory.active():
                return self._run(self._memory, exposures, clock, out)

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

        What other programs took meanwhile counts, too. At least the buffers for frames.
        """
        with self._lock:
            if self._memory is None:
                return 0
            with self._memory.active():
                gone = self._free_before - self._memory.free_bytes()
            return max(gone, self._memory.allocated)

    def _run(
        self,
        memory: CudaMemory,
        exposures: Sequence[Frame],
        clock: PhaseClock,
        out: Frame | None,
    ) -> Frame:
        if len(exposures) != len(self._plan.inputs):
            raise InputError(
                f"this bundle's engine fuses {len(self._plan.inputs)} exposures, found "
                f"{len(exposures)}: pass the darkest and the brightest (--extremes picks them), or "
                "export with --exposures"
            )
        height, width = exposures[0].shape[:2]
        buffers = self._buffers_of(memory, (height, width))
        for name, exposure in zip(self._plan.inputs, exposures, strict=True):
            buffers.host[name][:] = exposure.reshape(-1)
            memory.copy_in(buffers.device[name], buffers.host[name])
        _wait(memory, clock, "copy_in")
        self._execute(memory, buffers)
        _wait(memory, clock, "compute")
        memory.copy_out(buffers.host[self._plan.output], buffers.device[self._plan.output])
        memory.synchronize()
        found = buffers.host[self._plan.output].reshape(height, width, 3)
        fused = found.copy() if out is None else written(found, out)
        clock.lap("copy_out")
        return fused

    def _execute(self, memory: CudaMemory, buffers: _Buffers) -> None:
        """Begin the execution, or launch it as a graph where it was captured."""
        if buffers.graph is not None:
            memory.launch(buffers.graph)
            return
        self._enqueue(memory)
        if self._profiler is not None:
            memory.synchronize()
            if not self._context.report_to_profiler():
                raise BundleError(f"TensorRT reported no times of layers: {self._why()}")
        if self._cuda_graph:
            # The first execution of a size prepares what a capture must not hold.
            memory.synchronize()
            buffers.graph = self._capture(memory)

    def _enqueue(self, memory: CudaMemory) -> None:
        if not self._context.execute_async_v3(memory.stream):
            raise BundleError(f"TensorRT could not run the engine: {self._why()}")

    def _capture(self, memory: CudaMemory) -> Any:
        try:
            return memory.capture(partial(self._enqueue, memory))
        except BundleError as error:
            raise BundleError(
                f"the engine cannot be captured as a CUDA graph ({error}): open it without one"
            ) from error

    def _buffers_of(self, memory: CudaMemory, size: tuple[int, int]) -> _Buffers:
        """Return the buffers for a size, and tell the context of them; the last ones are kept."""
        if self._buffers is not None and self._buffers.size == size:
            return self._buffers
        refusal = self.refusal(*size)
        if refusal is not None:
            raise InputError(refusal)
        self._buffers = None
        memory.free()
        names, length = (*self._plan.inputs, self._plan.output), size[0] * size[1] * 3
        host = {name: memory.pinned(length) for name in names}
        device = {name: memory.allocate(length) for name in names}
        for name in self._plan.inputs:
            if not self._context.set_input_shape(name, (1, *size, 3)):
                raise BundleError(f"TensorRT refused frames of {size[0]}x{size[1]}: {self._why()}")
        for name, address in device.items():
            if not self._context.set_tensor_address(name, address):
                raise BundleError(f"TensorRT refused the memory of {name}: {self._why()}")
        self._buffers = _Buffers(size, host, device)
        return self._buffers

    def _check_tensors(self, engine: Any) -> None:
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        expected = [*self._plan.inputs, self._plan.output]
        types = [engine.get_tensor_dtype(name) for name in names]
        if sorted(names) != sorted(expected) or set(types) != {self._trt.DataType.UINT8}:
            raise BundleError(
                f"expected an engine with the uint8 tensors {', '.join(expected)}, found "
                f"{', '.join(names)}: delete it from the cache"
            )

    def _why(self) -> str:
        return first_error(logger_of(self._trt))

    def describe(self) -> dict[str, str]:
        """Return version, device, precision, and where the engine came from."""
        engine, memory = self._engine, self._memory
        return {
            "runtime": f"tensorrt {self._trt.__version__}",
            "device": cuda_device_facts().get("GPU", "CUDA"),
            "provider": "TensorRT",
            "cuda graph": "on" if self._cuda_graph else "off",
            "precision": self._plan.precision,
            "engine": engine.source if engine else "closed",
            "engine folder": str(engine.folder) if engine and engine.folder else "none",
            "memory": memory.name if memory else "closed",
        }

    def close(self) -> None:
        """Release graphs, then the context, its engine, and TensorRT's runtime."""
        with self._lock:
            if self._memory is None:
                return
            with self._memory.active():
                self._buffers = None
                self._memory.free()
                self._context, self._profiler = None, None
                if self._engine is not None:
                    self._engine.engine = None
                    self._engine.runtime = None
                self._engine = None
            self._memory.close()
            self._memory = None


def _wait(memory: CudaMemory, clock: PhaseClock, phase: Phase) -> None:
    """End a phase; where nobody times it, the device is not waited for."""
    if clock.running:
        memory.synchronize()
        clock.lap(phase)
