"""Fusing for ever: brackets go in, fused frames come out in order, in memory that is made once.

While one bracket is fused, the next is copied in and the one before is taken out.
"""

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, Protocol, get_args

import numpy as np

from edge_mef.closing import Closing
from edge_mef.errors import InputError
from edge_mef.exposures import check_arrays, order_exposures
from edge_mef.stream.ring import Frame, Job, Ring, Slot
from edge_mef.stream.statistics import StageTimes, StreamStatistics, Tally

Policy = Literal["block", "drop-oldest"]
OVERFLOW, TOO_LATE, CLOSED = "overflow", "deadline", "closed"
_MOST = 64  # slots; workers need three fewer
_LOOK = 0.5  # seconds: so often a waiting thread looks for a signal


class Fusing(Protocol):
    """What a stream needs of a `Fuser`."""

    @property
    def lanes(self) -> int:
        """Threads that fuse faster side by side than one after another."""

    def check(self, count: int, height: int, width: int) -> None:
        """Raise unless so many frames of this size can be fused."""

    def fuse_into(self, out: Frame, exposures: Sequence[Frame]) -> None:
        """Fuse (H, W, 3) uint8 RGB, darkest first, into `out`."""

    def host_buffer(self, shape: tuple[int, ...]) -> Frame:
        """Return uint8 memory that frames are best fused from and to."""


@dataclass(frozen=True)
class FusedFrame:
    """A fused frame, lent by the stream until the next one is taken or the stream is closed.

    Attributes:
        pixels: (H, W, 3) uint8 RGB; copy them to keep them.
        number: of its bracket, counted from 0 in the order of `submit`.
        tag: what was given to `submit` with it.
        times: where the time went.
        late: whether it came after its deadline.
    """

    pixels: Frame
    number: int
    tag: object
    times: StageTimes
    late: bool


class FusionStream(Closing):
    """Fuses brackets one after another on threads of its own. Get one from `Fuser.stream`.

    Any thread may submit; one takes results. All memory is made at the first brackets of a size.
    A bracket that cannot be fused raises where its result would be; the stream goes on.
    """

    def __init__(
        self,
        fuser: Fusing,
        *,
        slots: int | None = None,
        policy: Policy = "block",
        deadline: float | None = None,
        sort: bool = False,
        workers: int | None = None,
    ) -> None:
        """Start the threads.

        Args:
            fuser: what fuses; it stays open, and is not closed with the stream.
            slots: brackets in memory at once, two more than workers at least; None for three more.
            policy: what `submit` does where all slots are taken: wait for one, or drop the oldest
                bracket that nobody works on.
            deadline: seconds after `submit`; a bracket that was not begun by then is dropped.
            sort: put every bracket darkest first by its luma; False where they already are.
            workers: threads; None for as many as the runtime gains from.
        """
        _check_options(policy, deadline)
        count = _count(workers, fuser.lanes, 1, _MOST - 3, "workers")
        size = _count(slots, count + 3, count + 2, _MOST, "slots")
        self._fuser, self._policy, self._deadline, self._sort = fuser, policy, deadline, sort
        self._changed = threading.Condition()
        self._ring = Ring([Slot(fuser.host_buffer) for _ in range(size)])
        self._tally = Tally()
        self._numbers = 0
        self._finished = self._closed = self._taking = False
        self._lent: Job | None = None
        self._workers = [
            threading.Thread(target=self._work, name=f"fuse-{index}", daemon=True)
            for index in range(count)
        ]
        for worker in self._workers:
            worker.start()
        _close_at_exit(self)

    def submit(
        self,
        *exposures: Frame,
        tag: object = None,
        copy: bool = True,
        only: int | None = None,
        timeout: float | None = None,
    ) -> int:
        """Give it the next bracket.

        Args:
            exposures: (H, W, 3) uint8 RGB, aligned, of one size, darkest first unless `sort`.
            tag: anything; it comes back with the fused frame.
            copy: False where nobody changes the arrays before the fused frame is out.
            only: the index of an exposure that comes out as it is, in its turn, instead of fusing.
            timeout: seconds to wait for a slot; None for ever.

        Returns:
            The number of the bracket, from 0.

        Raises:
            InputError: not such arrays, not as many or not of a size that the bundle takes, or the
                stream was finished or closed.
            FrameTooLargeError: they would need more memory than there is.
            TimeoutError: no slot became free in time.
        """
        since = time.perf_counter()
        check_arrays(exposures)
        if only is not None and not (isinstance(only, int) and 0 <= only < len(exposures)):
            raise InputError(f"expected one of {len(exposures)} exposures from 0, found {only!r}")
        self._fuser.check(len(exposures), *exposures[0].shape[:2])
        frames = [exposures[i] for i in order_exposures(exposures)] if self._sort else exposures
        slot = self._take_slot(timeout)
        job = Job(0, slot, tag, since, None if self._deadline is None else since + self._deadline)
        try:
            job.frames, job.only = slot.hold(frames, copy=copy), only
            job.copied = time.perf_counter()
        except BaseException:
            self._give_back(slot)
            raise
        return self._append(job)

    def finish(self) -> None:
        """Say that no more brackets come: `result` returns None after the last one."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def result(self, timeout: float | None = None) -> FusedFrame | None:
        """Return the next fused frame in the order of `submit`, or None at the end.

        The frame that was returned before is no longer lent.

        Args:
            timeout: seconds to wait for it; None for ever.

        Raises:
            EdgeMefError: this bracket could not be fused; ask again for the next.
            TimeoutError: none became ready in time.
            InputError: another thread is taking a result.
        """
        with self._changed:
            if self._taking:
                raise InputError(
                    "expected one thread to take results, found two: give each a stream of its own"
                )
            self._taking = True
            try:
                self._take_back()
                self._wait(lambda: self._ready() or self._at_end(), timeout, "fused frame")
                return self._deliver()
            finally:
                self._taking = False

    def __iter__(self) -> Iterator[FusedFrame]:
        """Yield fused frames until the end; each is lent until the next. Raises as `result`."""
        while (fused := self.result()) is not None:
            yield fused

    def fuse_all(self, brackets: Iterable[Sequence[Frame]]) -> Iterator[FusedFrame]:
        """Yield the fused frames of brackets, which a thread of their own takes and submits.

        What the brackets raise is raised here, after all frames before it. The stream is finished
        afterwards; the thread ends once the brackets give it the next one, or their end.
        """
        failure: list[BaseException] = []

        def feed() -> None:
            try:
                for bracket in brackets:
                    self.submit(*bracket)
            except BaseException as error:  # raised again where frames are taken
                failure.append(error)
            finally:
                self.finish()

        feeder = threading.Thread(target=feed, name="feed", daemon=True)
        feeder.start()
        try:
            yield from self
            if failure:
                raise failure[0]
        finally:
            self.finish()

    @property
    def statistics(self) -> StreamStatistics:
        """What it did so far."""
        with self._changed:
            return self._tally.read()

    def close(self) -> None:
        """Drop what is not fused yet and end the threads; calling it again does nothing.

        A bracket that is being fused is waited for.
        """
        with self._changed:
            self._closed = self._finished = True
            for job in [job for job in self._ring.jobs if job.state != "running"]:
                self._drop(job, CLOSED)
            self._changed.notify_all()
        for worker in self._workers:
            worker.join()

    def _take_slot(self, timeout: float | None) -> Slot:
        with self._changed:
            self._check_open()
            self._wait(lambda: self._has_slot() or self._finished, timeout, "free slot")
            self._check_open()
            return self._ring.free.pop()

    def _give_back(self, slot: Slot) -> None:
        with self._changed:
            self._ring.free.append(slot)
            self._changed.notify_all()

    def _append(self, job: Job) -> int:
        with self._changed:
            if self._closed:
                self._ring.free.append(job.slot)
            self._check_open()
            job.number, self._numbers = self._numbers, self._numbers + 1
            self._tally.submitted += 1
            self._ring.jobs.append(job)
            self._changed.notify_all()
            return job.number

    def _check_open(self) -> None:
        if self._finished:
            raise InputError("this stream was finished: open another for further brackets")

    def _wait(self, until: Callable[[], bool], timeout: float | None, what: str) -> None:
        """Wait for a condition with the lock held; in turns, so that signals are heard."""
        end = None if timeout is None else time.monotonic() + timeout
        while not until():
            left = _LOOK if end is None else min(_LOOK, end - time.monotonic())
            if left <= 0:
                raise TimeoutError(f"no {what} within {timeout:g} s")
            self._changed.wait(left)

    def _ready(self) -> bool:
        jobs = self._ring.jobs
        return bool(jobs) and jobs[0].state == "done"

    def _at_end(self) -> bool:
        return self._finished and not self._ring.jobs

    def _take_back(self) -> None:
        """End the loan of the frame that was taken last."""
        if self._lent is not None:
            self._ring.free.append(self._lent.slot)
            self._lent = None
            self._changed.notify_all()

    def _deliver(self) -> FusedFrame | None:
        """Take the first job out; its slot stays lent."""
        if not self._ready():
            return None
        job = self._ring.jobs.pop(0)
        self._lent, now = job, time.perf_counter()
        if job.error is not None:
            self._tally.failed += 1
            self._take_back()
            raise job.error
        self._tally.deliver(job.times(now), now, late=job.is_late)
        return FusedFrame(job.slot.fused, job.number, job.tag, job.times(now), job.is_late)

    def _has_slot(self) -> bool:
        """Say whether a slot is free; as the policy is, make one free."""
        if not self._ring.free and self._policy == "drop-oldest":
            job = self._ring.droppable()
            if job is not None:
                self._drop(job, OVERFLOW)
        return bool(self._ring.free)

    def _drop(self, job: Job, reason: str) -> None:
        self._tally.drop(reason)
        self._ring.remove(job)
        self._changed.notify_all()

    def _next_job(self) -> Job | None:
        """Wait for work; None where there will be none any more."""
        with self._changed:
            while not self._closed:
                job = self._ring.next_queued()
                if job is None:
                    self._changed.wait()
                    continue
                job.started = time.perf_counter()
                if job.deadline is None or job.started <= job.deadline:
                    job.state = "running"
                    return job
                self._drop(job, TOO_LATE)
        return None

    def _work(self) -> None:
        while (job := self._next_job()) is not None:
            try:
                if job.only is None:
                    self._fuser.fuse_into(job.slot.fused, job.frames)
                else:
                    np.copyto(job.slot.fused, job.frames[job.only])
            except Exception as error:  # it is raised where the result is taken
                job.error = error
            with self._changed:
                job.ended, job.state, job.frames = time.perf_counter(), "done", ()
                if self._closed:
                    self._drop(job, CLOSED)
                self._changed.notify_all()


def _check_options(policy: str, deadline: float | None) -> None:
    if policy not in get_args(Policy):
        raise InputError(f"expected a policy of {', '.join(get_args(Policy))}, found '{policy}'")
    if deadline is not None and not (isinstance(deadline, int | float) and deadline > 0):
        raise InputError(f"expected a deadline of more than 0 seconds, found {deadline!r}")


def _count(asked: int | None, default: int, least: int, most: int, what: str) -> int:
    if asked is None:
        return default
    if not (isinstance(asked, int) and least <= asked <= most):
        raise InputError(f"expected {least} to {most} {what}, found {asked!r}")
    return asked


_OPEN: "weakref.WeakSet[FusionStream]" = weakref.WeakSet()


def _close_at_exit(stream: FusionStream) -> None:
    """Have its threads end before the interpreter takes their libraries away."""
    _OPEN.add(stream)
    _register_once()


@cache
def _register_once() -> None:
    atexit.register(_close_all)


def _close_all() -> None:
    for stream in list(_OPEN):
        stream.close()
