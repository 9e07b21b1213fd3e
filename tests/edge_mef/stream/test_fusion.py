"""The stream: order, policies, deadlines, faults, and how it ends."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from edge_mef.errors import EdgeMefError, InputError
from edge_mef.fuser import Fuser
from edge_mef.stream.fusion import FusedFrame, FusionStream
from tests.edge_mef.stream.made_fuser import BAD, MadeFuser, made_bracket, value_of


@pytest.fixture
def fuser() -> MadeFuser:
    return MadeFuser()


def taken(stream: FusionStream) -> FusedFrame:
    found = stream.result(timeout=10)
    assert found is not None
    return found


def values(stream: FusionStream) -> list[int]:
    stream.finish()
    return [value_of(fused.pixels) for fused in stream]


def test_it_fuses_what_a_fuser_fuses(pair: tuple[np.ndarray, np.ndarray]) -> None:
    with Fuser.open("ffmef-edge-2", threads=1) as fuser, fuser.stream() as stream:
        stream.submit(*pair, tag="first")
        stream.submit(*pair[::-1])
        fused = taken(stream)
        assert (fused.number, fused.tag, fused.late) == (0, "first", False)
        np.testing.assert_array_equal(fused.pixels, fuser.fuse(*pair, sort=False))
        np.testing.assert_array_equal(taken(stream).pixels, fuser.fuse(*pair[::-1], sort=False))
    with Fuser.open("ffmef-edge-2", threads=1) as fuser, fuser.stream(sort=True) as stream:
        stream.submit(*pair[::-1])
        np.testing.assert_array_equal(taken(stream).pixels, fuser.fuse(*pair))


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_submit(fuser: MadeFuser, workers: int) -> None:
    with FusionStream(fuser, workers=workers) as stream:
        brackets = (made_bracket(value) for value in range(50))
        found = [(fused.number, value_of(fused.pixels)) for fused in stream.fuse_all(brackets)]
    assert found == [(value, value) for value in range(50)]


def test_a_stream_that_is_finished_ends(fuser: MadeFuser) -> None:
    with FusionStream(fuser) as stream:
        stream.submit(*made_bracket(1))
        stream.finish()
        assert value_of(taken(stream).pixels) == 1
        assert stream.result() is None
        assert stream.result() is None
        with pytest.raises(InputError, match="was finished: open another"):
            stream.submit(*made_bracket(1))


def test_submit_waits_for_a_slot(fuser: MadeFuser) -> None:
    fuser.gate.clear()
    with FusionStream(fuser, slots=3) as stream:
        for value in range(3):
            stream.submit(*made_bracket(value))
        with pytest.raises(TimeoutError, match=r"no free slot within 0\.05 s"):
            stream.submit(*made_bracket(3), timeout=0.05)
        with pytest.raises(TimeoutError, match=r"no fused frame within 0\.05 s"):
            stream.result(timeout=0.05)
        fuser.gate.set()
        assert values(stream) == [0, 1, 2]
        assert stream.statistics.submitted == stream.statistics.fused == 3


def test_the_oldest_is_dropped(fuser: MadeFuser) -> None:
    """A sink that blocks: what is worked on stays, and the newest brackets are kept."""
    fuser.gate.clear()
    with FusionStream(fuser, slots=4, policy="drop-oldest") as stream:
        stream.submit(*made_bracket(0))
        assert fuser.begun.acquire(timeout=10)
        for value in range(1, 20):
            stream.submit(*made_bracket(value), timeout=5)
        fuser.gate.set()
        assert values(stream) == [0, 17, 18, 19]
        statistics = stream.statistics
    assert (statistics.submitted, statistics.fused) == (20, 4)
    assert statistics.dropped == {"overflow": 16}


def test_what_nobody_takes_is_dropped_too(fuser: MadeFuser) -> None:
    with FusionStream(fuser, slots=3, policy="drop-oldest") as stream:
        for value in range(30):
            stream.submit(*made_bracket(value), timeout=5)
        assert values(stream)[-1] == 29
        statistics = stream.statistics
        assert statistics.fused + statistics.dropped["overflow"] == 30


def test_what_begins_too_late_is_dropped(fuser: MadeFuser) -> None:
    fuser.gate.clear()
    with FusionStream(fuser, slots=5, deadline=0.05) as stream:
        for value in range(3):
            stream.submit(*made_bracket(value))
        assert fuser.begun.acquire(timeout=10)
        time.sleep(0.1)
        fuser.gate.set()
        fused = taken(stream)
        assert (value_of(fused.pixels), fused.late) == (0, True)
        stream.submit(*made_bracket(9))
        fused = taken(stream)
        assert (value_of(fused.pixels), fused.late) == (9, False)
        assert stream.statistics.dropped == {"deadline": 2}
        assert stream.statistics.late == 1


def test_a_bracket_that_fails_fails_alone(fuser: MadeFuser) -> None:
    with FusionStream(fuser) as stream:
        for value in (1, BAD, 2):
            stream.submit(*made_bracket(value))
        assert value_of(taken(stream).pixels) == 1
        with pytest.raises(ValueError, match="this bracket is bad"):
            stream.result()
        assert value_of(taken(stream).pixels) == 2
        assert (stream.statistics.fused, stream.statistics.failed) == (2, 1)
    assert len(stream._ring.free) == 3  # and one is lent


@pytest.mark.parametrize(
    ("bracket", "sentence"),
    [
        ((np.zeros((4, 6, 3), np.uint8),), "found one array"),
        ((np.zeros((4, 6, 3), np.uint8), np.zeros((4, 7, 3), np.uint8)), "of one size"),
        ((np.full((4, 6, 3), np.nan), np.zeros((4, 6, 3), np.uint8)), "NaN or infinite"),
        ((np.zeros((1, 1001, 3), np.uint8),) * 2, "up to 1000, found 1001"),
    ],
)
def test_a_bad_bracket_is_refused_and_takes_no_slot(
    fuser: MadeFuser, bracket: tuple[np.ndarray, ...], sentence: str
) -> None:
    with FusionStream(fuser, slots=3) as stream:
        for _ in range(5):
            with pytest.raises(InputError, match=sentence):
                stream.submit(*bracket)
        stream.submit(*made_bracket(7))
        assert values(stream) == [7]
        assert stream.statistics.submitted == 1


def test_the_size_changes_in_the_middle(fuser: MadeFuser) -> None:
    shapes = [(4, 6, 3)] * 5 + [(8, 2, 3)] * 5 + [(4, 6, 3)] * 5
    with FusionStream(fuser) as stream:
        brackets = [made_bracket(value, shape) for value, shape in enumerate(shapes)]
        found = [(value_of(f.pixels), f.pixels.shape) for f in stream.fuse_all(brackets)]
    assert found == list(enumerate(shapes))


def test_the_number_of_exposures_changes_in_the_middle(fuser: MadeFuser) -> None:
    with FusionStream(fuser) as stream:
        one = made_bracket(1)
        brackets = [one, (*one, one[0]), one]
        assert [int(f.pixels[0, 0, 0]) for f in stream.fuse_all(brackets)] == [3, 4, 3]


def test_the_caller_may_use_its_arrays_again(fuser: MadeFuser) -> None:
    fuser.gate.clear()
    with FusionStream(fuser) as stream:
        bracket = made_bracket(1)
        stream.submit(*bracket)
        for frame in bracket:
            frame[:] = 100
        fuser.gate.set()
        assert value_of(taken(stream).pixels) == 1


def test_without_a_copy_the_arrays_themselves_are_fused(fuser: MadeFuser) -> None:
    fuser.gate.clear()
    with FusionStream(fuser) as stream:
        bracket = made_bracket(1)
        stream.submit(*bracket, copy=False)
        for frame in bracket:
            frame[:] *= 4
        views = tuple(np.zeros((6, 4, 3), np.uint8).transpose(1, 0, 2) for _ in range(2))
        stream.submit(*views, copy=False)
        fuser.gate.set()
        assert value_of(taken(stream).pixels) == 4
        assert value_of(taken(stream).pixels) == 0


def test_memory_is_made_once(fuser: MadeFuser) -> None:
    """A ring of 4 slots makes at most 4 fused frames and 8 exposures, whatever it fuses."""
    with FusionStream(fuser, slots=4) as stream:
        found = {f.pixels.ctypes.data for f in stream.fuse_all([made_bracket(1)] * 100)}
    assert len(found) <= 4
    assert fuser.made <= 12


def test_a_lent_frame_stays_until_the_next_is_taken(fuser: MadeFuser) -> None:
    with FusionStream(fuser, slots=3, policy="drop-oldest") as stream:
        stream.submit(*made_bracket(5))
        lent = taken(stream)
        for value in range(20):
            stream.submit(*made_bracket(value), timeout=5)
        assert value_of(lent.pixels) == 5


def test_two_threads_cannot_take_results(fuser: MadeFuser) -> None:
    with FusionStream(fuser) as stream:
        first = threading.Thread(target=stream.result)
        first.start()
        while not stream._taking:
            time.sleep(0.001)
        with pytest.raises(InputError, match="expected one thread to take results"):
            stream.result()
        stream.finish()
        first.join(10)


def test_many_threads_may_submit(fuser: MadeFuser) -> None:
    with FusionStream(fuser) as stream:
        submitting = [
            threading.Thread(target=lambda: [stream.submit(*made_bracket(1)) for _ in range(25)])
            for _ in range(4)
        ]
        for thread in submitting:
            thread.start()
        numbers = [taken(stream).number for _ in range(100)]
        for thread in submitting:
            thread.join(10)
    assert numbers == list(range(100))


def test_what_a_source_raises_comes_after_its_frames(fuser: MadeFuser) -> None:
    def dying() -> Iterator[tuple[np.ndarray, ...]]:
        for value in range(7):
            yield made_bracket(value)
        raise EdgeMefError("the camera was unplugged")

    found: list[int] = []

    def take(stream: FusionStream) -> None:
        for fused in stream.fuse_all(dying()):
            found.append(value_of(fused.pixels))

    with FusionStream(fuser) as stream, pytest.raises(EdgeMefError, match="was unplugged"):
        take(stream)
    assert found == list(range(7))


def test_a_loop_that_is_left_leaves_no_thread(fuser: MadeFuser) -> None:
    before = set(threading.enumerate())
    with FusionStream(fuser) as stream:
        for fused in stream.fuse_all(made_bracket(1) for _ in range(10_000)):
            if fused.number == 3:
                break
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


def test_it_closes_while_it_works(fuser: MadeFuser) -> None:
    fuser.gate.clear()
    stream = FusionStream(fuser)
    for value in range(3):
        stream.submit(*made_bracket(value))
    assert fuser.begun.acquire(timeout=10)
    closing = threading.Thread(target=stream.close)
    closing.start()
    while not stream._closed:
        time.sleep(0.001)
    with pytest.raises(InputError, match="was finished"):
        stream.submit(*made_bracket(0), timeout=5)
    fuser.gate.set()
    closing.join(10)
    assert not closing.is_alive()
    assert not any(worker.is_alive() for worker in stream._workers)
    assert stream.result() is None
    assert sum(stream.statistics.dropped.values()) == stream.statistics.submitted
    stream.close()


def test_an_exception_in_the_block_ends_the_threads(fuser: MadeFuser) -> None:
    stream = FusionStream(fuser)

    def interrupted() -> None:
        with stream:
            stream.submit(*made_bracket(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not any(worker.is_alive() for worker in stream._workers)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"policy": "newest"}, "expected a policy of block, drop-oldest, found 'newest'"),
        ({"deadline": 0.0}, "expected a deadline of more than 0 seconds"),
        ({"deadline": float("nan")}, "expected a deadline of more than 0 seconds"),
        ({"slots": 2}, "expected 3 to 64 slots, found 2"),
        ({"slots": 3, "workers": 2}, "expected 4 to 64 slots, found 3"),
        ({"workers": 0}, "expected 1 to 61 workers, found 0"),
    ],
)
def test_options_out_of_range(fuser: MadeFuser, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        FusionStream(fuser, **options)  # type: ignore[arg-type]
