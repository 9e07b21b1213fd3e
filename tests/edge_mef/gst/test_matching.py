"""Which buffers belong together, by their times."""

import pytest

from edge_mef.gst.matching import SECOND, tolerances_of, without_partner

FRAME = SECOND // 30


@pytest.mark.parametrize(
    ("times", "unfit"),
    [
        ((100, 100), []),
        ((100, 110), []),
        ((100, 90), []),
        ((100, 111), [0]),
        ((100, 89), [1]),
        ((100, 100, 89), [2]),
        ((100, 89, 111), [0, 1]),
        ((100, 91, 109), []),  # the two others are further from each other than from the first
        ((100, 80, 85, 100), [1, 2]),
    ],
)
def test_who_has_no_partner(times: tuple[int, ...], unfit: list[int]) -> None:
    assert without_partner(times, [10] * len(times)) == unfit


def pairs(first: list[int], second: list[int], tolerances: list[int]) -> list[tuple[int, int]]:
    """Take buffers off two queues as the element does."""
    queues, found = (first[:], second[:]), []
    while all(queues):
        times = [queue[0] for queue in queues]
        unfit = without_partner(times, tolerances)
        if not unfit:
            found.append((times[0], times[1]))
        for index in unfit or (0, 1):
            queues[index].pop(0)
    return found


@pytest.mark.parametrize("phase", [0, FRAME // 4, FRAME // 2, FRAME // 2 + 1, -FRAME // 2])
def test_cameras_out_of_phase_still_pair(phase: int) -> None:
    first = [SECOND * n // 30 for n in range(20)]
    found = pairs(first, [time + phase for time in first], tolerances_of([FRAME, FRAME]))
    assert len(found) >= 19


@pytest.mark.parametrize("lost", [{3}, {0, 1, 2}, {5, 7, 9}])
def test_a_loss_does_not_shift_what_follows(lost: set[int]) -> None:
    first = [SECOND * n // 30 for n in range(12)]
    second = [time + 1_000_000 for n, time in enumerate(first) if n not in lost]
    found = pairs(first, second, tolerances_of([FRAME, FRAME]))
    assert found == [(time, time + 1_000_000) for n, time in enumerate(first) if n not in lost]


@pytest.mark.parametrize("faster", [2, 3, 4])
def test_of_a_faster_video_the_frame_of_the_same_time_is_taken(faster: int) -> None:
    first = [SECOND * n // 30 for n in range(8)]
    second = [SECOND * n // (30 * faster) for n in range(8 * faster)]
    tolerances = tolerances_of([FRAME, FRAME // faster])
    assert pairs(first, second, tolerances) == [(time, time) for time in first]
    assert pairs(second, first, tolerances_of([FRAME // faster, FRAME])) == [(t, t) for t in first]


def test_the_tolerance_is_given_or_half_of_the_shorter_frame() -> None:
    assert tolerances_of([1000, None, 500], asked=7) == [7, 7, 7]
    first, second, third = tolerances_of([1000, None, 400])
    assert 500 <= first == second < 520
    assert 200 <= third < 210
    assert tolerances_of([None, 400]) == tolerances_of([None, 400, None])[:2] == [third] * 2


def test_nothing_tells_how_long_a_frame_is() -> None:
    assert tolerances_of([None, None]) == tolerances_of([FRAME, FRAME])
