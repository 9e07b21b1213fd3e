"""Fusing from Python: open a bundle once, fuse many brackets."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_mef.bundle import Bundle, load_bundle
from edge_mef.closing import Closing
from edge_mef.errors import InputError
from edge_mef.exposures import (
    Exposures,
    align_frames,
    exposures_from_arrays,
    read_exposures,
)
from edge_mef.memory import check_memory
from edge_mef.pictures import picture_size
from edge_mef.runtimes.base import Runtime
from edge_mef.runtimes.device_array import DeviceArray
from edge_mef.runtimes.table import open_runtime
from edge_mef.stream.fusion import FusionStream, Policy

Frame = NDArray[np.uint8]


class Fuser(Closing):
    """An open bundle. Use it as a context manager, or call `close`.

    Any thread may fuse; where more do than the runtime gains from, they wait for their turn.
    """

    def __init__(self, bundle: Bundle, runtime: Runtime, memory_limit: int | None = None) -> None:
        self.bundle, self.runtime, self.memory_limit = bundle, runtime, memory_limit
        self._pixels_fused = 0  # of the largest frame
        self._turn = threading.BoundedSemaphore(runtime.lanes)

    @classmethod
    def open(
        cls,
        bundle: str | Path | None = None,
        *,
        runtime: str | None = None,
        threads: int | None = None,
        memory_limit: int | None = None,
        provider: str | None = None,
        cuda_graph: bool | None = None,
        profile: bool = False,
    ) -> "Fuser":
        """Open a bundle.

        Args:
            bundle: a folder, the name of a bundle that comes with EdgeMEF, or None for the default.
            runtime: a name of `edge_mef.runtimes.table.RUNTIMES`; None takes what runs here.
            threads: CPU threads; None for all.
            memory_limit: bytes that one fusion may take; None for what the machine has free.
            provider: where ONNX Runtime, OpenVINO or Core ML computes, by its own name for it.
            cuda_graph: launch TensorRT's work as a CUDA graph.
            profile: note the times of layers for `runtime.layer_times()`.

        Raises:
            BundleError: no bundle there, damaged, or not for this runtime.
            InputError: the runtime does not take one of these options.
            MissingError: the runtime is not installed, or the provider is not there.
        """
        loaded = load_bundle(bundle)
        opened = open_runtime(
            loaded, runtime, threads, provider=provider, cuda_graph=cuda_graph, profile=profile
        )
        return cls(loaded, opened, memory_limit)

    def fuse(self, *exposures: Frame, sort: bool = True) -> Frame:
        """Fuse two or more exposures of one scene.

        Args:
            exposures: (H, W, 3) uint8 RGB, aligned, of one size.
            sort: put them darkest first by their luma; False where they already are.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            InputError: not such arrays, not as many or not of a size that the bundle takes.
            FrameTooLargeError: it would need more memory than there is.
        """
        return self.fuse_exposures(exposures_from_arrays(exposures, sort=sort))

    def fuse_exposures(self, exposures: Exposures) -> Frame:
        """Fuse exposures that are already read and ordered; raises as `fuse` does."""
        self.check(len(exposures.frames), *exposures.size)
        return self._run(exposures.frames, None)

    def fuse_into(self, out: Frame, exposures: Sequence[Frame]) -> None:
        """Fuse exposures that are checked and ordered into `out`, (H, W, 3) uint8 RGB, contiguous.

        After the first frame of a size no memory of a frame's size is taken.
        """
        self._run(exposures, out)

    def fuse_device(self, *exposures: DeviceArray, out: DeviceArray | None = None) -> DeviceArray:
        """Fuse arrays in the memory of the GPU, darkest first, without a copy to the host.

        Args:
            exposures: (H, W, 3) uint8 RGB with `__dlpack__` or `__cuda_array_interface__`, on the
                device of the runtime, contiguous, of one size.
            out: the same, to write to.

        Returns:
            `out`, or a new frame with both protocols; it is finished.

        Raises:
            InputError: not such arrays, or the runtime takes none: only TensorRT does.
            FrameTooLargeError: the memory of the GPU is not enough.
        """
        return self.runtime.run_device(exposures, out)

    def _run(self, exposures: Sequence[Frame], out: Frame | None) -> Frame:
        with self._turn:
            fused = self.runtime.run(exposures, out)
        height, width = fused.shape[:2]
        self._pixels_fused = max(self._pixels_fused, height * width)
        return fused

    def check(self, count: int, height: int, width: int) -> None:
        """Raise `InputError` unless so many frames of this size can be fused here."""
        self.bundle.manifest.contract.check(count, height, width)
        refusal = self.runtime.refusal(height, width)
        if refusal is not None:
            raise InputError(refusal)
        # What was taken for a frame as large is kept for the next, and no longer available.
        if self.memory_limit is not None or height * width > self._pixels_fused:
            check_memory(self.bundle.manifest, height, width, self.memory_limit)

    def read(
        self, paths: Sequence[Path | str], *, align: bool = False, extremes: bool = False
    ) -> Exposures:
        """Read the files of a bracket, refusing what cannot be fused before decoding a pixel.

        Args:
            paths: two or more pictures, in any order.
            align: move the frames onto each other first.
            extremes: keep only the darkest and the brightest.
        """
        if len(paths) >= 2:
            count = 2 if extremes else len(paths)
            self.check(count, *picture_size(paths[0]))
        return read_exposures(paths, align=align, keep_extremes=extremes)

    @property
    def lanes(self) -> int:
        """Threads that fuse faster side by side than one after another."""
        return self.runtime.lanes

    def host_buffer(self, shape: tuple[int, ...]) -> Frame:
        """Return uint8 memory of this shape that the runtime fuses from and to without a detour."""
        return self.runtime.host_buffer(shape)

    def stream(
        self,
        *,
        slots: int | None = None,
        policy: Policy = "block",
        deadline: float | None = None,
        sort: bool = False,
        workers: int | None = None,
    ) -> FusionStream:
        """Return a stream that fuses one bracket after another on threads of its own.

        Args:
            slots: brackets in memory at once; None for three more than workers.
            policy: what `submit` does where all slots are taken: "block" waits for one,
                "drop-oldest" drops the oldest bracket that nobody works on.
            deadline: seconds after `submit`; a bracket that was not begun by then is dropped.
            sort: put every bracket darkest first by its luma; False where they already are.
            workers: threads; None for as many as the runtime gains from.

        Raises:
            InputError: values out of range.
        """
        return FusionStream(
            self, slots=slots, policy=policy, deadline=deadline, sort=sort, workers=workers
        )

    def close(self) -> None:
        """Close the runtime; calling it again does nothing."""
        self.runtime.close()


def fuse(
    *exposures: Frame | str | Path,
    bundle: str | Path | None = None,
    runtime: str | None = None,
    align: bool = False,
    sort: bool = True,
) -> Frame:
    """Fuse one bracket of arrays or of files, with the default bundle unless another is named.

    Takes what `Fuser.fuse` and `Fuser.open` take; files may come in any order. To fuse many
    brackets open a `Fuser` once instead.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    files = [e for e in exposures if isinstance(e, str | Path)]
    arrays = [e for e in exposures if not isinstance(e, str | Path)]
    if files and arrays:
        raise InputError("expected either files or arrays, found both: read the files first")
    with Fuser.open(bundle, runtime=runtime) as fuser:
        if files:
            return fuser.fuse_exposures(fuser.read(files, align=align))
        taken = exposures_from_arrays(arrays, sort=sort)
        if align:
            taken = align_frames(taken)
        return fuser.fuse_exposures(taken)
