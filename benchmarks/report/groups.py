"""Which records may share an axis, and what each is called."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from edge_mef.benchmarks.comparable import CONDITIONS, check_comparable
from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.figures import size_of

SubjectKey = tuple[str | None, ...]
Size = tuple[int, int]
COLOURS = 8  # in style.css


@dataclass(frozen=True)
class Group:
    """Records that are comparable but for their sizes.

    Attributes:
        heading: their machine and settings.
        unknown: conditions that only some of them tell.
    """

    letter: str
    heading: str
    records: tuple[Record, ...]
    unknown: tuple[str, ...] = ()

    @property
    def sizes(self) -> list[tuple[Size, tuple[Record, ...]]]:
        """The records of each size (height, width), the smallest first."""
        sizes = sorted({size_of(r) for r in self.records}, key=lambda s: (s[0] * s[1], s))
        return [(s, tuple(r for r in self.records if size_of(r) == s)) for s in sizes]


def group_records(records: Iterable[Record]) -> list[Group]:
    """Put each record to the first group in which `compare` would compare it with all others."""
    groups: list[list[Record]] = []
    # A record of every kind of conditions: a group has few kinds and may have many records.
    kinds: list[dict[tuple[object, ...], Record]] = []
    for record in records:
        kind = _kind(record)
        for members, known in zip(groups, kinds, strict=True):
            if kind in known or all(_comparable(other, record) for other in known.values()):
                members.append(record)
                known[kind] = record
                break
        else:
            groups.append([record])
            kinds.append({kind: record})
    return [
        Group(_letters(index), _heading(members), tuple(members), _unknown(members))
        for index, members in enumerate(groups)
    ]


def _kind(record: Record) -> tuple[object, ...]:
    conditions = (read(record) for name, read in CONDITIONS.items() if name != "size")
    return (record.subject.runtime, *conditions)


def _comparable(one: Record, other: Record) -> bool:
    return {d.field for d in check_comparable(one, other, CONDITIONS.keys())} <= {"size"}


def _letters(index: int) -> str:
    first, last = divmod(index, 26)
    return (_letters(first - 1) if first else "") + chr(ord("A") + last)


def _heading(records: Sequence[Record]) -> str:
    settings = records[0].settings
    threads = "threads chosen by the runtime"
    if settings.threads is not None:
        threads = _counted(settings.threads, "thread")
    parts = [
        machine_name(records[0]),
        f"{settings.exposures} exposures" if settings.exposures > 1 else "1 exposure",
        threads,
        _counted(settings.streams, "stream"),
    ]
    for name, label in (
        ("power-mode", "power mode {}"),
        ("governor", "governor {}"),
        ("clocks-locked", "clocks locked: {}"),
        ("power-limit", "power limit {:g} W"),
    ):
        known = next((v for r in records if (v := CONDITIONS[name](r)) is not None), None)
        if known is not None:
            shown = {True: "yes", False: "no"}[known] if isinstance(known, bool) else known
            parts.append(label.format(shown))
    providers = {r.settings.provider for r in records if r.settings.provider}
    if len(providers) == 1:
        parts.append(next(iter(providers)))
    return ", ".join(parts)


def machine_name(record: Record) -> str:
    """Return what people call a machine, and the start of its digest."""
    machine = record.machine
    names = [machine.board or machine.cpu or machine.architecture, *machine.gpus]
    return f"{' with '.join(dict.fromkeys(names))} ({machine.digest[:8]})"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _unknown(records: Sequence[Record]) -> tuple[str, ...]:
    found = []
    for name in ("power-mode", "governor", "clocks-locked", "power-limit"):
        told = {CONDITIONS[name](record) is None for record in records}
        if len(told) == 2:
            found.append(name)
    return tuple(found)


def subject_key(record: Record) -> SubjectKey:
    """Return what two records of the same subject share, on machines and settings of one group."""
    s = record.subject
    channels = None if s.channels is None else f"{s.channels} channels"
    return s.title, s.precision, s.runtime, s.artefact, s.network, channels


@dataclass
class Names:
    """What subjects and records of a report are called, and their colours: 0, 1 and so on."""

    labels: dict[SubjectKey, str] = field(default_factory=dict)
    colours: dict[SubjectKey, int] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Names":
        """Call subjects by their titles, and by more where two share one."""
        keys = list(dict.fromkeys(map(subject_key, records)))
        names = cls()
        for index, key in enumerate(keys):
            namesakes = [other for other in keys if other[0] == key[0]]
            parts = [
                part
                for place, part in enumerate(key)
                if part and (place == 0 or len({other[place] for other in namesakes}) > 1)
            ]
            names.labels[key] = ", ".join(parts)
            names.colours[key] = index
        return names

    def subject(self, record: Record) -> str:
        """Return the name of what was measured."""
        return self.labels[subject_key(record)]

    def colour(self, record: Record) -> int:
        """Return the number of a subject's colour and mark."""
        return self.colours[subject_key(record)]

    def record(self, record: Record, among: Sequence[Record]) -> str:
        """Return the name of one record among those that a plot or a table shows."""
        same = [r for r in among if subject_key(r) == subject_key(record)]
        name = self.subject(record)
        if len(same) == 1:
            return name
        if sum(r.date == record.date for r in same) == 1:
            return f"{name}, {date_text(record)}"
        return f"{name}, {date_text(record)}, {record.id[:7]}"


def date_text(record: Record) -> str:
    """Return the date of a record for people, in UTC."""
    return record.date.replace("T", " ").removesuffix("Z")
