"""The page: one file of HTML that asks nothing of any network."""

from collections.abc import Sequence
from importlib.resources import files

from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.absent import Reasons
from edge_mef.benchmarks.report.costs import energy_section, layer_section, phase_section
from edge_mef.benchmarks.report.groups import Group, Names, group_records
from edge_mef.benchmarks.report.latency import latency_section
from edge_mef.benchmarks.report.markup import Markup, element, joined
from edge_mef.benchmarks.report.pictures import Pictures
from edge_mef.benchmarks.report.provenance import provenance_section
from edge_mef.benchmarks.report.quality import quality_section
from edge_mef.benchmarks.report.ratios import ratio_section
from edge_mef.benchmarks.report.samples import samples_shown
from edge_mef.benchmarks.report.sizes import scaling_section
from edge_mef.benchmarks.report.slider import picture_section
from edge_mef.benchmarks.report.summary import overview, summary_section, warnings_of
from edge_mef.benchmarks.report.tables import paragraph, section
from edge_mef.version import __version__

# Whatever a title may have smuggled in: nothing is loaded, sent, or framed.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
TITLE = "EdgeMEF measurements"
_MOST_BYTES = 2_800_000  # pictures fill what plots and tables leave of it,
_LEAST_PICTURES = 800_000  # but they are not made unrecognizable by many records


def html_page(
    records: Sequence[Record], *, notes: Sequence[str] = (), pictures: Pictures | None = None
) -> str:
    """Return the report of one record or more.

    Args:
        notes: sentences on what was left out while reading.
        pictures: for the slider; None leaves it out.
    """
    groups, names = group_records(records), Names.of(records)
    reasons = Reasons(records, names)
    before = [
        _header(),
        _contents(groups, pictures is not None),
        overview(groups, [*notes, *warnings_of(records, names)]),
        *(_group(group, names, reasons, samples_shown(len(records))) for group in groups),
    ]
    after = [
        reasons.section(),
        provenance_section([r for group in groups for r in group.records], names),
        element("footer", paragraph(f"Written by EdgeMEF {__version__}.")),
    ]
    if pictures is not None:
        room = max(_LEAST_PICTURES, _MOST_BYTES - sum(map(len, (*before, *after))))
        before.append(picture_section(pictures, room))
    return _document([*before, *after])


def _document(body: Sequence[Markup]) -> str:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("link", rel="icon", href="data:,"),
        element("title", TITLE),
        element("style", _part("style.css")),
    )
    script = element("script", _part("script.js"))
    whole = element("body", body[0], element("main", *body[1:]), script)
    page = element("html", head, whole, lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _part(name: str) -> Markup:
    """Return a file of ours as it is: it holds nothing that would end the element around it."""
    return Markup(files("edge_mef.benchmarks.report").joinpath(name).read_text(encoding="utf-8"))


def _header() -> Markup:
    button = element("button", "Dark colours", type="button", class_="theme", hidden=True)
    return element("header", element("h1", TITLE), button)


def _contents(groups: Sequence[Group], pictures: bool) -> Markup:
    links = [("#summary", "Summary")]
    links += [(f"#group-{g.letter}", f"Group {g.letter}") for g in groups]
    links += [("#pictures", "Pictures")] if pictures else []
    links += [("#absent", "Not measured"), ("#provenance", "Provenance")]
    items = [element("li", element("a", name, href=target)) for target, name in links]
    return element("nav", element("ul", *items), aria_label="Contents")


def _group(group: Group, names: Names, reasons: Reasons, shown: int) -> Markup:
    heading = f"Group {group.letter}: {group.heading}"
    parts = []
    if group.unknown:
        unknown = ", ".join(group.unknown)
        parts.append(paragraph(f"Only some of these records tell their {unknown}.", kind="note"))
    parts += [
        summary_section(group, names, reasons),
        latency_section(group, names, shown),
        ratio_section(group, names),
        scaling_section(group, names),
        quality_section(group, names),
        energy_section(group, names, reasons),
        phase_section(group, names, reasons),
        layer_section(group, names),
    ]
    return section(heading, joined(parts), level=2, anchor=f"group-{group.letter}")
