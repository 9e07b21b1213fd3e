"""A benchmark from the request to its records: group by group, all of a group in turn."""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial

from edge_mef.benchmarks.latency import parts
from edge_mef.benchmarks.latency.entrants import Entrant, Size
from edge_mef.benchmarks.latency.findings import Around, Findings
from edge_mef.benchmarks.latency.request import Listener, Request
from edge_mef.benchmarks.latency.streams import Burst, run_streams
from edge_mef.benchmarks.latency.turns import Turn, expected_rounds, take_turns, warm
from edge_mef.benchmarks.machine import machine_fingerprint
from edge_mef.benchmarks.records import Interleaving, Quality
from edge_mef.benchmarks.sensors.meter import Meter
from edge_mef.benchmarks.speed import Frame, rendered_frames
from edge_mef.benchmarks.statistics import PERCENTS, percentile_interval
from edge_mef.errors import FrameTooLargeError, InputError
from edge_mef.toolchain import toolchain_versions

_POINTS = 100  # of the progress of a group
_OPENED, _SAMPLED, _MEASURED = 10, 70, 90
_GLANCE = 0.1  # seconds between two looks at the progress; each takes time from the cores


@dataclass
class _Session:
    """What lasts through all groups."""

    request: Request
    listener: Listener
    around: Around
    groups: int
    notes: list[str]
    done: int = 0
    quality: dict[str, Quality | str] = field(default_factory=dict)
    _last: float = 0.0

    def show(self, what: str, points: float) -> None:
        """Show the progress of the group, 0 to `_POINTS`, at most every `_GLANCE` seconds."""
        now = time.monotonic()
        if now - self._last >= _GLANCE:
            self._last = now
            self.listener.progress(what, self.done * _POINTS + int(points), self.groups * _POINTS)


def run_benchmark(request: Request, listener: Listener) -> tuple[str, ...]:
    """Measure everything; return notes on what was left out.

    Records are kept group by group. Where something raises, KeyboardInterrupt included, a record is
    kept of whatever has samples, and it says what is missing.

    Raises:
        InputError: none of the sizes can be fused.
        EdgeMefError: something failed that was asked for.
    """
    groups, notes = _plan(request)
    count = sum(1 if streams == 1 else len(entrants) for _, streams, entrants in groups)
    session = _Session(request, listener, _around(request), count, notes)
    for size, streams, entrants in groups:
        frames = rendered_frames(*size, request.exposures)
        if streams == 1:
            _measure(session, entrants, frames, size)
        else:
            for entrant in entrants:
                _measure_streams(session, entrant, frames, size, streams)
    return tuple(session.notes)


def _plan(request: Request) -> tuple[list[tuple[Size, int, list[Entrant]]], list[str]]:
    """Return size, streams and entrants of each group, and what no entrant takes."""
    refused = {e.title: e.refusals(request.exposures, request.sizes) for e in request.entrants}
    groups, notes = [], []
    errors: list[InputError] = []
    for size in request.sizes:
        errors += [found[size] for found in refused.values() if size in found]
        for title, found in refused.items():
            if size in found:
                notes.append(_left_out(title, size, found[size]))
        entrants = [e for e in request.entrants if size not in refused[e.title]]
        if entrants:
            groups += [(size, streams, entrants) for streams in request.streams]
    if not groups:
        raise errors[0]
    return groups, notes


def _around(request: Request) -> Around:
    return Around(
        machine=machine_fingerprint(),
        toolchain=toolchain_versions(),
        command_line=request.command_line,
        timer_resolution_ns=time.get_clock_info("perf_counter").resolution * 1e9,
        exposures=request.exposures,
        threads=request.conditions.threads,
    )


@contextmanager
def _kept(session: _Session, findings: Sequence[Findings]) -> Iterator[None]:
    """Keep the records of what is inside, however it ends."""
    try:
        yield
    finally:
        session.done += 1
        with session.listener.held_off(), ExitStack() as rest:
            # Where one cannot be kept, the others are all the same.
            for one in reversed(findings):
                rest.callback(_keep, session, one)


def _keep(session: _Session, one: Findings) -> None:
    record = one.record(session.around)
    if record is not None:
        session.listener.keep(record)


def _measure(
    session: _Session, entrants: Sequence[Entrant], frames: Sequence[Frame], size: Size
) -> None:
    """Measure entrants with one stream, in turn."""
    findings: list[Findings] = []
    with _kept(session, findings), ExitStack() as stack:
        entrants = _open_all(session, stack, entrants, findings, frames, size)
        group = _group(entrants)
        for one in findings:
            one.group = group
        effort = session.request.effort
        for index, one in enumerate(findings):
            what = f"{one.subject.title} {_text(size)}: warming up"
            points = _OPENED * index / len(findings)
            warm(one.turn, effort, partial(session.show, what, points))
        with parts.meter_of(findings) as meter, parts.watched(findings):
            show = partial(_show_turns, session, findings, size)
            with parts.beside_a_yardstick(findings) as beside:
                take_turns([one.turn for one in findings], effort, show, beside=beside)
        _measure_opened(session, entrants, findings, frames, meter)
        stack.close()
        _measure_closed(session, entrants, findings, frames)


def _measure_streams(
    session: _Session, entrant: Entrant, frames: Sequence[Frame], size: Size, streams: int
) -> None:
    """Measure one entrant with several streams, each with what it has opened itself."""
    findings: list[Findings] = []
    what = f"{entrant.title} {_text(size)}, {streams} streams"
    with _kept(session, findings), ExitStack() as stack:
        session.show(f"{what}: opening", 0)
        one = _open(stack, entrant, frames, size, streams)
        one.lack(("yardstick",), "it is timed beside one stream")
        findings.append(one)
        calls = [one.turn.call]
        for _ in range(1, streams):
            other = stack.enter_context(closing(entrant.open(frames)))
            calls.append(partial(other.fuse, *frames))
        effort = session.request.effort
        warm(one.turn, effort, partial(session.show, f"{what}: warming up", _OPENED))
        run_streams(calls, seconds=min(1.0, effort.seconds / 4))

        def enough(samples: Sequence[float]) -> bool:
            session.show(f"{what}: {len(samples)} samples", _SAMPLED * len(samples) / effort.fewest)
            if not effort.fewest <= len(samples) < effort.most:
                return len(samples) >= effort.most
            return percentile_interval(samples, PERCENTS[effort.percentile]) is not None

        burst = Burst(samples=one.turn.samples)
        with parts.meter_of(findings) as meter, parts.watched(findings):
            run_streams(calls, seconds=effort.seconds, enough=enough, into=burst)
        parts.keep_throughput(one, burst, streams)
        parts.keep_energy(one, meter, len(burst.samples), session.request)
        _measure_opened(session, [entrant], findings, frames, meter)
        stack.close()
        _measure_closed(session, [entrant], findings, frames)


def _measure_opened(
    session: _Session,
    entrants: Sequence[Entrant],
    findings: Sequence[Findings],
    frames: Sequence[Frame],
    meter: Meter,
) -> None:
    """Measure what needs no more than the samples did."""
    request = session.request
    for index, (entrant, one) in enumerate(zip(entrants, findings, strict=True)):
        title = f"{one.subject.title} {_text(one.size)}"
        points = _SAMPLED + (_MEASURED - _SAMPLED) * index / len(findings)
        parts.keep_heat(one, meter)
        session.show(f"{title}: phases", points)
        parts.measure_phases(one, entrant, frames, request)
        session.show(f"{title}: throughput", points)
        parts.measure_burst(one, request)
        session.show(f"{title}: quality", points)
        parts.keep_quality(one, request, session.quality)


def _measure_closed(
    session: _Session,
    entrants: Sequence[Entrant],
    findings: Sequence[Findings],
    frames: Sequence[Frame],
) -> None:
    """Measure what opens it anew: the memory of this machine may not be enough for it twice."""
    for index, (entrant, one) in enumerate(zip(entrants, findings, strict=True)):
        title = f"{one.subject.title} {_text(one.size)}"
        points = _MEASURED + (_POINTS - _MEASURED) * index / len(findings)
        session.show(f"{title}: layers", points)
        parts.measure_layers(one, entrant, frames, session.request)
        session.show(f"{title}: memory", points)
        parts.measure_memory(one, entrant, session.request)
        one.whole = True


def _open(
    stack: ExitStack,
    entrant: Entrant,
    frames: Sequence[Frame],
    size: Size,
    streams: int,
) -> Findings:
    opened = stack.enter_context(closing(entrant.open(frames)))
    return Findings(
        subject=entrant.subject(opened),
        opened=opened,
        size=size,
        streams=streams,
        turn=Turn(partial(opened.fuse, *frames)),
        told=opened.describe(),
    )


def _open_all(
    session: _Session,
    stack: ExitStack,
    entrants: Sequence[Entrant],
    findings: list[Findings],
    frames: Sequence[Frame],
    size: Size,
) -> list[Entrant]:
    """Add findings for all that can be opened together; return their entrants.

    Raises:
        FrameTooLargeError: the memory is not enough for any of them.
    """
    opened: list[Entrant] = []
    refused: FrameTooLargeError | None = None
    for entrant in entrants:
        session.show(f"{entrant.title} {_text(size)}: opening", 0)
        try:
            findings.append(_open(stack, entrant, frames, size, 1))
            opened.append(entrant)
        except FrameTooLargeError as error:  # the others may have taken what it needs
            refused = error
            session.notes.append(_left_out(entrant.title, size, error))
    if refused is not None and not opened:
        raise refused
    return opened


def _left_out(title: str, size: Size, error: Exception) -> str:
    return f"{title} was left out at {_text(size)}: {error}"


def _group(entrants: Sequence[Entrant]) -> Interleaving | None:
    if len(entrants) < 2:
        return None
    titles = tuple(entrant.title for entrant in entrants)
    return Interleaving(group=secrets.token_hex(16), order="shuffled", titles=titles)


def _show_turns(session: _Session, findings: Sequence[Findings], size: Size) -> None:
    effort = session.request.effort
    most = max(len(one.turn.samples) for one in findings)
    asked = max(expected_rounds(one.turn, effort) for one in findings)
    points = _OPENED + (_SAMPLED - _OPENED) * min(1.0, most / asked)
    session.show(f"{_text(size)}: round {most} of {asked}", points)


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
