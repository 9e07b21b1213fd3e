"""Videos for pipelines, what was recorded of them, and what they should have become."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_mef.exposures import Frame
from edge_mef.fuser import Fuser

WIDTH, HEIGHT = 65, 49  # rows of RGB do not end at a multiple of four
FAST = "ffmef-edge-2"
FRAME = 33_333_333  # nanoseconds, at 30 frames per second
COLOURS = ("0xff604820 background-color=0xff101418", "0xffb09070 background-color=0xff303850",
           "0xfff0e8d8 background-color=0xff809098")  # fmt: skip
CHANNELS = {"RGB": (3, [0, 1, 2]), "BGR": (3, [2, 1, 0]),
            "RGBx": (4, [0, 1, 2]), "BGRx": (4, [2, 1, 0])}  # fmt: skip
"""Bytes of a pixel, and where red, green and blue are."""


@dataclass(frozen=True)
class Watched:
    """What a pipeline did; times are PTS, DTS and duration in nanoseconds, -1 for none."""

    ended: str
    error: str
    warnings: list[str]
    latency: list[int] | None
    times: list[list[int]]
    running: list[int]
    caps: list[str]
    memory: list[int]
    fused: int = -1
    dropped: int = -1
    source: str = ""

    @property
    def pts(self) -> list[int]:
        """The presentation times alone."""
        return [pts for pts, _, _ in self.times]


@dataclass(frozen=True)
class Video:
    """A test picture with a ball that moves from frame to frame, recorded to `NAME.raw` as well."""

    name: str
    brightness: int = 0
    format: str = "RGB"
    width: int = WIDTH
    height: int = HEIGHT
    buffers: int = 4
    rate: str = "30/1"
    live: bool = False

    @property
    def caps(self) -> str:
        size = f"width={self.width},height={self.height}"
        return f"video/x-raw,format={self.format},{size},framerate={self.rate}"

    def launch(self, pad: str = "fuse.") -> str:
        """Return the part of a pipeline that plays it into a pad, through an identity NAME."""
        colours = f"foreground-color={COLOURS[self.brightness]}"
        source = f"videotestsrc pattern=ball animation-mode=frames num-buffers={self.buffers}"
        return (
            f"{source} is-live={str(self.live).lower()} {colours} ! {self.caps} ! "
            f"tee name=t{self.name} ! queue ! identity name={self.name} ! {pad} "
            f"t{self.name}. ! queue max-size-time=0 ! filesink async=false location={self.name}.raw"
        )

    def frames(self, folder: Path) -> list[Frame]:
        """Return what was recorded, as RGB."""
        return read_video(folder / f"{self.name}.raw", self.format, self.width, self.height)


def pipeline(videos: Sequence[Video], behind: str = "", **properties: object) -> str:
    """Return a pipeline that fuses videos to `out.raw`; `behind` are caps behind the element."""
    given = {"bundle": FAST, "threads": 1, **properties}
    options = " ".join(f"{name}={value}" for name, value in given.items())
    caps = f"! {behind} " if behind else ""
    first = f"edgemeffuse name=fuse {options} {caps}! filesink name=out location=out.raw"
    pads = [video.launch(f"fuse.sink_{index}") for index, video in enumerate(videos)]
    return " ".join([first, *pads])


def read_video(path: Path, name: str, width: int, height: int) -> list[Frame]:
    """Return the frames of a raw file in GStreamer's usual layout, as RGB."""
    channels, colours = CHANNELS[name]
    stride = -(-width * channels // 4) * 4
    rows = np.fromfile(path, np.uint8).reshape(-1, height, stride)
    pixels = rows[:, :, : width * channels].reshape(-1, height, width, channels)
    return [np.ascontiguousarray(frame[..., colours]) for frame in pixels]


def fused(*videos: Sequence[Frame], bundle: str = FAST, sort: bool = True) -> list[Frame]:
    """Return what the library makes of brackets of these frames."""
    with Fuser.open(bundle, threads=1) as fuser:
        return [fuser.fuse(*bracket, sort=sort) for bracket in zip(*videos, strict=True)]


def same(found: Sequence[Frame], wanted: Sequence[Frame]) -> bool:
    """Say whether all frames agree in every pixel, and there are as many."""
    return len(found) == len(wanted) and all(map(np.array_equal, found, wanted))
