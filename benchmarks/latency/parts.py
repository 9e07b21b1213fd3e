"""What a record holds beside the samples: phases, throughput, energy, layers, memory, quality.

Each function keeps a value in the findings, or the reason why there is none; none of them raises
for what is only missing here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from edge_mef.benchmarks.contention import ContentionWatch
from edge_mef.benchmarks.footprint import measure_footprint
from edge_mef.benchmarks.latency.entrants import BundleEntrant, Entrant, OpenedBundle
from edge_mef.benchmarks.latency.findings import Findings
from edge_mef.benchmarks.latency.quality import measure_quality
from edge_mef.benchmarks.latency.request import Request
from edge_mef.benchmarks.latency.streams import Burst, run_streams
from edge_mef.benchmarks.latency.turns import Turn, steady
from edge_mef.benchmarks.records import Layer, Quality, Series, Throughput
from edge_mef.benchmarks.sensors.meter import SENSORS, Meter, open_meter
from edge_mef.benchmarks.speed import Frame
from edge_mef.benchmarks.yardstick import yardstick
from edge_mef.errors import EdgeMefError
from edge_mef.runtimes.profile import LayerTime

_PHASES = ("series.copy_in", "series.compute", "series.copy_out")
_NOT_ASKED = "it was skipped, as asked"
_SHARE = 0.2  # of the seconds of the samples, for the throughput; half of it for the phases
_MOST_PHASES, _FEWEST_PHASES = 50, 3
_LAYER_SECONDS, _MOST_LAYER_CALLS = 1.0, 20
_FOOTPRINT_SECONDS, _FOOTPRINT_CALLS = 60.0, 20  # a process starts slowly on a busy device
_GPU = ("nvml",)


def meter_of(findings: Sequence[Findings]) -> Meter:
    """Return a meter of what works: a desktop's GPU only where a subject runs on it."""
    on_gpu = any(one.told.get("device", "CPU") != "CPU" for one in findings)
    return open_meter(only=None if on_gpu else [name for name in SENSORS if name not in _GPU])


@contextmanager
def watched(findings: Sequence[Findings]) -> Iterator[None]:
    """Watch whether others take the cores, until the samples end, however they do."""
    watch = ContentionWatch()
    try:
        yield
    finally:
        found = watch.read()
        for one in findings:
            if isinstance(found, str):
                one.lack(("contention",), found)
            else:
                one.found("contention", found)


@contextmanager
def beside_a_yardstick(findings: Sequence[Findings]) -> Iterator[list[Turn]]:
    """Yield what is timed beside the samples, and keep its samples however they end."""
    turn = Turn(yardstick)
    try:
        yield [turn]
    finally:
        if turn.samples:
            series = Series.of(turn.samples)
            for one in findings:
                one.found("yardstick", series)


def keep_heat(one: Findings, meter: Meter) -> None:
    """Keep the heat of the time of the samples, and modes and clocks as they were before."""
    one.found("heat", meter.heat())
    one.found("state", meter.state())


def measure_phases(
    one: Findings, entrant: Entrant, frames: Sequence[Frame], request: Request
) -> None:
    """Time the phases of calls of their own: to tell them apart may take time itself."""
    if "phases" in request.skipped:
        return one.lack(_PHASES, _NOT_ASKED)
    if one.streams > 1:
        return one.lack(_PHASES, "phases are measured with one stream")
    opened = one.opened
    if not isinstance(opened, OpenedBundle):
        return one.lack(_PHASES, entrant.phases_missing or "it has no phases")
    calls = _calls(one, request.effort.seconds * _SHARE / 2, _FEWEST_PHASES, _MOST_PHASES)
    with steady():
        for _ in range(calls):
            one.phases.append(opened.phases(*frames))
    one.notes.append(
        f"phases are of {calls} calls of their own: {opened.fuser.runtime.phases_note}"
    )
    return one.lack(_PHASES, "it was shorter than the clock can tell")


def measure_burst(one: Findings, request: Request) -> None:
    """Measure frames per second and energy of calls back to back, where one stream runs."""
    if one.streams > 1:
        return
    skipped = {"throughput", "energy"} & request.skipped
    if len(skipped) == 2:
        one.lack(tuple(skipped), _NOT_ASKED)
        return
    with meter_of([one]) as meter:
        burst = run_streams([one.turn.call], seconds=request.effort.seconds * _SHARE, fewest=1)
    if "throughput" in skipped:
        one.lack(("throughput",), _NOT_ASKED)
    else:
        keep_throughput(one, burst, 1)
    keep_energy(one, meter, len(burst.samples), request)


def keep_throughput(one: Findings, burst: Burst, streams: int) -> None:
    """Keep the frames per second of a burst."""
    rate = burst.frames_per_second
    one.found("throughput", Throughput(frames_per_second=rate, streams=streams))


def keep_energy(one: Findings, meter: Meter, frames: int, request: Request) -> None:
    """Keep the energy of so many frames, or why there is none."""
    reading = meter.energy()
    if "energy" in request.skipped:
        one.lack(("energy",), _NOT_ASKED)
    elif reading.joules is None:
        one.lack(("energy",), reading.not_measured or "no sensor")
    else:
        one.found("energy", reading)
        one.values["energy_frames"] = frames


def keep_quality(one: Findings, request: Request, known: dict[str, Quality | str]) -> None:
    """Measure the fused pictures of what was timed; `known` has those of other sizes, by title."""
    if "quality" in request.skipped or request.gallery is None:
        return one.lack(("quality",), _NOT_ASKED)
    title = one.subject.title
    if title not in known:
        try:
            known[title] = measure_quality(one.opened, request.gallery, _only_size(one))
        except EdgeMefError as error:
            known[title] = str(error)
    found = known[title]
    if isinstance(found, str):
        return one.lack(("quality",), found)
    return one.found("quality", found)


def _only_size(one: Findings) -> tuple[int, int] | None:
    """Return the size of the frames where no other can be fused."""
    if not isinstance(one.opened, OpenedBundle):
        return None
    fuser = one.opened.fuser
    fixed = fuser.bundle.manifest.contract.height is not None or fuser.runtime.sizes is not None
    return one.size if fixed else None


def measure_layers(
    one: Findings, entrant: Entrant, frames: Sequence[Frame], request: Request
) -> None:
    """Profile calls of a runtime of its own: to profile slows a runtime down."""
    if "layers" in request.skipped:
        return one.lack(("layers",), _NOT_ASKED)
    if not isinstance(entrant, BundleEntrant) or entrant.layers_missing:
        return one.lack(("layers",), entrant.layers_missing or "it has no layers")
    if one.streams > 1:
        return one.lack(("layers",), "layers are measured with one stream")
    calls = _calls(one, _LAYER_SECONDS, 1, _MOST_LAYER_CALLS)
    try:
        times = entrant.layer_times(frames, calls)
    except EdgeMefError as error:
        return one.lack(("layers",), str(error))
    if not sum(time.milliseconds for time in times):
        return one.lack(("layers",), "the runtime gave no times of layers")
    one.notes.append(f"layers are of {calls} calls of a runtime that profiled, the first included")
    return one.found("layers", layers_of(times, calls))


def layers_of(times: Sequence[LayerTime], calls: int) -> tuple[Layer, ...]:
    """Return the mean times of a call, and shares, the longest first."""
    total = sum(time.milliseconds for time in times)
    return tuple(
        Layer(
            name=time.name,
            type=time.type,
            mean_ms=time.milliseconds / calls,
            share=time.milliseconds / total,
        )
        for time in sorted(times, key=lambda time: -time.milliseconds)
    )


def measure_memory(one: Findings, entrant: Entrant, request: Request) -> None:
    """Measure the peaks of a process of its own that opens the subject and fuses twice."""
    names = ("memory.host_peak_bytes", "memory.device_peak_bytes")
    if "memory" in request.skipped:
        return one.lack(names, _NOT_ASKED)
    if one.streams > 1:
        return one.lack(names, "memory is measured with one stream")
    wanted = entrant.footprint(request.exposures, one.size)
    first = one.opened.load.first_ms or 0.0
    found = measure_footprint(wanted, timeout=_FOOTPRINT_SECONDS + _FOOTPRINT_CALLS * first / 1e3)
    one.lack(names, found.reason or "the runtime uses the memory of the host only")
    if found.peak_bytes is not None:
        one.memory["host_peak_bytes"] = found.peak_bytes
        one.notes.append(
            "the peak of the host is that of a process of its own with Python, libraries, frames "
            "and result"
        )
    if found.device_bytes is not None:
        one.memory["device_peak_bytes"] = found.device_bytes
    return None


def _calls(one: Findings, seconds: float, fewest: int, most: int) -> int:
    """Return how many calls fit into so many seconds."""
    samples = one.turn.samples
    return max(fewest, min(most, int(seconds * 1e3 * len(samples) / sum(samples))))
