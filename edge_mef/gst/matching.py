"""Which buffers of several videos are of one instant: by their times, never by counting them."""

from collections.abc import Sequence

from edge_mef.errors import InputError

SECOND = 1_000_000_000
"""Nanoseconds, in which GStreamer counts."""


def without_partner(times: Sequence[int], tolerance: int) -> list[int]:
    """Return which of the oldest buffers of each video can be in no bracket; none: they are one.

    The first video leads: one of another belongs to it that is at most `tolerance` away. Where one
    of another is later than that, the leading one has lost its partner.

    Args:
        times: running times of the buffers, nanoseconds, one per video.
        tolerance: nanoseconds.
    """
    first = times[0]
    found = [index for index, time in enumerate(times) if time < first - tolerance]
    if any(time > first + tolerance for time in times):
        found.insert(0, 0)
    return found


def tolerance_of(
    asked: int, framerate: tuple[int, int] | None, duration: int | None
) -> int:
    """Return how far apart buffers of one instant may be, nanoseconds.

    Args:
        asked: taken where it is not 0; else half a frame is.
        framerate: of the leading video, frames and seconds; None or 0 frames where it varies.
        duration: of its buffer, nanoseconds; None where it is not known.

    Raises:
        InputError: nothing says how long a frame is.
    """
    if asked > 0:
        return asked
    if framerate is not None and framerate[0] > 0:
        return SECOND * framerate[1] // (2 * framerate[0])
    if duration:
        return duration // 2
    raise InputError(
        "expected a framerate in the caps or durations of buffers, found neither: set the property "
        "tolerance to nanoseconds"
    )
