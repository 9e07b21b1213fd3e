"""Two pictures above each other, and a slider between them; side by side on paper."""

from collections.abc import Sequence

from edge_mef.benchmarks.report.markup import Markup, element
from edge_mef.benchmarks.report.pictures import Pictures, encode_pictures
from edge_mef.benchmarks.report.tables import bullets, paragraph, section


def picture_section(found: Pictures, most: int) -> Markup:
    """Return the slider, all pictures below it in so many bytes, and why others are not there."""
    uris = encode_pictures(found.pictures, most)
    titles = [picture.title for picture in found.pictures]
    figures = [
        element(
            "figure",
            element("img", src=uri, alt=title, width=p.pixels.shape[1], height=p.pixels.shape[0]),
            element("figcaption", title),
        )
        for p, title, uri in zip(found.pictures, titles, uris, strict=True)
    ]
    explained = paragraph(
        f"Fused when this report was written, from {found.source}, by the very files that were "
        "measured."
    )
    comparison = element(
        "div", _slider(titles), element("div", *figures, class_="pictures"), class_="comparison"
    )
    return section(
        "Pictures", explained, comparison, bullets(found.notes), level=2, anchor="pictures"
    )


def _slider(titles: Sequence[str]) -> Markup:
    """Return what the script fills: it takes the pictures from those below it."""
    # The first result, which is Mertens, beside the next: the first bundle where there is one.
    results = (i for i, title in enumerate(titles) if not title.startswith("exposure "))
    left = next(results, len(titles) - 1)
    chosen = {"left": left, "right": left + 1 if left < len(titles) - 1 else 0}
    choices = [
        element("label", f"{side.capitalize()}:", _select(side, titles, chosen[side]))
        for side in ("left", "right")
    ]
    stage = element(
        "div",
        element("img", class_="right", alt=""),
        element("img", class_="left", alt=""),
        element("div", class_="cut"),
        class_="stage",
    )
    handle = element("input", type="range", min=0, max=100, step="any", value=50,
                     aria_label="How much of the left picture is shown, in percent")  # fmt: skip
    return element("div", element("div", *choices, class_="choices"), stage, handle,
                   class_="slider")  # fmt: skip


def _select(side: str, titles: Sequence[str], chosen: int) -> Markup:
    options = [element("option", title, selected=i == chosen) for i, title in enumerate(titles)]
    return element("select", *options, name=side, autocomplete="off")
