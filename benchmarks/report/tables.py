"""Tables and figures of a page."""

from collections.abc import Sequence

from edge_mef.benchmarks.report.markup import Markup, element, joined

Cell = str


def table(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, names: int = 1
) -> Markup:
    """Return a table whose first columns (`names`) are words and whose others are numbers.

    A narrow screen scrolls it, by touch or by keyboard.
    """
    head = element("tr", *(element("th", c, scope="col", class_=_side(i, names))
                           for i, c in enumerate(columns)))  # fmt: skip
    body = [
        element(
            "tr",
            *(
                element("th", cell, scope="row")
                if i == 0
                else element("td", cell, class_=_side(i, names))
                for i, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    whole = element("table", element("caption", caption), element("thead", head),
                    element("tbody", *body))  # fmt: skip
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _side(index: int, names: int) -> str | None:
    return None if index < names else "number"


def folded(summary: str, *content: str, open_: bool = False) -> Markup:
    """Return content that opens on a click."""
    return element("details", element("summary", summary), *content, open=open_)


def figure(drawing: str, caption: str) -> Markup:
    """Return a plot and what it shows."""
    return element("figure", drawing, element("figcaption", caption))


def plots(figures: Sequence[str], kind: str = "plots") -> Markup:
    """Return plots side by side, as many as fit."""
    return element("div", *figures, class_=kind)


def paragraph(*content: str, kind: str | None = None) -> Markup:
    """Return a paragraph."""
    return element("p", *content, class_=kind)


def bullets(items: Sequence[str]) -> Markup:
    """Return a list; nothing where there is nothing to list."""
    if not items:
        return Markup("")
    return element("ul", *(element("li", item) for item in items))


def section(heading: str, *content: str, level: int = 3, anchor: str | None = None) -> Markup:
    """Return a section under a heading."""
    return element("section", element(f"h{level}", heading), joined(content), id=anchor)
