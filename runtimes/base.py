"""What a runtime is: it opens one artefact of a bundle on this machine and runs it."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_mef.bundle import Bundle
from edge_mef.closing import Closing
from edge_mef.errors import BundleError, EdgeMefError, FrameTooLargeError, InputError
from edge_mef.runtimes.device_array import DeviceArray
from edge_mef.runtimes.phases import PhaseTimes
from edge_mef.runtimes.profile import LayerTime, LayerTotals

Frame = NDArray[np.uint8]


def run_error(what: str, exposures: Sequence[Frame], error: Exception) -> EdgeMefError:
    """Return what to raise where a runtime failed; `what` is a sentence for anything but memory.

    The errors of runtimes share no base class, and lack of memory has many names.
    """
    if isinstance(error, MemoryError) or "alloc" in str(error).lower():
        height, width = exposures[0].shape[:2]
        return FrameTooLargeError(
            f"the memory of this machine was not enough for frames of {height}x{width}"
        )
    return BundleError(what)


def written(fused: Frame, out: Frame | None) -> Frame:
    """Return a fused frame, copied to `out` where that is given."""
    if out is None:
        return fused
    np.copyto(out, fused)
    return out


class Runtime(Closing):
    """One loaded artefact.

    All pre- and post-processing is in the artefact; a runtime only moves frames. Use it as a
    context manager, or call `close`.
    """

    name: str
    artefact: str  # the file that runs, or "stages"
    sizes: tuple[tuple[int, int], ...] | None = None  # (height, width) that go, where not all do
    phases_note: str  # a sentence: how `run_phases` tells the phases apart
    lanes: int = 1  # threads that fuse faster side by side than one after another
    _layers: LayerTotals | None = None  # where it was opened with a profile

    @abstractmethod
    def __init__(self, bundle: Bundle, *, threads: int | None = None, whole: bool = False) -> None:
        """Load the bundle's artefact for this runtime, using `threads` cores (all where None).

        With `whole` the pipeline in one piece is loaded although the bundle has stages. A runtime
        takes those of the options `provider`, `cuda_graph` and `profile` that its row names.
        """

    @abstractmethod
    def run(self, exposures: Sequence[Frame], out: Frame | None = None) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, already checked, to (H, W, 3) uint8.

        Where `out` is given, a contiguous array of that shape, the fused frame is written into it
        and it is returned; after the first frame of a size no memory of a frame's size is taken.
        """

    def run_device(
        self, exposures: Sequence[DeviceArray], out: DeviceArray | None = None
    ) -> DeviceArray:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, in the memory of a GPU, and to there.

        Arrays have `__dlpack__` or `__cuda_array_interface__`; so has what is returned, which is
        `out` where that is given.

        Raises:
            InputError: this runtime takes none, or the arrays are not as described.
        """
        raise InputError(
            f"the runtime '{self.name}' takes no arrays in the memory of a GPU: choose tensorrt, "
            "or pass frames of the host"
        )

    @abstractmethod
    def run_phases(self, exposures: Sequence[Frame]) -> tuple[Frame, PhaseTimes]:
        """Fuse as `run` does, and return the frame with how long each phase of it took."""

    def layer_times(self) -> tuple[LayerTime, ...]:
        """Return what each layer took in all runs since opening, the slowest first.

        Ask before closing.

        Raises:
            InputError: the runtime was opened without a profile.
            OutputError: the profile could not be written to the disk.
        """
        if self._layers is None:
            raise InputError(
                f"the runtime '{self.name}' was opened without a profile: open it with "
                "profile=True where it takes that option"
            )
        return self._layers.times()

    def host_buffer(self, shape: tuple[int, ...]) -> Frame:
        """Return memory for a frame of this shape from which, and to which, `run` is fastest."""
        return np.empty(shape, np.uint8)

    def device_bytes(self) -> int | None:
        """Return how much of a device's memory this holds now; None on a CPU, or if not known."""
        return None

    def refusal(self, height: int, width: int) -> str | None:
        """Return why frames of a size that the contract takes cannot be run, or None."""
        if self.sizes is None or (height, width) in self.sizes:
            return None
        known = ", ".join("{}x{}".format(*size) for size in self.sizes)
        return (
            f"the runtime '{self.name}' takes frames of {known} with this bundle, found "
            f"{height}x{width}: resize them, or export for their size"
        )

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """Return what runs: versions, device, provider, threads."""

    @abstractmethod
    def close(self) -> None:
        """Release everything; calling it again does nothing."""
