"""What a runtime is: it opens one artefact of a bundle on this machine and runs it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from edge_mef.bundle import Bundle
from edge_mef.errors import BundleError, EdgeMefError, FrameTooLargeError

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


class Runtime(ABC):
    """One loaded artefact.

    All pre- and post-processing is in the artefact; a runtime only moves frames. Use it as a
    context manager, or call `close`.
    """

    name: str
    artefact: str  # the file that runs, or "stages"
    sizes: tuple[tuple[int, int], ...] | None = None  # (height, width) that go, where not all do

    @abstractmethod
    def __init__(self, bundle: Bundle, *, threads: int | None = None, whole: bool = False) -> None:
        """Load the bundle's artefact for this runtime, using `threads` cores (all where None).

        With `whole` the pipeline in one piece is loaded although the bundle has stages.
        """

    @abstractmethod
    def run(self, exposures: Sequence[Frame]) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, already checked, to (H, W, 3) uint8."""

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
        """Return what runs: versions, device, threads."""

    @abstractmethod
    def close(self) -> None:
        """Release everything; calling it again does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
