"""What a source of frames is."""

from abc import abstractmethod

from edge_mef.closing import Closing
from edge_mef.errors import EdgeMefError, InputError
from edge_mef.metadata import Metadata
from edge_mef.stream.frames import CameraFrame


class BadFrameError(InputError):
    """One frame cannot be read; the next one may be."""


class SourceLostError(EdgeMefError):
    """A source ended that should have gone on: a camera unplugged, a pipeline broken."""


class Source(Closing):
    """Delivers frames in the order they were taken. Use it as a context manager, or call `close`.

    Attributes:
        fps: frames per second as far as the source states it, None where it does not.
        live: whether it goes on by itself, so that what is not taken in time is lost.
        metadata: what pictures made of its frames should say, such as their colour profile.
    """

    fps: float | None = None
    live: bool = False
    metadata: Metadata = Metadata()

    @abstractmethod
    def read(self) -> CameraFrame | None:
        """Return the next frame, or None after the last.

        Raises:
            BadFrameError: this frame cannot be read; the next may be asked for.
            SourceLostError: there will be no further frames, though there should be.
        """

    def stop(self) -> None:
        """Have a `read` that waits in another thread return soon, where that can be done."""

    @abstractmethod
    def close(self) -> None:
        """Release it; calling it again does nothing."""
