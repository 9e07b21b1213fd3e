"""Which buffers of several videos are of one instant: by their times, never by counting them."""

from collections.abc import Sequence

SECOND = 1_000_000_000
"""Nanoseconds, in which GStreamer counts."""


def without_partner(times: Sequence[int], tolerances: Sequence[int]) -> list[int]:
    """Return which of the oldest buffers of each video can be in no bracket; none: they are one.

    The first video leads: one of another belongs to it that is no further away than its tolerance.
    Where one of another is later than that, the leading one has lost its partner.

    Args:
        times: running times of the buffers, nanoseconds, one per video.
        tolerances: nanoseconds, one per video; that of the first means nothing.
    """
    first = times[0]
    placed = [*zip(times, tolerances, strict=True)][1:]
    found = [i for i, (time, most) in enumerate(placed, start=1) if time < first - most]
    if any(time > first + most for time, most in placed):
        found.insert(0, 0)
    return found


def tolerances_of(intervals: Sequence[int | None], asked: int = 0) -> list[int]:
    """Return how far from the leading buffer one of each video may be, nanoseconds.

    It is half a frame of the faster one of the two, and a little more: of two buffers that are both
    half a frame away, one must belong to it although times are rounded. Where nothing says how long
    a frame is, as for pictures, it is taken for a thirtieth of a second.

    Args:
        intervals: from one frame to the next of each video, nanoseconds; None where not known.
        asked: taken instead where it is not 0.
    """
    if asked > 0:
        return [asked] * len(intervals)
    anyway = [interval for interval in intervals if interval] or [SECOND // 30]
    pairs = [[interval for interval in (intervals[0], other) if interval] for other in intervals]
    return [min(pair or anyway) * 33 // 64 for pair in pairs]
