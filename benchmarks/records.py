"""The record of one measurement: what ran, on which machine, with which settings, and how long.

A record is written once and never changed: its `id` is the SHA-256 over everything else in it. What
was not measured is None, and `not_measured` says why; nothing absent is ever 0. Durations are
milliseconds. Reading and writing are in `record_files`.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, Literal

from pydantic import VERSION, BaseModel, ConfigDict, Field, field_validator, model_validator
from typing_extensions import Self

from edge_mef.benchmarks.contention import Contention
from edge_mef.benchmarks.machine import Machine
from edge_mef.benchmarks.privacy import hide_folders, is_private_path
from edge_mef.benchmarks.sensors.readings import EnergyReading, HeatReading, PowerState
from edge_mef.benchmarks.statistics import Samples, Summary, summarize
from edge_mef.manifest import Precision, PrecisionProof

SCHEMA_VERSION: Literal[1] = 1
DOCUMENT: Literal["edge-mef record"] = "edge-mef record"
Phase = Literal["end_to_end", "copy_in", "compute", "copy_out"]
PHASES: tuple[Phase, ...] = ("end_to_end", "copy_in", "compute", "copy_out")
# What a record has a value for, or else a reason in `not_measured`.
MEASURED = (
    *("load.open_ms", "load.first_ms", "series.copy_in", "series.compute", "series.copy_out"),
    *("throughput", "memory.host_peak_bytes", "memory.device_peak_bytes", "layers"),
    *("energy", "heat", "state", "contention", "yardstick", "quality"),
)
_SHA256 = "^[0-9a-f]{64}$"
_SAME = 1e-6  # relative; machines may add the same numbers in another order


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Parity(_Part):
    """The worst of what the last `verify` found about what ran.

    Attributes:
        date: of that `verify`.
        psnr: in dB; None where all frames were equal.
        max_difference: in grey levels.
        mef_ssim_drop: None where it was not measured.
    """

    date: str
    passed: bool
    psnr: float | None
    max_difference: int = Field(ge=0)
    mef_ssim_drop: float | None


class Subject(_Part):
    """What was measured.

    Attributes:
        title: what tables call it.
        network, channels, precision: of a bundle; None where a peer has none.
        runtime: its name in the table of runtimes; of a peer the library that works.
        artefact: the file or package that ran, or "stages"; None for a peer.
        files: SHA-256 of all files that ran, by their names in the bundle.
        proof: what the artefact computes in; None where none was counted.
        parity: None where nothing was verified.
    """

    kind: Literal["bundle", "peer"]
    title: str = Field(min_length=1)
    network: str | None = None
    channels: int | None = Field(default=None, ge=1)
    precision: Precision | None = None
    runtime: str = Field(min_length=1)
    artefact: str | None = None
    files: dict[str, str] = {}
    weights_sha256: str | None = Field(default=None, pattern=_SHA256)
    proof: PrecisionProof | None = None
    parity: Parity | None = None

    @field_validator("files")
    @classmethod
    def _digests(cls, files: dict[str, str]) -> dict[str, str]:
        wrong = [name for name, digest in files.items() if not re.fullmatch(_SHA256, digest)]
        if wrong:
            raise ValueError(f"expected a SHA-256 for every file, found none for {wrong[0]!r}")
        return files

    @model_validator(mode="after")
    def _whole(self) -> Self:
        known = (self.network, self.channels, self.precision, self.artefact, self.weights_sha256)
        if self.kind == "bundle" and (None in known or not self.files):
            raise ValueError("a bundle states network, channels, precision, artefact and files")
        return self


class Interleaving(_Part):
    """That several subjects were measured in rounds, with one call of each in every round.

    Sample i of all records with the same `group` is of the same round, so they are compared pair by
    pair. Calls in a fixed order may fall into step with the time slices of the system, where a
    shuffled order gives every subject the same chances (a randomized block design).

    Attributes:
        group: what these records share: 32 random hexadecimal digits.
        order: within a round, "shuffled" where each round has a random one.
        titles: of all subjects.
    """

    group: str = Field(pattern="^[0-9a-f]{32}$")
    order: Literal["fixed", "shuffled"]
    titles: tuple[str, ...] = Field(min_length=2)


class Settings(_Part):
    """How it was measured.

    Attributes:
        threads: of the CPU; None where the runtime chose.
        streams: calls in flight at a time while latency was measured.
        warmup_samples: calls before the first sample. warmup_stable: whether they ended stable.
        provider: what the runtime computes on, such as CPUExecutionProvider.
        cuda_graph: None where there is no CUDA.
        timer_resolution_ns: of the clock that timed the samples.
        command_line: without folders (`edge_mef.benchmarks.privacy.command_text`).
    """

    height: int = Field(ge=1)
    width: int = Field(ge=1)
    exposures: int = Field(ge=1)
    threads: int | None = Field(default=None, ge=1)
    streams: int = Field(default=1, ge=1)
    warmup_samples: int = Field(ge=0)
    warmup_stable: bool | None = None
    provider: str | None = None
    cuda_graph: bool | None = None
    interleaved: Interleaving | None = None
    timer_resolution_ns: float = Field(gt=0)
    command_line: str = ""


class Load(_Part):
    """Before anything is warm: opening the artefact, and the first call after that."""

    open_ms: float | None = Field(default=None, gt=0)
    first_ms: float | None = Field(default=None, gt=0)


class Series(_Part):
    """The samples of one phase in the order they were measured, > 0, and their numbers."""

    samples: tuple[float, ...] = Field(min_length=1)
    summary: Summary

    @classmethod
    def of(cls, samples: Samples) -> Self:
        """Make a series of samples in milliseconds; `InputError` for what is no duration."""
        return cls(samples=tuple(map(float, samples)), summary=summarize(samples))

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if min(self.samples) <= 0:
            raise ValueError("expected samples of more than 0 ms")
        found = summarize(self.samples, level=self.summary.level)
        for name in ("count", "mean", "median", "p90", "p95", "p99", "max", "min", "std", "jitter"):
            stated, computed = getattr(self.summary, name), getattr(found, name)
            if not _agree(stated, computed):
                raise ValueError(f"its {name} is {stated}, that of its samples is {computed}")
        return self


class Throughput(_Part):
    """Frames per second with so many streams in flight, as long as it was measured."""

    frames_per_second: float = Field(gt=0)
    streams: int = Field(ge=1)


class Memory(_Part):
    """Peaks in bytes; how they were measured is the harness's to say in the notes."""

    host_peak_bytes: int | None = Field(default=None, gt=0)
    device_peak_bytes: int | None = Field(default=None, gt=0)


class Layer(_Part):
    """One layer of a profile: its mean time, and its share of all layers, 0 to 1."""

    name: str
    type: str
    mean_ms: float = Field(ge=0)
    share: float = Field(ge=0, le=1)


class Quality(_Part):
    """Metrics of the fused frames, by name, as the mean of the scenes."""

    scenes: tuple[str, ...] = Field(min_length=1)
    values: dict[str, float] = Field(min_length=1)


class Record(_Part):
    """One measurement.

    Attributes:
        date: UTC, ISO 8601 with seconds, such as 2025-01-31T12:00:00Z.
        runtime: what the runtime says of itself.
        toolchain: versions (`edge_mef.toolchain`).
        energy: of `energy_frames` frames, the idle machine included.
        contention: while the samples were taken.
        yardstick: a fixed piece of work that was timed in every round (`benchmarks.yardstick`).
        not_measured: the reason for every value of `MEASURED` that is None, by its dotted name.
        notes: sentences for people.
    """

    document: Literal["edge-mef record"] = DOCUMENT
    schema_version: Literal[1] = SCHEMA_VERSION
    id: str = Field(pattern=_SHA256)
    date: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
    subject: Subject
    runtime: dict[str, str]
    machine: Machine
    toolchain: dict[str, str]
    settings: Settings
    load: Load
    series: dict[Phase, Series]
    throughput: Throughput | None = None
    memory: Memory
    layers: tuple[Layer, ...] | None = Field(default=None, min_length=1)
    energy: EnergyReading | None = None
    energy_frames: int | None = Field(default=None, ge=1)
    heat: HeatReading | None = None
    state: PowerState | None = None
    contention: Contention | None = None
    yardstick: Series | None = None
    quality: Quality | None = None
    not_measured: dict[str, str]
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if "end_to_end" not in self.series:
            raise ValueError("the series end_to_end is missing")
        if (self.energy is None or self.energy.joules is None) != (self.energy_frames is None):
            raise ValueError("energy_frames is there where energy was measured, and only there")
        absent = {name for name in MEASURED if _value(self, name) is None}
        reasons = {name for name, reason in self.not_measured.items() if reason.strip()}
        if absent != reasons or reasons != self.not_measured.keys():
            wrong = min((absent ^ reasons) | (self.not_measured.keys() - reasons))
            raise ValueError(f"not_measured gives a reason for all that is None, not so {wrong!r}")
        return self

    @property
    def joules_per_frame(self) -> float | None:
        """The energy of one frame, None where it was not measured."""
        if self.energy is None or self.energy_frames is None:
            return None
        return self.energy.joules_per_frame(self.energy_frames)


def make_record(
    *,
    subject: Subject,
    runtime: dict[str, str],
    machine: Machine,
    toolchain: dict[str, str],
    settings: Settings,
    series: dict[Phase, Series],
    not_measured: dict[str, str],
    load: Load | None = None,
    throughput: Throughput | None = None,
    memory: Memory | None = None,
    layers: tuple[Layer, ...] | None = None,
    energy: EnergyReading | None = None,
    energy_frames: int | None = None,
    heat: HeatReading | None = None,
    state: PowerState | None = None,
    contention: Contention | None = None,
    yardstick: Series | None = None,
    quality: Quality | None = None,
    notes: Sequence[str] = (),
    date: str | None = None,
) -> Record:
    """Make a record of this moment (or of `date`), with its id.

    Folders are taken out of the title, the command line, reasons, notes, and what the runtime says:
    they tell who measured. Raises pydantic's `ValidationError` where the parts do not go together.
    """
    values = dict(locals())
    values |= {
        "load": load or Load(),
        "memory": memory or Memory(),
        "date": date or datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "subject": subject.model_copy(update={"title": hide_folders(subject.title)}),
        "runtime": {n: hide_folders(v) for n, v in runtime.items() if not is_private_path(v)},
        "settings": _without_folders(settings),
        "not_measured": {name: hide_folders(reason) for name, reason in not_measured.items()},
        "notes": tuple(map(hide_folders, notes)),
    }
    unsigned = Record.model_validate(values | {"id": "0" * 64})
    return unsigned.model_copy(update={"id": content_digest(unsigned.model_dump(mode="json"))})


def _without_folders(settings: Settings) -> Settings:
    changes: dict[str, object] = {"command_line": hide_folders(settings.command_line)}
    if settings.interleaved is not None:
        titles = tuple(map(hide_folders, settings.interleaved.titles))
        changes["interleaved"] = settings.interleaved.model_copy(update={"titles": titles})
    return settings.model_copy(update=changes)


def content_digest(document: dict[str, Any]) -> str:
    """Return the id of a record's JSON: SHA-256 over all of it but the id, in canonical form."""
    content = {name: value for name, value in document.items() if name != "id"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def record_schema() -> str:
    """Return the JSON Schema of a record; docs/record.schema.json is a copy."""
    schema = Record.model_json_schema(mode="serialization")
    # The words of a schema differ slightly between versions of pydantic.
    schema["$comment"] = f"written by pydantic {VERSION.rpartition('.')[0]}"
    return json.dumps(schema, indent=2) + "\n"


def _agree(stated: float | None, computed: float | None) -> bool:
    if stated is None or computed is None:
        return stated is computed
    return abs(stated - computed) <= _SAME * max(abs(computed), 1e-3)


def _value(record: Record, name: str) -> object:
    """Return what a dotted name stands for."""
    first, _, second = name.partition(".")
    part = getattr(record, first)
    if not second:
        return part
    return part.get(second) if isinstance(part, dict) else getattr(part, second)
