"""What caps say of raw video, read from any structure that answers as GStreamer's do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_mef.errors import InputError
from edge_mef.gst.formats import Layout
from edge_mef.gst.matching import SECOND


class Structure(Protocol):
    """The part of `Gst.Structure` that is asked; it answers with whether a field is there."""

    def get_string(self, name: str) -> str | None:
        """Return a text."""

    def get_int(self, name: str) -> tuple[bool, int]:
        """Return a whole number."""

    def get_fraction(self, name: str) -> tuple[bool, int, int]:
        """Return a numerator and a denominator."""


@dataclass(frozen=True)
class VideoCaps:
    """Format, size and framerate of a video; `framerate` is frames and seconds, None if it varies.

    `text` is the whole of the caps' structure.
    """

    layout: Layout
    framerate: tuple[int, int] | None
    text: str

    @property
    def interval(self) -> int | None:
        """Nanoseconds from one frame to the next; None where it varies."""
        if self.framerate is None:
            return None
        return SECOND * self.framerate[1] // self.framerate[0]

    def __str__(self) -> str:
        rate = (
            "any framerate" if self.framerate is None else "{}/{} frames/s".format(*self.framerate)
        )
        return f"{self.layout.width}x{self.layout.height} with {rate}"


def read_caps(structure: Structure, text: str = "") -> VideoCaps:
    """Return what fixed caps say.

    Raises:
        InputError: they lack a size, or have a format that EdgeMEF does not take.
    """
    has_width, width = structure.get_int("width")
    has_height, height = structure.get_int("height")
    if not has_width or not has_height:
        raise InputError(
            "expected width and height in the caps, found none: put a capsfilter before"
        )
    known, frames, seconds = structure.get_fraction("framerate")
    framerate = (frames, seconds) if known and frames > 0 else None
    return VideoCaps(
        Layout.usual(structure.get_string("format") or "none", width, height), framerate, text
    )


def check_sizes(names: Sequence[str], layouts: Sequence[Layout]) -> None:
    """Raise `InputError` unless the frames of all pads, called by names, are of one size."""
    for name, layout in zip(names, layouts, strict=True):
        if layout.shape != layouts[0].shape:
            raise InputError(
                f"expected exposures of one size, but {names[0]} is "
                f"{layouts[0].width}x{layouts[0].height} and {name} is "
                f"{layout.width}x{layout.height}: put videoscale before one of them"
            )
