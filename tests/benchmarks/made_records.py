"""Records that no machine measured: latencies as they look like, and everything around them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.machine import Machine, machine_digest
from edge_mef.benchmarks.records import (
    MEASURED,
    Load,
    Record,
    Series,
    Settings,
    Subject,
    make_record,
)

DATE = "2025-01-31T12:00:00Z"
SUBJECT = Subject(
    kind="bundle",
    title="ffmef-edge",
    network="ffmef-edge",
    channels=8,
    precision="fp32",
    runtime="onnxruntime",
    artefact="model.onnx",
    files={"model.onnx": "a" * 64},
    weights_sha256="b" * 64,
)
SETTINGS = Settings(
    height=1080,
    width=1920,
    exposures=2,
    threads=2,
    warmup_samples=20,
    warmup_stable=True,
    provider="CPUExecutionProvider",
    timer_resolution_ns=1.0,
    command_line="edge-mef bench ffmef-edge",
)


def latencies(
    seed: int,
    count: int = 200,
    *,
    median: float = 20.0,
    spread: float = 0.03,
    memory: float = 0.6,
    drift: float = 0.01,
) -> NDArray[np.float64]:
    """Return latencies in ms as a busy machine gives them, (count,).

    Lognormal with neighbours that resemble each other (first-order, `memory`), 2 % of spikes up to
    several times as long, and a run that is all in all off by about `drift`.
    """
    random = np.random.default_rng(seed)
    noise = random.normal(size=count) * np.sqrt(1 - memory**2)
    level = random.normal()
    values = np.empty(count)
    for index, change in enumerate(noise):
        level = memory * level + change
        values[index] = level
    spikes = np.where(random.random(count) < 0.02, 1 + random.exponential(1.0, count), 1.0)
    run = np.exp(random.normal(0, drift))
    return np.asarray(median * run * np.exp(spread * values) * spikes)


def made_machine(**changes: Any) -> Machine:
    content: dict[str, Any] = {
        "cpu": "Cortex-A78AE",
        "physical_cores": 12,
        "logical_cores": 12,
        "usable_cores": 12,
        "cpu_limit": None,
        "memory_bytes": 64 * 2**30,
        "gpus": (),
        "board": None,
        "os": "Ubuntu 22.04.5 LTS",
        "kernel": "5.15.148-tegra",
        "architecture": "aarch64",
        "python": "3.10.12",
        "driver": None,
        "cuda": None,
        "tensorrt": None,
        "l4t": None,
        "jetpack": None,
        "container": False,
    } | changes
    return Machine.model_validate(content | {"digest": machine_digest(content)})


def made_record(
    samples: Sequence[float] | NDArray[np.float64] | None = None,
    *,
    subject: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    machine: Mapping[str, Any] | None = None,
    **parts: Any,
) -> Record:
    """Return a record of some samples; parts of it, and of its parts, may be others."""
    values = latencies(0) if samples is None else samples
    given: dict[str, Any] = {
        "subject": SUBJECT.model_copy(update=dict(subject or {})),
        "settings": SETTINGS.model_copy(update=dict(settings or {})),
        "machine": made_machine(**(machine or {})),
        "runtime": {"runtime": "onnxruntime 1.20.0", "device": "CPU"},
        "toolchain": {"edge-mef": "0.1.0", "numpy": "2.1.0"},
        "series": {"end_to_end": Series.of([float(value) for value in values])},
        "load": Load(open_ms=12.5, first_ms=80.0),
        "date": DATE,
    } | parts
    there = {"load.open_ms", "load.first_ms", *(f"series.{name}" for name in given["series"])}
    there |= {name for name in MEASURED if given.get(name) is not None}
    reasons = {name: "not asked for" for name in MEASURED if name not in there}
    return make_record(**({"not_measured": reasons} | given))
