"""Raw video as GStreamer lays it out in memory, and as EdgeMEF wants it: packed RGB."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mef.errors import InputError

Frame = NDArray[np.uint8]
Memory = bytes | bytearray | memoryview


@dataclass(frozen=True)
class PixelFormat:
    """How many bytes a pixel has, and OpenCV's codes for the way to RGB and back."""

    channels: int
    to_rgb: int | None
    from_rgb: int | None


FORMATS: dict[str, PixelFormat] = {
    "RGB": PixelFormat(3, None, None),
    "BGR": PixelFormat(3, cv2.COLOR_BGR2RGB, cv2.COLOR_RGB2BGR),
    "RGBx": PixelFormat(4, cv2.COLOR_RGBA2RGB, cv2.COLOR_RGB2RGBA),
    "BGRx": PixelFormat(4, cv2.COLOR_BGRA2RGB, cv2.COLOR_RGB2BGRA),
}


@dataclass(frozen=True)
class Layout:
    """Where the pixels of a frame lie in a buffer; `stride` and `offset` are bytes."""

    format: str
    width: int
    height: int
    stride: int
    offset: int = 0

    @classmethod
    def usual(cls, name: str, width: int, height: int) -> "Layout":
        """Return what GStreamer takes where nothing else is said: rows begin at multiples of 4.

        Raises:
            InputError: a format that is not in `FORMATS`.
        """
        if name not in FORMATS:
            raise InputError(
                f"expected a format of {', '.join(FORMATS)}, found {name}: put videoconvert before"
            )
        return cls(name, width, height, -(-width * FORMATS[name].channels // 4) * 4)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The fused frame's or an exposure's (H, W, 3)."""
        return self.height, self.width, 3

    @property
    def size(self) -> int:
        """Bytes of a buffer with whole rows."""
        return self.offset + self.stride * self.height

    def pixels(self, memory: Memory) -> Frame:
        """Return (H, W, 3) or (H, W, 4) uint8 in the order of the format: a view, no copy.

        Raises:
            InputError: the memory ends before the last pixel.
        """
        channels = FORMATS[self.format].channels
        row = self.width * channels
        least = self.offset + self.stride * (self.height - 1) + row
        if self.stride < row or len(memory) < least:
            raise InputError(
                f"expected {least} bytes for {self.format} of {self.width}x{self.height}, found "
                f"{len(memory)}: the caps do not tell what is in the buffers"
            )
        return np.ndarray(
            (self.height, self.width, channels),
            np.uint8,
            memory,
            self.offset,
            (self.stride, channels, 1),
        )

    def padding(self, memory: Memory) -> Frame:
        """Return what lies after the pixels of each row, (H, bytes) uint8; a view of whole rows."""
        rows = np.ndarray((self.height, self.stride), np.uint8, memory, self.offset)
        return rows[:, self.width * FORMATS[self.format].channels :]


@dataclass(frozen=True)
class Picture:
    """A buffer's memory while it is mapped, and how the frame lies in it."""

    memory: Memory
    layout: Layout

    @property
    def pixels(self) -> Frame:
        """The frame, (H, W, 3) or (H, W, 4) uint8 in the order of its format."""
        return self.layout.pixels(self.memory)

    def packed(self) -> Frame | None:
        """Return the frame if it is packed RGB as it lies there, to be used without a copy."""
        if self.layout.format != "RGB":
            return None
        pixels = self.pixels
        return pixels if pixels.flags.c_contiguous else None

    def read(self, room: Frame) -> Frame:
        """Write the frame to `room`, (H, W, 3) uint8 RGB, and return that."""
        code = FORMATS[self.layout.format].to_rgb
        if code is None:
            np.copyto(room, self.pixels)
        else:
            cv2.cvtColor(self.pixels, code, room)
        return room

    def write(self, frame: Frame) -> None:
        """Fill the frame with (H, W, 3) uint8 RGB, and what rows have besides with zeros."""
        self.layout.padding(self.memory)[:] = 0
        code = FORMATS[self.layout.format].from_rgb
        if code is None:
            np.copyto(self.pixels, frame)
        else:
            cv2.cvtColor(frame, code, self.pixels)
