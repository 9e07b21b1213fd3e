"""Bars from zero, each with its name and its numbers above it."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_mef.benchmarks.report.axes import Axis, axis_from_zero
from edge_mef.benchmarks.report.drawing import (
    BOLD_LETTER,
    LEFT,
    RIGHT,
    SMALL_LETTER,
    bottom_axis,
    fitted,
    plot,
    rectangle,
    row_heading,
    text,
)
from edge_mef.benchmarks.report.markup import Markup, joined
from edge_mef.benchmarks.report.tables import figure

_ROW = 40.0
_MOST = 16  # of one plot


@dataclass(frozen=True)
class Bar:
    """One row: parts are stacked, each with a CSS class; `whole` is a thin bar below them.

    Attributes:
        colour: of the mark beside the name; None where the name is all.
        shown: to the right of the name. detail: below the bars.
    """

    name: str
    parts: tuple[tuple[float, str], ...]
    shown: str
    colour: int | None = None
    whole: float | None = None
    detail: str = ""

    @property
    def length(self) -> float:
        """The longest of its bars."""
        return max(sum(value for value, _ in self.parts), self.whole or 0.0)


def bar_figures(
    title: str, caption: str, bars: Sequence[Bar], label: str, *, key: Markup | None = None
) -> list[Markup]:
    """Return bars on one axis, as plots with few enough for a page.

    label: of the axis. key: a legend of 22 units on top.
    """
    axis = axis_from_zero([bar.length for bar in bars], LEFT, RIGHT - 4)
    return [
        figure(_plot(title, bars[first : first + _MOST], axis, label, key), caption)
        for first in range(0, len(bars), _MOST)
    ]


def _plot(title: str, bars: Sequence[Bar], axis: Axis, label: str, key: Markup | None) -> Markup:
    top = 22.0 if key else 2.0
    rows, y = [key or Markup("")], top
    for bar in bars:
        rows.append(_row(bar, axis, y))
        y += _height(bar)
    said = "; ".join(f"{bar.name}: {bar.shown or bar.detail}" for bar in bars)
    return plot(title, said, y + 40, bottom_axis(axis, top, y + 4, label), *rows)


def _height(bar: Bar) -> float:
    return _ROW + (15 if bar.detail else 0) + (7 if bar.whole is not None else 0)


def _row(bar: Bar, axis: Axis, top: float) -> Markup:
    y = top + 15
    if bar.colour is None:
        room = RIGHT - LEFT - 8 - BOLD_LETTER * len(bar.shown)
        parts = [text(LEFT, y, fitted(bar.name, room)),
                 text(RIGHT, y, bar.shown, anchor="end", kind="value")]  # fmt: skip
    else:
        parts = [row_heading(y, bar.colour, bar.name, bar.shown)]
    start = 0.0
    for value, kind in bar.parts:
        left, right = axis(start), axis(start + value)
        parts.append(rectangle(left, y + 6, right - left, 12, kind))
        start += value
    if bar.whole is not None:
        parts.append(rectangle(axis(0), y + 20, axis(bar.whole) - axis(0), 4, "whole"))
    if bar.detail:
        below = y + 32 + (6 if bar.whole is not None else 0)
        parts.append(
            text(LEFT, below, fitted(bar.detail, RIGHT - LEFT, SMALL_LETTER), kind="detail")
        )
    return joined(parts)
