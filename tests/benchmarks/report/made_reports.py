"""Records as a benchmark with several subjects, sizes and spikes leaves them behind."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_mef.benchmarks.records import (
    MEASURED,
    Interleaving,
    Layer,
    Load,
    Memory,
    Quality,
    Record,
    Series,
    Throughput,
)
from edge_mef.benchmarks.sensors.readings import EnergyReading, HeatReading, PowerState
from tests.benchmarks.made_records import latencies, made_record

SIZES = ((270, 480), (540, 960), (720, 1280), (1080, 1920), (1440, 2560), (2160, 3840))
# title, kind, ms of a megapixel, fixed ms, MEF-SSIM, network
SUBJECTS = (
    ("ffmef-edge", "bundle", 9.0, 4.0, 0.962),
    ("ffmef-edge-4", "bundle", 7.0, 3.0, 0.951),
    ("ffmef", "bundle", 160.0, 6.0, 0.944),
    ("OpenCV Mertens", "peer", 110.0, 0.5, 0.957),
)
PEER: dict[str, Any] = {
    "network": None, "channels": None, "precision": None, "artefact": None, "files": {},
    "weights_sha256": None, "runtime": "opencv",
}  # fmt: skip


def made_benchmark(
    sizes: Sequence[tuple[int, int]] = SIZES,
    *,
    subjects: int = 4,
    samples: int = 150,
    **changes: Any,
) -> list[Record]:
    """Return the records of subjects that took turns at every size; `changes` go to all."""
    records = []
    for number, size in enumerate(sizes):
        rounds = latencies(100 + number, samples, median=1.0, spread=0.04, drift=0.0)
        for index in range(subjects):
            records.append(_one(size, number, index, rounds, subjects, changes))
    return records


def _one(
    size: tuple[int, int],
    number: int,
    index: int,
    rounds: Any,
    subjects: int,
    changes: dict[str, Any],
) -> Record:
    title, kind, slope, fixed, quality = SUBJECTS[index]
    pixels = size[0] * size[1] / 1e6
    own = latencies(1000 * index + number, len(rounds), median=1.0, spread=0.015, drift=0.005)
    times = (fixed + slope * pixels) * rounds * own
    if index == 1 and number % 2:  # two modes, and a run that gets slower
        times = times * np.where(np.arange(len(times)) % 3 == 0, 1.12, 1.0)
        times = times * np.linspace(1.0, 1.1, len(times))
    turns = Interleaving(
        group=f"{number:032x}", order="shuffled", titles=tuple(s[0] for s in SUBJECTS[:subjects])
    )
    parts = _parts(index, times, pixels, quality) if kind == "bundle" else {}
    given = {
        "subject": {"title": title} if kind == "bundle" else {"title": title, "kind": kind} | PEER,
        "settings": {"height": size[0], "width": size[1], "interleaved": turns}
        | ({"provider": None} if kind == "peer" else {}),
        **parts,
    } | changes
    return made_record(times, **given)


def _parts(index: int, times: Any, pixels: float, quality: float) -> dict[str, Any]:
    phases = {"copy_in": 0.04, "compute": 0.9, "copy_out": 0.05}
    series = {"end_to_end": Series.of(times.tolist())}
    reason = "this board has no sensor of its power"
    joules = float(0.011 * times.sum())
    values: dict[str, Any] = {
        "series": series | {p: Series.of((times * share).tolist()) for p, share in phases.items()},
        "load": Load(open_ms=12.5 + index, first_ms=float(times[0]) * 3),
        "throughput": Throughput(frames_per_second=1.6e3 / float(np.median(times)), streams=2),
        "memory": Memory(host_peak_bytes=int(2e8 + 8e7 * pixels)),
        "quality": Quality(scenes=("room-1", "room-2", "outdoor-3"),
                           values={"MEF_SSIM": quality - 0.002 * pixels, "EN": 7.1}),
        "heat": HeatReading(celsius_at_start={"cpu": 51.0}, celsius_at_end={"cpu": 58.5},
                            throttled=index == 2, reasons=("power cap",) if index == 2 else ()),
        "state": PowerState(governor="schedutil", not_measured={"mode": "not a Jetson"}),
    }  # fmt: skip
    if index != 1:
        values |= {
            "energy": EnergyReading(joules=joules, seconds=float(times.sum()) / 1e3,
                                    source="INA3221: VDD_IN"),
            "energy_frames": len(times),
        }  # fmt: skip
    if index == 0:
        values["layers"] = _layers(float(times.mean()))
    there = {"load.open_ms", "load.first_ms", "memory.host_peak_bytes", *values}
    there |= {f"series.{phase}" for phase in phases}
    absent = {name: "not asked for" for name in MEASURED if name not in there}
    if "energy" in absent:
        absent["energy"] = reason
    absent["memory.device_peak_bytes"] = "the runtime computes on the CPU"
    return values | {"not_measured": absent, "notes": ("host memory is that of the process",)}


def _layers(total: float, count: int = 24) -> tuple[Layer, ...]:
    shares = 0.8 ** np.arange(count)
    shares = shares / shares.sum()
    return tuple(
        Layer(name=f"/encoder/block.{i}/conv_with_a_long_name/Conv",
              type="Conv" if i % 3 else "Mul",
              mean_ms=float(total * share), share=float(share))
        for i, share in enumerate(shares)
    )  # fmt: skip
