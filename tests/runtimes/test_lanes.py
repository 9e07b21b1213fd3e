"""Lanes: one thread at a time in each, as many as were asked for, all closed."""

import contextlib
import threading
import time

import pytest

from edge_mef.errors import BundleError, FrameTooLargeError
from edge_mef.runtimes.lanes import Lanes


class Lane:
    def __init__(self) -> None:
        self.busy = self.closed = False

    def close(self) -> None:
        assert not self.busy
        self.closed = True


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_nobody_shares_a_lane(threads: int) -> None:
    made: list[Lane] = []

    def make() -> Lane:
        made.append(Lane())
        return made[-1]

    lanes, wrong = Lanes(make, 3), list[str]()

    def work() -> None:
        for _ in range(20):
            with lanes.lane() as lane:
                if lane.busy:
                    wrong.append("shared")
                lane.busy = True
                time.sleep(0.001)
                lane.busy = False

    started = [threading.Thread(target=work) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    assert not wrong
    assert len(made) == lanes.made == min(threads, 3)
    assert lanes.close(contextlib.nullcontext)
    assert not lanes.close(contextlib.nullcontext)
    assert all(lane.closed for lane in made)
    with pytest.raises(BundleError, match="was closed"), lanes.lane():
        pass


def test_a_thread_gets_the_lane_that_it_had() -> None:
    lanes = Lanes(Lane, 2)
    with lanes.lane() as first, lanes.lane() as second:
        assert first is not second
    with lanes.lane() as again:  # of both, this thread gave back the first one last
        assert again is first
        with lanes.lane() as other:
            assert other is second
            other_thread = threading.Thread(target=lambda: _hold(lanes))
            other_thread.start()
        other_thread.join()
    with lanes.lane() as again:
        assert again is first


def _hold(lanes: Lanes[Lane]) -> None:
    with lanes.lane():
        pass


def test_a_lane_comes_back_after_an_error() -> None:
    lanes = Lanes(Lane, 1)
    for _ in range(2):
        with pytest.raises(ValueError, match="inside"), lanes.lane():
            raise ValueError("inside")


def test_fewer_where_no_further_one_can_be_made() -> None:
    first = [Lane()]

    def make() -> Lane:
        if not first:
            raise FrameTooLargeError("no room")
        return first.pop()

    lanes = Lanes(make, 3)
    started = threading.Event()

    def wait() -> None:
        started.set()
        _hold(lanes)

    with lanes.lane():
        thread = threading.Thread(target=wait)
        thread.start()
        assert started.wait(20)
        while lanes.why_fewer is None:
            assert thread.is_alive()
            time.sleep(0.01)
    thread.join()
    assert (lanes.made, lanes.why_fewer) == (1, "no room")


def test_the_first_one_must_be_made() -> None:
    def make() -> Lane:
        raise BundleError("no context")

    with pytest.raises(BundleError, match="no context"):
        Lanes(make, 2)
