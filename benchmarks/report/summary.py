"""What was measured, and one line of numbers for every record."""

from collections.abc import Iterator, Sequence

from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.absent import Absent, Reasons
from edge_mef.benchmarks.report.figures import (
    mebibytes,
    megapixels,
    milliseconds,
    significant,
    size_of,
    size_text,
    with_interval,
)
from edge_mef.benchmarks.report.groups import Group, Names, machine_name
from edge_mef.benchmarks.report.markup import Markup, element, joined
from edge_mef.benchmarks.report.tables import bullets, paragraph, section, table
from edge_mef.benchmarks.statistics import LEVEL
from edge_mef.benchmarks.yardstick import unsteadiness

NUMBERS = (
    "median (95\u00a0%), ms", "p90, ms", "p95, ms", "p99, ms", "max, ms", "jitter, ms", "frames/s",
    "MP/s", "host, MiB", "device, MiB", "mJ per frame", "samples",
)  # fmt: skip
EXPLAINED = (
    "Times are of single calls, end to end. Jitter is the mean difference of successive calls. "
    "Frames/s is the measured throughput with the streams it names; MP/s are megapixels of one "
    "exposure by the median time of a call. Memory is the peak."
)
_NAMED = 6  # records that share a doubt; more are counted
_STEADY = 0.1  # of the spread of the yardstick: a machine left to itself stays within it


def overview(groups: Sequence[Group], notes: Sequence[str]) -> Markup:
    """Return what was measured, on which machines, and when."""
    records = [record for group in groups for record in group.records]
    machines = dict.fromkeys(machine_name(r) for r in records)
    dates = sorted(r.date for r in records)
    titles = dict.fromkeys(r.subject.title for r in records)
    sizes = sorted({(r.settings.height, r.settings.width) for r in records},
                   key=lambda s: s[0] * s[1])  # fmt: skip
    when = _day(dates[0])
    if when != _day(dates[-1]):
        when = f"{when} to {_day(dates[-1])}"
    facts = (
        ("Records", str(len(records))),
        ("Measured", f"{when} UTC"),
        ("Subjects", ", ".join(titles)),
        ("Sizes", ", ".join(map(size_text, sizes))),
        ("Machines", "; ".join(machines)),
        ("Settings", f"{len(groups)} groups" if len(groups) > 1 else "the same for all"),
    )
    listed = [part for name, value in facts
              for part in (element("dt", name), element("dd", value))]  # fmt: skip
    return section(
        "Summary",
        element("dl", *listed, class_="facts"),
        _why_groups(groups),
        bullets(notes),
        level=2,
        anchor="summary",
    )


def _why_groups(groups: Sequence[Group]) -> Markup:
    if len(groups) == 1:
        return Markup("")
    links = [element("a", f"{g.letter}: {g.heading}", href=f"#group-{g.letter}") for g in groups]
    why = "What differs in machine or settings is not comparable, and has a heading of its own:"
    return joined([paragraph(why), bullets(links)])


def _day(date: str) -> str:
    return date.replace("T", " ").removesuffix("Z")[:16]


def summary_section(group: Group, names: Names, reasons: Reasons) -> Markup:
    """Return the numbers of every record of a group."""
    rows = [
        (
            _named(record, names.record(record, records)),
            size_text(size),
            *map(_in_two_lines, row_numbers(record, reasons.cell)),
        )
        for size, records in group.sizes
        for record in records
    ]
    caption = f"Group {group.letter}: {group.heading}"
    whole = table(caption, ("subject", "size", *NUMBERS), rows, names=2)
    return section("Numbers", paragraph(EXPLAINED), whole)


def _named(record: Record, name: str) -> Markup:
    subject = record.subject
    what = ", ".join(part for part in (subject.precision, subject.runtime) if part)
    return joined([name, element("span", what, class_="under")])


def _in_two_lines(cell: str) -> str:
    """Put an interval, or the streams, below the number that they belong to."""
    number, bracket, rest = cell.partition(" (")
    if isinstance(cell, Markup) or not bracket:
        return cell
    return joined([number, element("span", f"({rest}", class_="under")])


def row_numbers(record: Record, absent: Absent) -> list[str]:
    """Return the numbers of one record, in the order of `NUMBERS`.

    absent: says for a record and names of values that nothing was measured.
    """
    s, memory = record.series["end_to_end"].summary, record.memory
    host, device = memory.host_peak_bytes, memory.device_peak_bytes
    energy = record.joules_per_frame
    return [
        with_interval(s.median, s.intervals.get("median")),
        *map(milliseconds, (s.p90, s.p95, s.p99, s.max)),
        "one sample" if s.jitter is None else milliseconds(s.jitter),
        _throughput(record, absent),
        significant(1e3 * megapixels(record) / s.median),
        absent(record, "memory.host_peak_bytes") if host is None else mebibytes(host),
        absent(record, "memory.device_peak_bytes") if device is None else mebibytes(device),
        absent(record, "energy", "energy.joules") if energy is None
        else significant(1e3 * energy),
        str(s.count),
    ]  # fmt: skip


def _throughput(record: Record, absent: Absent) -> str:
    found = record.throughput
    if found is None:
        return absent(record, "throughput")
    streams = "" if found.streams == 1 else f" ({found.streams} streams)"
    return f"{significant(found.frames_per_second)}{streams}"


def warnings_of(records: Sequence[Record], names: Names) -> list[str]:
    """Return what makes numbers less sure: held clocks, an unsettled warm-up, a failed parity."""
    found: dict[str, list[str]] = {}
    for record in records:
        who = f"{names.subject(record)} at {size_text(size_of(record))}"
        for what in _doubts(record):
            found.setdefault(what, []).append(who)
    return [f"{what}: {_listed(who, len(records))}" for what, who in found.items()]


def _listed(who: Sequence[str], count: int) -> str:
    """Name some, or say that it is all of several."""
    if len(who) == count > 1:
        return f"all {count} records"
    names = list(dict.fromkeys(who))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _doubts(record: Record) -> Iterator[str]:
    if record.heat is not None and record.heat.throttled:
        why = ", ".join(record.heat.reasons) or "no reason is told"
        yield f"clocks were held down ({why})"
    if record.settings.warmup_stable is False:
        yield "the warm-up never became stable"
    if record.contention is not None and record.contention.disturbed:
        yield "other programs took the cores meanwhile"
    if record.yardstick is not None:
        moved = unsteadiness(record.yardstick.samples, record.yardstick.samples)
        if moved > _STEADY:
            yield f"the machine's own speed moved by more than {_STEADY:.0%} meanwhile"
    if (level := record.series["end_to_end"].summary.level) != LEVEL:
        yield f"intervals are of {100 * level:g} %, and not of {100 * LEVEL:g} %"
    if record.subject.parity is not None and not record.subject.parity.passed:
        yield "the last verify failed"
