"""The ring: memory for a few brackets and their fused frames, made once and used again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_mef.stream.statistics import StageTimes

Frame = NDArray[np.uint8]
MakeBuffer = Callable[[tuple[int, ...]], Frame]
State = Literal["queued", "running", "done"]


@dataclass
class Slot:
    """Memory for one bracket and its fused frame; it is made anew where sizes change."""

    make: MakeBuffer
    exposures: tuple[Frame, ...] = ()
    fused: Frame = field(default_factory=lambda: np.empty((0, 0, 3), np.uint8))

    def hold(self, frames: Sequence[Frame], *, copy: bool) -> Sequence[Frame]:
        """Have memory for these frames; return the copies in it, or the frames themselves."""
        shape = frames[0].shape
        if self.fused.shape != shape:
            self.fused, self.exposures = self.make(shape), ()
        if not copy and all(frame.flags.c_contiguous for frame in frames):
            return frames
        if len(self.exposures) != len(frames):
            self.exposures = tuple(self.make(shape) for _ in frames)
        for target, frame in zip(self.exposures, frames, strict=True):
            np.copyto(target, frame)
        return self.exposures


@dataclass
class Job:
    """One bracket on its way through the ring; times are seconds of `time.perf_counter`."""

    number: int
    slot: Slot
    tag: object
    submitted: float
    deadline: float | None
    frames: Sequence[Frame] = ()
    only: int | None = None  # the exposure that is taken instead of fusing
    copied: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    state: State = "queued"
    error: Exception | None = None

    def times(self, now: float) -> StageTimes:
        """Return where the time went, up to now."""
        return StageTimes(
            copy=1e3 * (self.copied - self.submitted),
            wait=1e3 * (self.started - self.copied),
            fuse=1e3 * (self.ended - self.started),
            held=1e3 * (now - self.ended),
        )

    @property
    def is_late(self) -> bool:
        """Whether it ended after its deadline."""
        return self.deadline is not None and self.ended > self.deadline


@dataclass
class Ring:
    """Free slots, and jobs in the order they came. Whoever touches it holds the stream's lock."""

    free: list[Slot]
    jobs: list[Job] = field(default_factory=list)

    def next_queued(self) -> Job | None:
        """Return the oldest job that nobody works on."""
        return next((job for job in self.jobs if job.state == "queued"), None)

    def remove(self, job: Job) -> None:
        """Take a job out; its slot is free again."""
        self.jobs.remove(job)
        self.free.append(job.slot)

    def droppable(self) -> Job | None:
        """Return the oldest job that nobody works on, be it still to do or done."""
        return self.next_queued() or next((job for job in self.jobs if job.state == "done"), None)
