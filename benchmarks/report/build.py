"""From files of records to a file with their report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_mef.benchmarks.record_files import RecordSet, read_record, read_records, record_paths
from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.groups import group_records
from edge_mef.benchmarks.report.markdown import markdown_page
from edge_mef.benchmarks.report.page import html_page
from edge_mef.benchmarks.report.pictures import fuse_pictures
from edge_mef.errors import InputError
from edge_mef.saving import check_output, write_atomically

ENDINGS = (".html", ".md")
PathLike = Path | str


@dataclass(frozen=True)
class Report:
    """What was written: so many records in so many groups, the length of the file in bytes.

    notes: sentences on what was left out.
    """

    records: int
    groups: int
    size: int
    notes: tuple[str, ...]


def write_report(
    records: Sequence[PathLike],
    output: PathLike,
    *,
    exposures: Sequence[PathLike] = (),
    bundles: Sequence[PathLike] = (),
    pictures: bool = True,
    threads: int | None = None,
) -> Report:
    """Write the report of records as one page of HTML, or as Markdown.

    Args:
        records: .json, .jsonl, FILE@ID or folders; what occurs twice is taken once.
        output: its ending chooses, .html or .md; an older file is replaced.
        exposures: 2 or more pictures to fuse for the page; a rendered room where there are none.
        bundles: folders of measured bundles that do not come with EdgeMEF.
        pictures: whether to fuse any.
        threads: CPU threads to fuse with; None for all.

    Raises:
        InputError: no records, or pictures for what shows none.
        BundleError: a folder of `bundles` is no bundle.
        OutputError: the output is one of the inputs, or cannot be written.
    """
    output = Path(output)
    check_output(output, inputs=_files(records, exposures), endings=ENDINGS)
    wanted = pictures and output.suffix.lower() == ".html"
    if (exposures or bundles) and not wanted:
        raise InputError(
            "expected no --exposure and no --bundle for a report without pictures, found some: "
            "leave them out, or write an .html with pictures"
        )
    found = gather_records(records)
    notes = list(found.notes)
    if wanted:
        fused = fuse_pictures(found.records, exposures=exposures, bundles=bundles, threads=threads)
        page = html_page(found.records, notes=found.notes, pictures=fused)
        notes += fused.notes
    elif output.suffix.lower() == ".html":
        page = html_page(found.records, notes=found.notes)
    else:
        page = markdown_page(found.records, notes=found.notes)
    data = page.encode()
    write_atomically(output, data)
    return Report(len(found.records), len(group_records(found.records)), len(data), tuple(notes))


def gather_records(paths: Sequence[PathLike]) -> RecordSet:
    """Read records from all places, each record once.

    Raises:
        InputError: as `read_records` and `read_record`, or nothing is named.
    """
    if not paths:
        raise InputError("expected records, found none: name a .json, a .jsonl or a folder")
    records: dict[str, Record] = {}
    notes: list[str] = []
    for path in paths:
        found = _read(path)
        for record in found.records:
            records.setdefault(record.id, record)
        notes += found.notes
    return RecordSet(tuple(records.values()), tuple(dict.fromkeys(notes)))


def _read(path: PathLike) -> RecordSet:
    if Path(path).exists() or "@" not in str(path):
        return read_records(path)
    record, notes = read_record(path)
    return RecordSet((record,), notes)


def _files(records: Sequence[PathLike], exposures: Sequence[PathLike]) -> list[PathLike]:
    """Return the files that are read, which must not be written to."""
    files: list[PathLike] = [*exposures]
    for path in records:
        place = Path(path) if Path(path).exists() else Path(str(path).rpartition("@")[0] or path)
        files += record_paths(place) if place.is_dir() else [place]
    return files
