"""Where every number comes from: all of a record but its samples."""

from collections.abc import Mapping, Sequence
from typing import Any

from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.figures import size_of, size_text
from edge_mef.benchmarks.report.groups import Names, date_text
from edge_mef.benchmarks.report.markup import Markup, element, joined
from edge_mef.benchmarks.report.tables import bullets, folded, paragraph, section

_PARTS = ("subject", "settings", "machine", "runtime", "toolchain", "load", "memory", "throughput",
          "energy", "heat", "state", "contention", "quality")  # fmt: skip


def provenance_section(records: Sequence[Record], names: Names) -> Markup:
    """Return everything of every record, folded up."""
    explained = paragraph(
        "The id is the SHA-256 over all of a record: it is the same wherever this record is kept."
    )
    return section(
        "Provenance",
        explained,
        *(_one(record, names) for record in records),
        level=2,
        anchor="provenance",
    )


def _one(record: Record, names: Names) -> Markup:
    heading = f"{names.subject(record)} at {size_text(size_of(record))}, {date_text(record)} UTC"
    document = record.model_dump(mode="json", exclude={"series", "layers", "yardstick"})
    rows = [_row("id", record.id), _row("date", record.date)]
    for name in _PARTS:
        rows += _rows(name, document[name])
    if record.energy_frames is not None:
        rows.append(_row("energy_frames", record.energy_frames))
    if record.yardstick is not None:
        rows += _rows("yardstick, ms", record.yardstick.summary.model_dump(mode="json"))
    samples = ", ".join(f"{len(s.samples)} of {p}" for p, s in record.series.items())
    rows.append(_row("samples", samples))
    rows += _rows("not measured", document["not_measured"])
    table = element("table", element("tbody", *rows), class_="facts")
    scrolled = element("div", table, class_="scroll", tabindex=0, role="region",
                       aria_label=f"Record {record.id[:7]}")  # fmt: skip
    return folded(heading, _notes(record), scrolled)


def _notes(record: Record) -> Markup:
    if not record.notes:
        return Markup("")
    return joined([paragraph("Notes:"), bullets(record.notes)])


def _rows(name: str, value: Any) -> list[Markup]:
    """Return a row for every value, named by the way to it, and none for what is empty."""
    if isinstance(value, Mapping):
        return [row for key, part in value.items() for row in _rows(f"{name}: {key}", part)]
    return [] if value in (None, "", []) else [_row(name, value)]


def _row(name: str, value: object) -> Markup:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return element("tr", element("th", name, scope="row"), element("td", str(value)))
