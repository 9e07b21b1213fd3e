"""A stream from source to sink: what it survives, what ends it, and that nothing before is lost."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_mef.errors import EdgeMefError, FrameTooLargeError, InputError, OutputError
from edge_mef.fuser import Fuser
from edge_mef.stream.frames import CameraFrame
from edge_mef.stream.run import StreamOptions, StreamReport, StreamRun
from edge_mef.stream.sinks.base import Sink, SinkClosedError
from edge_mef.stream.sources.base import BadFrameError, Source, SourceLostError
from tests.edge_mef.stream.made_fuser import BAD, MadeFuser, value_of

Frame = NDArray[np.uint8]
SHAPE = (4, 6, 3)


@dataclass
class MadeSource(Source):
    """Frames of values, dark and bright in turn; an exception in place of a value is raised."""

    script: Sequence[int | Exception | tuple[int, ...]]
    seconds: float = 0.0
    place: int = 0
    shape: tuple[int, ...] = SHAPE
    closed: bool = False

    def read(self) -> CameraFrame | None:
        if self.place >= 2 * len(self.script):
            return None
        place, self.place = self.place, self.place + 1
        entry = self.script[place // 2]
        time.sleep(self.seconds / 2)
        if isinstance(entry, Exception):
            raise entry
        if isinstance(entry, tuple):
            self.shape = entry
            entry = 1
        bright = place % 2
        pixels = np.full(self.shape, entry * (1 + bright), np.uint8)
        return CameraFrame(pixels, place, place / 60, 2.0 * bright)

    def close(self) -> None:
        self.closed = True


@dataclass
class MadeSink(Sink):
    """Keeps the values of what it was given, and fails at a number of frames."""

    seconds: float = 0.0
    fail_at: int = 1_000_000
    error: Exception = field(default_factory=lambda: OutputError("the disk is full"))
    values: list[int] = field(default_factory=list)
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    gate: threading.Event | None = None

    def write(self, pixels: Frame) -> None:
        if len(self.values) >= self.fail_at:
            raise self.error
        if self.gate is not None:
            assert self.gate.wait(20)
        time.sleep(self.seconds)
        self.values.append(value_of(pixels))
        self.shapes.append(pixels.shape)

    def close(self) -> None:
        pass


def run(
    source: Source,
    sink: Sink,
    fuser: MadeFuser | None = None,
    options: StreamOptions | None = None,
) -> StreamReport:
    return StreamRun(source, cast("Fuser", fuser or MadeFuser()), sink, options).run()


def test_every_bracket_arrives_in_order() -> None:
    sink = MadeSink()
    report = run(MadeSource(range(40)), sink)
    assert sink.values == list(range(40))
    assert (report.read, report.bad, report.ended) == (80, 0, "end of the source")
    assert report.stream.fused == report.stream.submitted == 40
    assert threading.active_count() < 20


def test_a_corrupt_frame_in_the_middle_costs_one_bracket() -> None:
    sink = MadeSink()
    report = run(MadeSource([1, 2, BadFrameError("'x.png' is damaged"), 3, 4]), sink)
    assert sink.values == [1, 2, 3, 4]
    assert report.bad == 2
    assert report.notes == ("'x.png' is damaged",)


def test_a_bracket_that_cannot_be_fused_costs_itself() -> None:
    sink = MadeSink()
    report = run(MadeSource([1, BAD, 2]), sink, MadeFuser(error=FrameTooLargeError))
    assert sink.values == [1, 2]
    assert (report.bad, report.stream.failed) == (1, 1)


def test_memory_that_is_never_enough_ends_it_with_one_sentence() -> None:
    sink = MadeSink()
    with pytest.raises(InputError, match="10 failures in a row, the last: this bracket is bad"):
        run(MadeSource([1, 2, *[BAD] * 40, 3]), sink, MadeFuser(error=FrameTooLargeError))
    assert sink.values == [1, 2]


def test_the_size_changes_in_the_middle() -> None:
    """Also between the frames of a bracket, which then is none."""
    sink = MadeSink()
    script: list[int | tuple[int, ...]] = [1, 1, (8, 2, 3), 1, (4, 6, 3), 1]
    run(MadeSource(script), sink)
    assert sink.shapes == [(4, 6, 3)] * 2 + [(8, 2, 3)] * 2 + [(4, 6, 3)] * 2
    between = MadeSource([1, 1])
    read = between.read

    def changing() -> CameraFrame | None:
        between.shape = (8, 2, 3) if between.place == 1 else SHAPE
        return read()

    between.read = changing  # type: ignore[method-assign]
    sink = MadeSink()
    report = run(between, sink)
    assert sink.shapes == [SHAPE]
    assert "expected exposures of one size" in report.notes[0]


@pytest.mark.parametrize("error", [SourceLostError("the camera is gone"), RuntimeError("a bug")])
def test_a_source_that_dies_loses_no_frame_before(error: Exception) -> None:
    sink = MadeSink(seconds=0.01)
    with pytest.raises(type(error), match=str(error)):
        run(MadeSource([1, 2, 3, 4, 5, error, 6]), sink)
    assert sink.values == [1, 2, 3, 4, 5]


def test_a_source_of_nothing_but_damage_is_given_up() -> None:
    with pytest.raises(InputError, match="10 failures in a row, the last: no picture"):
        run(MadeSource([BadFrameError("no picture")] * 20), MadeSink())


@pytest.mark.parametrize("number", [0, 3])
def test_a_sink_that_fails_ends_it(number: int) -> None:
    before = set(threading.enumerate())
    sink = MadeSink(fail_at=number)
    with pytest.raises(OutputError, match="the disk is full"):
        run(MadeSource([1] * 1000), sink)
    assert len(sink.values) == number
    assert not [t for t in set(threading.enumerate()) - before if t.is_alive()]


def test_a_window_that_is_closed_ends_it_well() -> None:
    report = run(MadeSource([1] * 1000), MadeSink(fail_at=4, error=SinkClosedError()))
    assert (report.ended, report.read < 100) == ("sink closed", True)


def test_a_sink_that_blocks_holds_up_a_file_and_costs_a_camera_its_oldest_frames() -> None:
    for live in (False, True):
        sink, source = MadeSink(gate=threading.Event()), MadeSource(range(60))
        source.live = live
        running = StreamRun(source, cast("Fuser", MadeFuser()), sink)
        found: list[StreamReport] = []
        thread = threading.Thread(target=lambda: found.append(running.run()))  # noqa: B023
        thread.start()
        time.sleep(0.3)
        assert source.place == 120 if live else source.place < 20
        assert sink.gate is not None
        sink.gate.set()
        thread.join(20)
        (report,) = found
        assert sink.values[-1] == 59
        assert len(sink.values) + report.stream.dropped.get("overflow", 0) == 60
        assert ("overflow" in report.stream.dropped) == live


def test_it_ends_after_so_many_frames() -> None:
    sink = MadeSink()
    report = run(MadeSource([1] * 1000), sink, options=StreamOptions(frames=7))
    assert (len(sink.values), report.ended) == (7, "frames")


def test_a_bracket_of_a_scene_that_moved_is_one_exposure() -> None:
    sink = MadeSink()
    options = StreamOptions(choose=lambda exposures: 0 if exposures[0][0, 0, 0] == 6 else None)
    report = run(MadeSource([3, 6, 9]), sink, options=options)
    assert sink.values == [3, 2, 9]  # 2 = 6 / 3: the dark frame itself
    assert report.single == 1


def test_overlapping_brackets() -> None:
    sink = MadeSink()
    report = run(MadeSource([3, 3, 3]), sink, options=StreamOptions(overlap=True))
    assert len(sink.values) == 5
    assert report.stream.submitted == 5


def test_it_tells_how_it_goes() -> None:
    heard: list[StreamReport] = []
    running = StreamRun(MadeSource([1] * 30, seconds=0.05), cast("Fuser", MadeFuser()), MadeSink())
    running.run(heard.append)
    assert len(heard) >= 2
    assert heard[0].stream.fused < heard[-1].stream.fused <= 30
    assert 10 < heard[-1].stream.fps < 21
    assert heard[0].ended is None


def test_ctrl_c_in_the_sink_ends_all_threads() -> None:
    before = set(threading.enumerate())
    sink = MadeSink(fail_at=3, error=cast("Exception", KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        run(MadeSource([1] * 1000), sink)
    assert not [t for t in set(threading.enumerate()) - before if t.is_alive()]


def test_real_frames_are_fused_as_fuse_does(pair: tuple[Frame, Frame]) -> None:
    class Pair(MadeSource):
        def read(self) -> CameraFrame | None:
            frame = super().read()
            if frame is None:
                return None
            return CameraFrame(pair[frame.number % 2], frame.number, frame.time, frame.exposure)

    class Keep(MadeSink):
        def write(self, pixels: Frame) -> None:
            self.frames = [*getattr(self, "frames", []), pixels.copy()]

    sink = Keep()
    with Fuser.open("ffmef-edge-2", threads=1) as fuser:
        expected = fuser.fuse(*pair, sort=False)
        StreamRun(Pair([0, 0, 0]), fuser, sink, StreamOptions(align=False)).run()
    assert len(sink.frames) == 3
    for found in sink.frames:
        np.testing.assert_array_equal(found, expected)


def test_options_out_of_range() -> None:
    for options in (StreamOptions(exposures=1), StreamOptions(step=0), StreamOptions(deadline=-1)):
        with pytest.raises(EdgeMefError, match="expected"):
            StreamRun(MadeSource([]), cast("Fuser", MadeFuser()), MadeSink(), options)
