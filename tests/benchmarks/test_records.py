"""The record: complete, in agreement with itself, and silent about whoever measured."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from edge_mef.benchmarks.contention import Contention
from edge_mef.benchmarks.records import (
    DOCUMENT,
    Interleaving,
    Layer,
    Load,
    Memory,
    Parity,
    Quality,
    Record,
    Series,
    Settings,
    Subject,
    Throughput,
    content_digest,
)
from edge_mef.benchmarks.sensors.readings import EnergyReading, HeatReading, PowerState
from edge_mef.benchmarks.statistics import summarize
from edge_mef.manifest import PrecisionProof
from tests.benchmarks.made_records import SETTINGS, SUBJECT, latencies, made_record

FULL: dict[str, Any] = {
    "subject": {
        "proof": PrecisionProof(fp32=14),
        "parity": Parity(
            date="2025-01-30", passed=True, psnr=None, max_difference=0, mef_ssim_drop=None
        ),
    },
    "series": {
        name: Series.of(latencies(seed, 30))
        for seed, name in enumerate(("end_to_end", "copy_in", "compute", "copy_out"))
    },
    "throughput": Throughput(frames_per_second=55.5, streams=2),
    "memory": Memory(host_peak_bytes=10**9, device_peak_bytes=10**8),
    "layers": (Layer(name="conv", type="Conv", mean_ms=1.5, share=0.75),),
    "energy": EnergyReading(joules=12.0, seconds=2.0, source="RAPL", rails={"package": 12.0}),
    "energy_frames": 100,
    "heat": HeatReading(
        celsius_at_start={"cpu": 40.0}, celsius_at_end={"cpu": 60.0}, throttled=False
    ),
    "state": PowerState(governor="performance", not_measured={"mode": "nvpmodel is not there"}),
    "contention": Contention(waited=0.01, stolen=0.0),
    "yardstick": Series.of([0.2, 0.21, 0.2]),
    "quality": Quality(scenes=("room",), values={"MEF-SSIM": 0.98}),
    "not_measured": {},
    "notes": ("the peak of memory is that of the process",),
}


def test_a_full_record_comes_back_as_it_was() -> None:
    record = made_record(**FULL)
    assert record.document == DOCUMENT
    assert record.joules_per_frame == 0.12
    again = Record.model_validate_json(record.model_dump_json())
    assert again == record
    assert list(again.series) == ["end_to_end", "copy_in", "compute", "copy_out"]


def test_the_id_is_that_of_the_content() -> None:
    record = made_record()
    assert content_digest(json.loads(record.model_dump_json())) == record.id
    assert made_record().id == record.id
    assert made_record(notes=["another"]).id != record.id
    assert made_record(settings={"threads": 3}).id != record.id


def test_now_is_the_date() -> None:
    found = made_record(date=None).date
    assert found.endswith("Z")
    assert found > "2025"


@pytest.mark.parametrize("name", ["energy", "series.compute", "load.open_ms"])
def test_what_is_absent_has_a_reason(name: str) -> None:
    full = FULL | {"load": Load(open_ms=1.0, first_ms=2.0)}
    if name == "energy":
        full = full | {"energy": None, "energy_frames": None}
    elif name == "series.compute":
        full["series"] = {n: s for n, s in FULL["series"].items() if n != "compute"}
    else:
        full["load"] = Load(first_ms=2.0)
    with pytest.raises(ValidationError, match=f"not so '{name}'"):
        made_record(**full)
    with pytest.raises(ValidationError, match=f"not so '{name}'"):
        made_record(**(full | {"not_measured": {name: " "}}))
    assert made_record(**(full | {"not_measured": {name: "why"}})).not_measured == {name: "why"}


@pytest.mark.parametrize("name", ["energy", "warmth"])
def test_reasons_for_what_is_there_or_unknown(name: str) -> None:
    with pytest.raises(ValidationError, match=f"not so '{name}'"):
        made_record(**(FULL | {"not_measured": {name: "why"}}))


def test_energy_goes_with_its_frames() -> None:
    with pytest.raises(ValidationError, match="energy_frames"):
        made_record(**(FULL | {"energy_frames": None}))
    nothing = EnergyReading(joules=None, seconds=1.0, source="none", not_measured="no sensor")
    with pytest.raises(ValidationError, match="energy_frames"):
        made_record(**(FULL | {"energy": nothing}))
    record = made_record(**(FULL | {"energy": nothing, "energy_frames": None}))
    assert record.joules_per_frame is None


def test_the_series_end_to_end_is_always_there() -> None:
    series = {"compute": Series.of([1.0])}
    with pytest.raises(ValidationError, match="end_to_end is missing"):
        made_record(series=series)


@pytest.mark.parametrize("name", ["mean", "median", "p99", "std", "jitter", "count"])
def test_a_summary_that_is_not_of_the_samples(name: str) -> None:
    summary = summarize([1.0, 2.0, 4.0])
    wrong = summary.model_copy(update={name: getattr(summary, name) * 2})
    with pytest.raises(ValidationError, match=f"its {name} is"):
        Series(samples=(1.0, 2.0, 4.0), summary=wrong)
    # Another machine may add the numbers in another order.
    close = summary.model_copy(update={"mean": summary.mean * (1 + 1e-9)})
    assert Series(samples=(1.0, 2.0, 4.0), summary=close).summary == close


@pytest.mark.parametrize("samples", [(0.0, 1.0), (-1.0, 1.0), ()])
def test_samples_that_are_no_durations(samples: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        Series(samples=samples, summary=summarize([0.5, 1.0]))


@pytest.mark.parametrize("name", ["network", "channels", "precision", "artefact", "weights_sha256"])
def test_a_bundle_states_what_ran(name: str) -> None:
    with pytest.raises(ValidationError, match="a bundle states"):
        Subject.model_validate(SUBJECT.model_dump() | {name: None})


def test_a_peer_needs_only_a_name() -> None:
    peer = Subject(kind="peer", title="OpenCV Mertens", runtime="opencv")
    record = made_record(subject=peer.model_dump())
    assert record.subject.network is None


def test_digests_are_digests() -> None:
    with pytest.raises(ValidationError, match="SHA-256 for every file, found none for 'a'"):
        Subject.model_validate(SUBJECT.model_dump() | {"files": {"a": "123"}})


@pytest.mark.parametrize(
    ("model", "content"),
    [
        (Settings, SETTINGS.model_dump() | {"height": 0}),
        (Settings, SETTINGS.model_dump() | {"colour": "red"}),
        (Load, {"open_ms": 0.0}),
        (Memory, {"host_peak_bytes": 0}),
        (Throughput, {"frames_per_second": 0.0, "streams": 1}),
        (Layer, {"name": "a", "type": "b", "mean_ms": 1.0, "share": 1.5}),
        (Quality, {"scenes": [], "values": {}}),
        (Interleaving, {"group": "x", "order": "fixed", "titles": ["a", "b"]}),
    ],
)
def test_impossible_parts(model: type[Load], content: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(content)


def test_nobody_is_named() -> None:
    record = made_record(
        subject={"title": "/home/ada/bundles/mine"},
        runtime={"device": "CPU", "engine folder": "/home/ada/.cache/edge-mef"},
        settings={"command_line": "edge-mef bench /home/ada/mine --json=/home/ada/out.json"},
        notes=["'/home/ada/my pictures/a.png' was left out"],
        not_measured=made_record().not_measured | {"energy": "no /home/ada/x in /sys/class/hwmon"},
    )
    assert "ada" not in record.model_dump_json()
    assert record.subject.title == "mine"
    assert record.runtime == {"device": "CPU"}
    assert record.settings.command_line == "edge-mef bench mine --json=out.json"
    assert record.notes == ("'a.png' was left out",)
    assert record.not_measured["energy"] == "no x in /sys/class/hwmon"
