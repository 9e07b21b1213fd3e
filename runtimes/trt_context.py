"""An execution context, with what it was last told of sizes and memory."""

from collections.abc import Mapping
from typing import Any

from edge_mef.errors import BundleError, EdgeMefError
from edge_mef.runtimes.cuda_memory import CudaStream, out_of_memory
from edge_mef.runtimes.profile import LayerTotals
from edge_mef.runtimes.trt_plan import EnginePlan, Size
from edge_mef.runtimes.trt_profile import attach_profiler
from edge_mef.runtimes.trt_version import first_error, logger_of


class BoundContext:
    """TensorRT's execution context; one thread uses it at a time, and is told only what changes."""

    def __init__(self, trt: Any, engine: Any, plan: EnginePlan, layers: LayerTotals | None) -> None:
        self._trt, self._plan = trt, plan
        self._context = engine.create_execution_context()
        if self._context is None:
            raise self._failure("TensorRT gave no execution context")
        # The profiler must live as long as the context.
        self._profiler = layers and attach_profiler(trt, engine, self._context, layers)
        self._size: Size | None = None
        self._addresses: dict[str, int] = {}

    def bind(self, size: Size, addresses: Mapping[str, int]) -> None:
        """Tell it the size of the frames, and where the tensors lie on the device."""
        if size != self._size:
            self._size = None
            for name in self._plan.inputs:
                if not self._context.set_input_shape(name, (1, *size, 3)):
                    raise self._failure(f"TensorRT refused frames of {size[0]}x{size[1]}")
            self._size = size
        for name, address in addresses.items():
            if self._addresses.get(name) == address:
                continue
            self._addresses.pop(name, None)
            if not self._context.set_tensor_address(name, address):
                raise self._failure(f"TensorRT refused the memory of {name}")
            self._addresses[name] = address

    def enqueue(self, stream: CudaStream) -> None:
        """Begin the execution."""
        if not self._context.execute_async_v3(stream.handle):
            raise self._failure("TensorRT could not run the engine")

    def report(self, stream: CudaStream) -> None:
        """Note the times of layers, where they were asked for; this waits for the execution."""
        if self._profiler is None:
            return
        stream.synchronize()
        if not self._context.report_to_profiler():
            raise self._failure("TensorRT reported no times of layers")

    def close(self) -> None:
        """Release it."""
        self._context, self._profiler = None, None

    def _failure(self, what: str) -> EdgeMefError:
        logger = logger_of(self._trt)
        why = first_error(logger)
        logger.errors.clear()  # else the next failure would be told by the words of this one
        if "out of memory" in why.lower() or "alloc" in why.lower():
            return out_of_memory()
        return BundleError(f"{what}: {why}")
