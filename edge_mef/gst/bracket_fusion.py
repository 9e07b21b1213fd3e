"""Fusing mapped buffers: as few copies as formats and strides allow, in memory made once."""

from collections.abc import Sequence
from itertools import pairwise

from edge_mef.exposures import Exposures, align_frames, mean_luma
from edge_mef.fuser import Fuser
from edge_mef.gst.formats import Frame, Picture

_SURELY_BRIGHTER = 1.0  # grey levels of the mean; noise of a covered lens is less


class ExposureOrder:
    """Which video is the darkest, told by luma and kept until it is surely another.

    Two videos of a black scene would change places with every frame otherwise, and the fused video
    would flicker.
    """

    def __init__(self) -> None:
        self._order: list[int] = []

    def of(self, frames: Sequence[Frame]) -> list[int]:
        """Return the indices that put frames (H, W, 3) uint8 RGB darkest first."""
        lumas = [mean_luma(frame) for frame in frames]
        if len(self._order) != len(frames) or any(
            lumas[dark] > lumas[bright] + _SURELY_BRIGHTER for dark, bright in pairwise(self._order)
        ):
            self._order = sorted(range(len(frames)), key=lumas.__getitem__)
        return self._order


class BracketFusion:
    """Fuses brackets of one size after another with a `Fuser`, which is closed with it."""

    def __init__(self, fuser: Fuser, *, align: bool = False, sort: bool = True) -> None:
        self._fuser, self._align = fuser, align
        self._order = ExposureOrder() if sort else None
        self._rooms: dict[int, Frame] = {}  # by exposure; the last is for the fused frame
        self._checked = (0, 0, 0)

    def prepare(self, count: int, height: int, width: int) -> None:
        """Check that so many exposures of this size can be fused; they are what comes next.

        Raises:
            InputError: not as many or not of a size that the bundle takes.
            FrameTooLargeError: it would need more memory than there is.
        """
        if self._checked == (count, height, width):
            return
        self._fuser.check(count, height, width)
        self._rooms.clear()
        self._checked = count, height, width

    def fuse(self, exposures: Sequence[Picture], fused: Picture) -> None:
        """Fuse exposures of one size, given in any order unless not `sort`, into `fused`.

        Raises:
            InputError: a buffer is too small for its frame; and what `prepare` and runtimes raise.
        """
        layout = fused.layout
        self.prepare(len(exposures), layout.height, layout.width)
        frames = [self._read(picture, index) for index, picture in enumerate(exposures)]
        self._fuse(self._ordered(frames), fused)

    def _read(self, picture: Picture, index: int) -> Frame:
        packed = picture.packed()
        return picture.read(self._room(index)) if packed is None else packed

    def _room(self, index: int) -> Frame:
        """Return memory for a frame, made where it is first needed."""
        if index not in self._rooms:
            _, height, width = self._checked
            self._rooms[index] = self._fuser.host_buffer((height, width, 3))
        return self._rooms[index]

    def _ordered(self, frames: list[Frame]) -> tuple[Frame, ...]:
        order = range(len(frames)) if self._order is None else self._order.of(frames)
        ordered = tuple(frames[index] for index in order)
        return align_frames(Exposures(ordered)).frames if self._align else ordered

    def _fuse(self, frames: Sequence[Frame], fused: Picture) -> None:
        packed = fused.packed()
        if packed is not None:
            self._fuser.fuse_into(packed, frames)
            return
        room = self._room(len(frames))
        self._fuser.fuse_into(room, frames)
        fused.write(room)

    def close(self) -> None:
        """Close the fuser; calling it again does nothing."""
        self._fuser.close()
        self._rooms.clear()
        self._checked = (0, 0, 0)
