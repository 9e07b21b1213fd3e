"""Numbers for people: as many digits as they are worth, and their units."""

from edge_mef.benchmarks.records import Record

Interval = tuple[float, float] | None


def milliseconds(value: float) -> str:
    """Return a duration without its unit, with about four digits."""
    return significant(value, 4)


def significant(value: float, digits: int = 3, *, thousands: str = "\u202f") -> str:
    """Return a number with so many digits, never as a power of ten, and no fewer before the point.

    Thousands are separated by spaces that no line breaks at, and no locale takes for a point.
    """
    if value == 0:
        return "0"
    exponent = int(f"{value:e}".rpartition("e")[2])
    text = f"{value:,.{min(12, max(0, digits - 1 - exponent))}f}"
    return text.replace(",", thousands)


def with_interval(value: float, interval: Interval) -> str:
    """Return a number and in brackets the ends of its interval, where it has one."""
    if interval is None:
        return milliseconds(value)
    low, high = (milliseconds(end) for end in interval)
    return f"{milliseconds(value)} ({low} to {high})"


def percent(ratio: float) -> str:
    """Return by how much a ratio differs from 1."""
    return f"{100 * (ratio - 1):+.1f} %"


def mebibytes(size: int) -> str:
    """Return bytes as MiB, without the unit."""
    return significant(size / 2**20)


def size_text(size: tuple[int, int]) -> str:
    """Return height and width."""
    return f"{size[0]}x{size[1]}"


def size_of(record: Record) -> tuple[int, int]:
    """Return height and width of the frames."""
    return record.settings.height, record.settings.width


def megapixels(record: Record) -> float:
    """Return the pixels of one frame in millions."""
    return record.settings.height * record.settings.width / 1e6


def shortened(text: str, most: int) -> str:
    """Cut the middle out of a text that is too long."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    tail = (most - 1) // 3
    return f"{text[: most - 1 - tail]}…{text[-tail:]}"
