"""One lane of TensorRT: an execution context with a stream and memory of its own."""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np

from edge_mef.errors import BundleError, EdgeMefError, FrameTooLargeError
from edge_mef.runtimes.base import Frame, written
from edge_mef.runtimes.cuda_memory import Bytes, CudaDevice, Pinned
from edge_mef.runtimes.device_array import DeviceView
from edge_mef.runtimes.lent_memory import LentMemory
from edge_mef.runtimes.phases import Phase, PhaseClock
from edge_mef.runtimes.profile import LayerTotals
from edge_mef.runtimes.trt_context import BoundContext
from edge_mef.runtimes.trt_plan import EnginePlan, Size

_SIZES_KEPT = 2  # wide and upright
_ALIGNMENT = 256  # bytes, of what TensorRT reads and writes
Result = TypeVar("Result")


@dataclass(frozen=True)
class Shared:
    """What all lanes of a runtime have in common; `layers` where their times are noted."""

    trt: Any
    engine: Any
    plan: EnginePlan
    device: CudaDevice
    lent: LentMemory
    cuda_graph: bool
    layers: LayerTotals | None


@dataclass
class _Size:
    """Memory for frames of one size, by the names of the tensors, made when it is needed.

    `graph` is the execution on all of `device` as a CUDA graph, where it was captured.
    """

    size: Size
    context: BoundContext
    device: dict[str, int] = field(default_factory=dict)
    staging: dict[str, Pinned] = field(default_factory=dict)
    graph: Any = None

    @property
    def bytes(self) -> int:
        """Bytes of a frame."""
        return self.size[0] * self.size[1] * 3


@dataclass(frozen=True)
class _End:
    """Pinned memory where a frame comes from or goes to; `device` is its address there, if any."""

    array: Bytes
    device: int | None
    staged: bool  # whether it is the lane's, and not that of the frame itself


class Lane:
    """Runs one fusion at a time; the device must be active in every call.

    Frames in lent memory are copied straight between it and the device, on an integrated GPU not
    at all; others go by pinned memory of the lane. The last sizes keep their memory and graphs.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._sizes: OrderedDict[Size, _Size] = OrderedDict()
        self._contexts = [self._new_context()]
        self.stream = shared.device.open_stream()

    def run(self, exposures: Sequence[Frame], clock: PhaseClock, out: Frame | None) -> Frame:
        """Fuse frames of the host, already checked."""
        height, width = exposures[0].shape[:2]
        # The engine may write the first rows before it has read the last.
        apart = out is None or not any(np.may_share_memory(out, frame) for frame in exposures)
        target = out if apart else None

        def run() -> Frame:
            return self._run((height, width), exposures, clock, target)

        fused = self._with_room((height, width), run)
        fused = fused if apart else written(fused, out)
        clock.lap("copy_out")
        return fused

    def run_on_device(self, exposures: Sequence[DeviceView], out: DeviceView) -> None:
        """Fuse frames on the device into memory there, and wait until that is done."""
        size = (out.shape[0], out.shape[1])
        self._with_room(size, lambda: self._run_on_device(size, exposures, out))

    def close(self) -> None:
        """Release graphs, memory, contexts and the stream."""
        self._forget_all()
        for context in self._contexts:
            context.close()
        self._contexts = []
        self.stream.close()

    def _run(
        self, size: Size, exposures: Sequence[Frame], clock: PhaseClock, out: Frame | None
    ) -> Frame:
        plan, work = self._shared.plan, self._work(size)
        addresses: dict[str, int] = {}
        for name, frame in zip(plan.inputs, exposures, strict=True):
            end = self._end_of(work, name, frame)
            if end.staged:
                np.copyto(end.array.reshape(frame.shape), frame)
            addresses[name] = self._address(work, name, end.device)
            if addresses[name] != end.device:
                self.stream.copy_in(addresses[name], end.array)
        self._lap(clock, "copy_in")
        end = self._end_of(work, plan.output, out)
        addresses[plan.output] = self._address(work, plan.output, end.device)
        self._execute(work, addresses)
        self._lap(clock, "compute")
        if addresses[plan.output] != end.device:
            self.stream.copy_out(end.array, addresses[plan.output])
        self.stream.synchronize()
        found = end.array.reshape(*size, 3)
        if out is not None:
            return written(found, out) if end.staged else out
        return found.copy()

    def _run_on_device(self, size: Size, exposures: Sequence[DeviceView], out: DeviceView) -> None:
        plan, work = self._shared.plan, self._work(size)
        for view in (*exposures, out):
            if view.after is not None:
                self.stream.wait_for(view.after)
        addresses: dict[str, int] = {}
        for name, view in zip(plan.inputs, exposures, strict=True):
            addresses[name] = self._address(work, name, view.address)
            if addresses[name] != view.address:
                self.stream.copy(addresses[name], view.address, work.bytes)
        addresses[plan.output] = self._address(work, plan.output, out.address)
        self._execute(work, addresses)
        if addresses[plan.output] != out.address:
            self.stream.copy(out.address, addresses[plan.output], work.bytes)
        self.stream.synchronize()

    def _with_room(self, size: Size, run: Callable[[], Result]) -> Result:
        """Run; where memory is not enough, once more without that of other sizes."""
        self._shared.lent.collect()
        others = any(kept != size for kept in self._sizes)
        try:
            return run()
        except BaseException as error:
            # Leave no copies under way: their memory may be freed soon.
            with contextlib.suppress(EdgeMefError):
                self.stream.synchronize()
            if isinstance(error, FrameTooLargeError):
                self._forget_all()
            if not (isinstance(error, FrameTooLargeError) and others):
                raise
        return self._with_room(size, run)

    def _lap(self, clock: PhaseClock, phase: Phase) -> None:
        """End a phase; where nobody times it, the device is not waited for."""
        if clock.running:
            self.stream.synchronize()
            clock.lap(phase)

    def _work(self, size: Size) -> _Size:
        """Return the memory for a size, as the one that was used last."""
        if size not in self._sizes:
            while len(self._sizes) >= _SIZES_KEPT:
                self._forget(next(iter(self._sizes)))
            self._sizes[size] = _Size(size, self._context())
        self._sizes.move_to_end(size)
        return self._sizes[size]

    def _context(self) -> BoundContext:
        """Return a context: a graph needs one that no other size changes afterwards."""
        if not self._shared.cuda_graph:
            return self._contexts[0]
        taken = [work.context for work in self._sizes.values()]
        spare = [context for context in self._contexts if context not in taken]
        if not spare:
            spare = [self._new_context()]
            self._contexts += spare
        return spare[0]

    def _new_context(self) -> BoundContext:
        shared = self._shared
        return BoundContext(shared.trt, shared.engine, shared.plan, shared.layers)

    def _end_of(self, work: _Size, name: str, frame: Frame | None) -> _End:
        """Return the memory of a frame where that was lent, and otherwise the lane's own."""
        place = None if frame is None else self._shared.lent.find(frame)
        if place is not None and frame is not None:
            return _End(frame.reshape(-1), place.device, staged=False)
        if name not in work.staging:
            work.staging[name] = self._shared.device.pin(work.bytes)
        pinned = work.staging[name]
        return _End(pinned.array, pinned.device, staged=True)

    def _address(self, work: _Size, name: str, known: int | None) -> int:
        """Return where on the device a tensor lies: where it is known to be, or in own memory."""
        # A graph works on fixed memory, so frames are copied there.
        if known is not None and known % _ALIGNMENT == 0 and not self._shared.cuda_graph:
            return known
        if name not in work.device:
            work.device[name] = self._shared.device.allocate(work.bytes)
        return work.device[name]

    def _execute(self, work: _Size, addresses: Mapping[str, int]) -> None:
        """Begin the execution, or launch it as a graph where it was captured."""
        if work.graph is not None:
            self.stream.launch(work.graph)
            return
        work.context.bind(work.size, addresses)
        work.context.enqueue(self.stream)
        work.context.report(self.stream)
        if self._shared.cuda_graph:
            # The first execution of a size prepares what a capture must not hold.
            self.stream.synchronize()
            work.graph = self._capture(work)

    def _capture(self, work: _Size) -> Any:
        try:
            return self.stream.capture(partial(work.context.enqueue, self.stream))
        except BundleError as error:
            raise BundleError(
                f"the engine cannot be captured as a CUDA graph ({error}): open it without one"
            ) from error

    def _forget_all(self) -> None:
        for size in list(self._sizes):
            self._forget(size)

    def _forget(self, size: Size) -> None:
        """Free the memory of a size, after its graph, which holds addresses of it."""
        work, device = self._sizes.pop(size), self._shared.device
        if work.graph is not None:
            self.stream.destroy(work.graph)
        while work.device:
            device.free(work.device.popitem()[1])
        while work.staging:
            device.unpin(work.staging.popitem()[1])
