"""Plots as SVG: the frame, axes with ticks, marks, and the legend.

A plot is `WIDTH` units wide, about the width of a telephone, so that its text stays readable there.
Colours are CSS classes (c0 to c7), which style.css gives a value for light and dark.
"""

from collections.abc import Iterable, Sequence

from edge_mef.benchmarks.report.axes import Axis, tick_texts
from edge_mef.benchmarks.report.figures import shortened
from edge_mef.benchmarks.report.groups import COLOURS
from edge_mef.benchmarks.report.markup import Markup, element, joined, short

WIDTH = 400.0
LEFT, RIGHT = 8.0, 392.0  # of plots whose rows have their names above them
# Units that a letter takes: of names, of details, and of the bold numbers.
_LETTER, SMALL_LETTER, BOLD_LETTER = 6.4, 5.9, 7.4
_SHAPES = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "M-3.6 -3.6h7.2v7.2h-7.2z",
    "M0 -4.6L4.4 3.4H-4.4z",
    "M0 -5L4.4 0L0 5L-4.4 0z",
    "M-1.5 -4.6h3v3.1h3.1v3h-3.1v3.1h-3v-3.1h-3.1v-3h3.1z",
    "M0 4.6L4.4 -3.4H-4.4z",
    "M-4.4 -2.3L-2.3 -4.4L0 -2.1L2.3 -4.4L4.4 -2.3L2.1 0L4.4 2.3L2.3 4.4L0 2.1L-2.3 4.4L-4.4 2.3"
    "L-2.1 0z",
    "M-5 -2.2h10v4.4h-10z",
)


def plot(title: str, description: str, height: float, *parts: str, width: float = WIDTH) -> Markup:
    """Return a picture with its title and a description for those who do not see it."""
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *parts,
        viewBox=f"0 0 {short(width)} {short(height)}",
        role="img",
        class_="plot",
    )


def text(x: float, y: float, content: str, *, anchor: str | None = None, kind: str = "") -> Markup:
    """Return text that starts at a point, or ends ("end") or has its middle ("middle") there."""
    shown = {"text_anchor": anchor, "class_": kind or None}
    return element("text", content, x=float(x), y=float(y), **shown)


def fitted(content: str, units: float, letter: float = _LETTER) -> str:
    """Shorten a text to so many units; letter: the width of one."""
    return shortened(content, max(4, int(units / letter)))


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """Return a line of a CSS class."""
    d = f"M{short(x1)} {short(y1)}L{short(x2)} {short(y2)}"
    return element("path", d=d, class_=kind)


def rectangle(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    """Return a filled rectangle of a CSS class."""
    d = f"M{short(x)} {short(y)}h{short(width)}v{short(height)}h{short(-width)}z"
    return element("path", d=d, class_=kind)


def polyline(points: Iterable[tuple[float, float]], kind: str) -> Markup:
    """Return a line through points."""
    d = "M" + "L".join(f"{short(x)} {short(y)}" for x, y in points)
    return element("path", d=d, class_=kind)


def dots(points: Iterable[tuple[float, float]], kind: str) -> Markup:
    """Return many small dots as one path: a line of hardly any length with round ends."""
    d = "".join(f"M{short(x)} {short(y)}h.1" for x, y in points)
    return element("path", d=d, class_=kind)


def colour_class(colour: int) -> str:
    """Return the CSS class of a colour."""
    return f"c{colour % COLOURS}"


def mark(x: float, y: float, colour: int, kind: str = "mark") -> Markup:
    """Return the mark of a colour: no two of the first 64 have both colour and shape in common."""
    shape = _SHAPES[(colour + colour // COLOURS) % len(_SHAPES)]
    place = f"translate({short(x)} {short(y)})"
    return element("path", d=shape, transform=place, class_=f"{kind} {colour_class(colour)}")


def row_heading(y: float, colour: int, name: str, value: str = "") -> Markup:
    """Return the line above a row: its mark, its name, and to the right a number."""
    shown = fitted(name, RIGHT - LEFT - 22 - len(value) * BOLD_LETTER)
    parts = [
        rectangle(LEFT + 12, y - 10, 4 + len(shown) * _LETTER, 13, "paper"),  # no line through it
        mark(LEFT + 6, y - 4, colour),
        text(LEFT + 16, y, shown),
    ]
    if value:
        parts.append(text(RIGHT, y, value, anchor="end", kind="value"))
    return joined(parts)


def bottom_axis(axis: Axis, top: float, bottom: float, label: str, *, most: int = 6) -> Markup:
    """Return a horizontal axis with lines through the plot, and its label below: 34 units."""
    values = axis.ticks(most)
    parts = [line(axis(v), top, axis(v), bottom, "grid") for v in values]
    parts.append(line(axis.start, bottom, axis.end, bottom, "axis"))
    for value, shown in zip(values, tick_texts(values), strict=True):
        half = len(shown) * _LETTER / 2
        x = min(max(axis(value), half), max(axis.end, RIGHT) - half)
        parts.append(text(x, bottom + 14, shown, anchor="middle", kind="tick"))
    middle = (axis.start + axis.end) / 2
    parts.append(text(middle, bottom + 30, label, anchor="middle", kind="label"))
    return joined(parts)


def left_axis(axis: Axis, left: float, right: float, label: str, *, most: int = 6) -> Markup:
    """Return a vertical axis with lines through the plot, and its label above it."""
    values = axis.ticks(most)
    parts = [line(left, axis(v), right, axis(v), "grid") for v in values]
    parts.append(line(left, axis.start, left, axis.end, "axis"))
    for value, shown in zip(values, tick_texts(values), strict=True):
        parts.append(text(left - 5, axis(value) + 4, shown, anchor="end", kind="tick"))
    if label:
        parts.append(text(2, axis.end - 8, label, kind="label"))
    return joined(parts)


def legend(y: float, entries: Sequence[tuple[int, str]]) -> Markup:
    """Return names with their marks, one below the other: 17 units each."""
    return joined(
        row_heading(y + 17 * (index + 1), colour, name)
        for index, (colour, name) in enumerate(entries)
    )
