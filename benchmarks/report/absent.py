"""What was not measured, and why: never a 0, always a reason."""

from collections.abc import Callable, Sequence

from edge_mef.benchmarks.records import Record
from edge_mef.benchmarks.report.figures import size_of, size_text
from edge_mef.benchmarks.report.groups import Names
from edge_mef.benchmarks.report.markup import Markup, element
from edge_mef.benchmarks.report.tables import paragraph, section

NOT_MEASURED = "not measured"
Absent = Callable[..., str]  # of a record and the names of values


def reasons_of(record: Record) -> dict[str, str]:
    """Return the reason for every value that a record lacks, those of its readings included."""
    found = dict(record.not_measured)
    if record.energy is not None and record.energy.not_measured:
        found["energy.joules"] = record.energy.not_measured
    if record.heat is not None and record.heat.not_measured:
        found["heat readings"] = record.heat.not_measured
    if record.state is not None:
        found |= {f"state.{name}": why for name, why in record.state.not_measured.items()}
    return found


def reason_for(record: Record, *names: str) -> str:
    """Return the reason for the first of some values that has one."""
    reasons = reasons_of(record)
    return next((reasons[name] for name in names if name in reasons), "no reason is stated")


class Reasons:
    """All reasons of a report, numbered in the order of the list at its end."""

    def __init__(self, records: Sequence[Record], names: Names) -> None:
        self._users: dict[tuple[str, str], list[str]] = {}
        for record in records:
            who = f"{names.subject(record)} at {size_text(size_of(record))}"
            for name, why in reasons_of(record).items():
                self._users.setdefault((why, name), []).append(who)
        whys = dict.fromkeys(why for why, _ in self._users)
        self._numbers = {why: number for number, why in enumerate(whys, start=1)}

    def cell(self, record: Record, *names: str) -> Markup:
        """Return "not measured" for a table, with the reason on hovering and in the list."""
        why = reason_for(record, *names)
        number = self._numbers.get(why)
        target = None if number is None else f"#reason-{number}"
        return element("a", NOT_MEASURED, href=target, title=why, class_="absent")

    def section(self) -> Markup:
        """Return the list of all reasons."""
        heading = "Not measured"
        if not self._numbers:
            return section(heading, paragraph("Everything was measured."), level=2, anchor="absent")
        items = []
        for why, number in self._numbers.items():
            names = [n for w, n in self._users if w == why]
            users = list(dict.fromkeys(u for n in names for u in self._users[why, n]))
            fields = ", ".join(names)
            items.append(
                element(
                    "li",
                    element("span", why, class_="why"),
                    f" ({fields}; {_several(users)})",
                    id=f"reason-{number}",
                )
            )
        listed = element("ol", *items)
        return section(heading, listed, level=2, anchor="absent")


def _several(users: Sequence[str]) -> str:
    if len(users) <= 4:
        return ", ".join(users)
    return f"{', '.join(users[:3])} and {len(users) - 3} more"


def none_here(what: str, records: Sequence[Record], *names: str) -> Markup:
    """Say that no record has something, and why, for a section that would be empty."""
    reasons = "; ".join(dict.fromkeys(reason_for(r, *names) for r in records))
    return paragraph(f"No record here has {what}: {reasons}.")
