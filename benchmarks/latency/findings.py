"""What is known of one subject so far; a record can be made of it at any moment."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from edge_mef.benchmarks.latency.entrants import Opened
from edge_mef.benchmarks.latency.turns import Turn
from edge_mef.benchmarks.machine import Machine
from edge_mef.benchmarks.records import (
    MEASURED,
    Interleaving,
    Load,
    Memory,
    Phase,
    Record,
    Series,
    Settings,
    Subject,
    make_record,
)
from edge_mef.runtimes.phases import PhaseTimes

_ENDED = "the benchmark ended before this was measured"


@dataclass(frozen=True)
class Around:
    """What all records of a run share."""

    machine: Machine
    toolchain: dict[str, str]
    command_line: str
    timer_resolution_ns: float
    exposures: int
    threads: int | None


@dataclass
class Findings:
    """One subject with frames of one size and so many streams.

    Attributes:
        subject, opened: what runs.
        turn: the samples.
        told: what the runtime says of itself.
        group: the rounds that it shares with others, None where it was alone.
        values: what else was measured, by the names of a record's fields.
        missing: why the rest was not, by the names of `MEASURED`.
        whole: whether nothing of its measurement is left to do.
    """

    subject: Subject
    opened: Opened
    size: tuple[int, int]
    streams: int
    turn: Turn
    told: dict[str, str]
    group: Interleaving | None = None
    phases: list[PhaseTimes] = field(default_factory=list)
    memory: dict[str, int] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    whole: bool = False

    def found(self, name: str, value: object) -> None:
        """Keep a value."""
        self.values[name] = value
        self.missing.pop(name, None)

    def lack(self, names: Sequence[str], reason: str) -> None:
        """Keep why some are not measured."""
        self.missing.update(dict.fromkeys(names, reason))

    def record(self, around: Around) -> Record | None:
        """Make the record; None where there is no sample yet."""
        if not self.turn.samples:
            return None
        notes = list(self.notes)
        if not self.whole:
            count = len(self.turn.samples)
            notes.append(f"the benchmark ended early, after {count} samples of this")
        series = self._series()
        content = {
            **self.values,
            "load": self.opened.load,
            "memory": Memory(**self.memory),
            "series": series,
        }
        return make_record(
            subject=self.subject,
            runtime=self.told,
            machine=around.machine,
            toolchain=around.toolchain,
            settings=self._settings(around),
            not_measured=self._reasons(content),
            notes=notes,
            **content,
        )

    def _series(self) -> dict[Phase, Series]:
        found: dict[Phase, Series] = {"end_to_end": Series.of(self.turn.samples)}
        names: tuple[Phase, ...] = ("copy_in", "compute", "copy_out")
        for name in names:
            samples = [getattr(times, name) for times in self.phases]
            if samples and min(samples) > 0:
                found[name] = Series.of(samples)
        return found

    def _settings(self, around: Around) -> Settings:
        graph = self.told.get("cuda graph")
        return Settings(
            height=self.size[0],
            width=self.size[1],
            exposures=around.exposures,
            threads=around.threads,
            streams=self.streams,
            warmup_samples=len(self.turn.warmup),
            warmup_stable=self.turn.warmth == "stable",
            provider=self.told.get("provider"),
            cuda_graph=None if graph is None else graph == "on",
            interleaved=self.group,
            timer_resolution_ns=around.timer_resolution_ns,
            command_line=around.command_line,
        )

    def _reasons(self, content: dict[str, Any]) -> dict[str, str]:
        """Return a reason for all that is None, and for nothing else."""
        load: Load = content["load"]
        there = {
            "load.open_ms": load.open_ms,
            "load.first_ms": load.first_ms,
            **{f"series.{name}": series for name, series in content["series"].items()},
            **{f"memory.{name}": value for name, value in self.memory.items()},
            **self.values,
        }
        absent = [name for name in MEASURED if there.get(name) is None]
        return {name: self.missing.get(name, _ENDED) for name in absent}
