"""A stream from its source to its sink: pair, align, look for motion, fuse, write.

A thread of its own reads and pairs, the stream's threads fuse, and the caller's thread writes. So
the slowest of the three sets the pace.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from edge_mef.errors import EdgeMefError, InputError
from edge_mef.exposures import align_frames, exposures_from_arrays
from edge_mef.fuser import Fuser
from edge_mef.stream.frames import CameraBracket, Frame
from edge_mef.stream.fusion import FusedFrame, FusionStream, Policy
from edge_mef.stream.pairing import STEP, BracketPairing
from edge_mef.stream.sinks.base import Sink, SinkClosedError
from edge_mef.stream.sources.base import BadFrameError, Source
from edge_mef.stream.statistics import StreamStatistics

_LOOK = 0.5  # seconds between two looks at the statistics
_PATIENCE = 5.0  # seconds that a source may take to notice that nobody wants any more
_MOST_BAD = 10  # failures in a row after which a stream is given up
End = Literal["end of the source", "frames", "sink closed", "failed"]
Choose = Callable[[tuple[Frame, ...]], int | None]
Listen = Callable[["StreamReport"], None]


@dataclass(frozen=True)
class StreamOptions:
    """How a stream is run.

    Attributes:
        exposures: frames of a bracket.
        step: stops by which exposures of a bracket differ at least.
        overlap: every frame makes a bracket with those before it.
        align: move the frames of a bracket onto each other.
        choose: returns the index of the exposure to show instead of a fused frame where a bracket
            should not be fused, or None.
        policy: of the ring; None drops for live sources and waits for others.
        slots: of the ring.
        deadline: seconds.
        frames: fused frames after which it ends; None for all.
    """

    exposures: int = 2
    step: float = STEP
    overlap: bool = False
    align: bool = False
    choose: Choose | None = None
    policy: Policy | None = None
    slots: int | None = None
    deadline: float | None = None
    frames: int | None = None


@dataclass(frozen=True)
class StreamReport:
    """What a stream did so far.

    Attributes:
        seconds: since it began.
        read: frames that the source delivered.
        written: fused frames that the sink took.
        unpaired: frames that became part of no bracket, by the reason.
        bad: frames and brackets that could not be read, taken or fused.
        single: brackets shown as one exposure, because the scene moved.
        stream: counts and times of the fusion.
        notes: sentences about what was bad, the first ones.
        ended: why, once it has.
    """

    seconds: float
    read: int
    written: int
    unpaired: Mapping[str, int]
    bad: int
    single: int
    stream: StreamStatistics
    notes: tuple[str, ...]
    ended: End | None = None


@dataclass
class _Troubles:
    """Failures that a stream survives: the first are told, and too many in a row end it."""

    count: int = 0
    in_a_row: int = 0
    notes: list[str] = field(default_factory=list)

    def note(self, error: Exception) -> None:
        """Count one; raise it where there were too many."""
        self.count += 1
        self.in_a_row += 1
        if len(self.notes) < _MOST_BAD and str(error) not in self.notes:
            self.notes.append(str(error))
        if self.in_a_row >= _MOST_BAD:
            raise InputError(f"{_MOST_BAD} failures in a row, the last: {error}") from error

    def survived(self) -> None:
        """Begin to count anew."""
        self.in_a_row = 0


class StreamRun:
    """One run of a stream. `run` returns the report at its end; `report` is one at any time."""

    def __init__(
        self, source: Source, fuser: Fuser, sink: Sink, options: StreamOptions | None = None
    ) -> None:
        """Begin nothing yet; the caller closes source, fuser and sink.

        Raises:
            InputError: options out of range.
        """
        self._source, self._sink, self._options = source, sink, options or StreamOptions()
        asked = self._options
        self._pairing = BracketPairing(asked.exposures, step=asked.step, overlap=asked.overlap)
        policy = asked.policy or ("drop-oldest" if source.live else "block")
        self._stream = FusionStream(
            fuser, slots=asked.slots, policy=policy, deadline=asked.deadline
        )
        self._reading, self._fusing = _Troubles(), _Troubles()
        self._read = self._single = self._written = 0
        self._stopped = threading.Event()
        self._failure: Exception | None = None
        self._ended: End | None = None
        self._began = time.perf_counter()

    @property
    def exposures(self) -> int:
        """Frames of a bracket."""
        return self._options.exposures

    def run(self, listen: Listen | None = None) -> StreamReport:
        """Fuse until the source ends, enough frames are fused, or nobody looks any more.

        Args:
            listen: is given a report about twice a second, in the thread of the caller.

        Raises:
            EdgeMefError: the source or the sink failed, or too many frames in a row did. What was
                fused before is in the sink.
        """
        self._began = time.perf_counter()
        reader = threading.Thread(target=self._feed, name="read", daemon=True)
        reader.start()
        try:
            self._ended = self._drain(listen)
        finally:
            self._stopped.set()
            self._source.stop()
            self._stream.close()
            reader.join(_PATIENCE)
        if self._failure is not None and self._ended == "end of the source":
            self._ended = "failed"
            raise self._failure
        return self.report()

    def report(self) -> StreamReport:
        """Return what was done so far."""
        return StreamReport(
            seconds=time.perf_counter() - self._began,
            read=self._read,
            written=self._written,
            unpaired=self._pairing.dropped,
            bad=self._reading.count + self._fusing.count,
            single=self._single,
            stream=self._stream.statistics,
            notes=(*self._reading.notes, *self._fusing.notes),
            ended=self._ended,
        )

    def _drain(self, listen: Listen | None) -> End:
        """Write fused frames until there are no more."""
        looked = time.perf_counter()
        while True:
            fused = self._next()
            if isinstance(fused, FusedFrame):
                try:
                    self._sink.write(fused.pixels)
                except SinkClosedError:
                    return "sink closed"
                self._written += 1
            elif fused is None:
                return "end of the source"
            if listen is not None and time.perf_counter() - looked >= _LOOK:
                looked = time.perf_counter()
                listen(self.report())
            if self._options.frames and self._written >= self._options.frames:
                return "frames"

    def _next(self) -> FusedFrame | Literal["nothing yet"] | None:
        try:
            fused = self._stream.result(timeout=_LOOK)
        except TimeoutError:
            return "nothing yet"
        except EdgeMefError as error:
            self._fusing.note(error)
            return "nothing yet"
        self._fusing.survived()
        return fused

    def _feed(self) -> None:
        """Read, pair and submit until the source ends; runs in a thread of its own."""
        try:
            while not self._stopped.is_set() and self._read_one():
                pass
        except Exception as error:  # raised again where frames are written
            self._failure = error
        finally:
            self._pairing.finish()
            self._stream.finish()

    def _read_one(self) -> bool:
        """Take one frame, and submit the bracket that it completes; False at the end."""
        try:
            frame = self._source.read()
            if frame is None:
                return False
            self._read += 1
            bracket = self._pairing.add(frame)
            if bracket is not None:
                self._submit(bracket)
                self._reading.survived()
        except (BadFrameError, InputError) as error:
            if not self._stopped.is_set():
                self._reading.note(error)
        return True

    def _submit(self, bracket: CameraBracket) -> None:
        exposures = bracket.exposures
        if self._options.align:
            exposures = align_frames(exposures_from_arrays(exposures, sort=False)).frames
        only = None if self._options.choose is None else self._options.choose(exposures)
        self._single += only is not None
        # Nobody else has these arrays, so that nobody changes them.
        self._stream.submit(*exposures, tag=bracket.number, copy=False, only=only)
