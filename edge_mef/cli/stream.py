"""edge-mef stream."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_mef.cli.building import shown_builds
from edge_mef.cli.options import Json, Threads
from edge_mef.cli.reporting import INTERRUPTED, fail, finite, print_json, printable
from edge_mef.errors import EdgeMefError, InputError

if TYPE_CHECKING:
    from edge_mef.interruption import Interruption
    from edge_mef.stream.run import Choose, StreamOptions, StreamReport, StreamRun
    from edge_mef.stream.sinks.base import Sink

_FPS = 30.0
_SLOWEST, _FASTEST = 0.01, 1000


def stream(
    source: Annotated[
        str,
        typer.Option(
            "--source",
            help="A folder or a video of alternating exposures, a camera (0, /dev/video0), or "
            "gst:PIPELINE.",
        ),
    ],
    sink: Annotated[
        str,
        typer.Option(
            "--sink", help="none, window, a folder, a video (.mp4, .mkv, .avi), or gst:PIPELINE."
        ),
    ] = "none",
    bundle: Annotated[
        str | None, typer.Option("--bundle", help="A bundle's folder, or one that comes with us.")
    ] = None,
    runtime: Annotated[str | None, typer.Option("--runtime", help="See edge-mef doctor.")] = None,
    provider: Annotated[
        str | None, typer.Option("--provider", help="Execution provider or device, such as GPU.")
    ] = None,
    cuda_graph: Annotated[
        bool | None, typer.Option("--cuda-graph/--no-cuda-graph", help="TensorRT only.")
    ] = None,
    threads: Threads = None,
    exposures: Annotated[
        int, typer.Option("--exposures", min=2, max=9, help="Frames of a bracket.")
    ] = 2,
    step: Annotated[
        float, typer.Option("--step", help="Stops by which they differ at least.")
    ] = 0.5,
    overlap: Annotated[
        bool, typer.Option("--overlap", help="Fuse every frame with those before it.")
    ] = False,
    align: Annotated[
        bool, typer.Option("--align", help="Move the frames onto each other first.")
    ] = False,
    motion_guard: Annotated[
        bool, typer.Option("--motion-guard", help="Show one exposure where the scene moved.")
    ] = False,
    motion_limit: Annotated[
        float | None,
        typer.Option("--motion-limit", help="Share of the picture that may move; else 0.005."),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            help="When fusing is too slow: block, or drop-oldest. A camera drops, others block.",
        ),
    ] = None,
    slots: Annotated[
        int | None, typer.Option("--slots", help="Brackets in memory at once, at least 3.")
    ] = None,
    deadline: Annotated[
        float | None, typer.Option("--deadline", help="Drop what is not begun by then, in ms.")
    ] = None,
    frames: Annotated[
        int | None, typer.Option("--frames", min=1, help="End after so many fused frames.")
    ] = None,
    loops: Annotated[
        int, typer.Option("--loops", min=1, help="Go through a folder so many times.")
    ] = 1,
    fps: Annotated[
        float | None, typer.Option("--fps", help="Frames per second of the sink.")
    ] = None,
    json: Json = False,
) -> None:
    """Fuse what a camera, a video or a pipeline delivers, until it ends or Ctrl-C."""
    from edge_mef.fuser import Fuser
    from edge_mef.interruption import Interruption
    from edge_mef.stream.places import open_sink, open_source
    from edge_mef.stream.run import StreamOptions, StreamRun

    if deadline is not None and not deadline > 0:
        raise InputError(f"expected more than 0 ms for --deadline, found {deadline:g}")
    options = StreamOptions(
        exposures=exposures,
        step=step,
        overlap=overlap,
        align=align,
        choose=_guard(motion_guard, motion_limit),
        policy=policy,  # type: ignore[arg-type]  # it is checked where it is used
        slots=slots,
        deadline=None if deadline is None else deadline / 1e3,
        frames=frames,
    )
    with Interruption() as interruption, ExitStack() as opened:
        with shown_builds(shown=not json):
            fuser = opened.enter_context(
                Fuser.open(
                    bundle,
                    runtime=runtime,
                    threads=threads,
                    provider=provider,
                    cuda_graph=cuda_graph,
                )
            )
        fuser.bundle.manifest.contract.check_count(exposures)
        found = opened.enter_context(open_source(source, loops=loops))
        rate = _rate(fps, found.fps, options)
        target = opened.enter_context(open_sink(sink, fps=rate, source=source, like=found.metadata))
        running = StreamRun(found, fuser, target, options)
        _ClosingRun(running, target, interruption, json=json).run()


def _guard(wanted: bool, limit: float | None) -> Choose | None:
    """Return what chooses an exposure where the scene moved, None where nobody asked for it."""
    from edge_mef.stream.motion import LIMIT, MotionGuard

    if not wanted:
        if limit is not None:
            raise InputError("--motion-limit is for --motion-guard: give both, or neither")
        return None
    guard = MotionGuard(limit=LIMIT if limit is None else limit)
    return lambda exposures: guard.check(exposures).show


def _rate(asked: float | None, source: float | None, options: StreamOptions) -> float:
    """Return the frames per second of the sink."""
    if asked is not None:
        if not _SLOWEST <= asked <= _FASTEST:
            raise InputError(f"expected {_SLOWEST} to {_FASTEST} for --fps, found {asked:g}")
        return asked
    return (source or _FPS) / (1 if options.overlap else options.exposures)


class _ClosingRun:
    """A run whose sink is closed before anything is told, so that nothing comes between."""

    def __init__(
        self, running: StreamRun, sink: Sink, interruption: Interruption, *, json: bool
    ) -> None:
        self._running, self._sink, self._interruption = running, sink, interruption
        self._line, self._json = _Line(shown=not json), json
        self._is_cut = False  # whether the sink was interrupted while it finished

    def run(self) -> None:
        """Run to the end, close the sink, and tell what was done."""
        try:
            report = self._running.run(self._line.show)
            self._close()
        except KeyboardInterrupt as error:
            told = self._ended_early()
            _finish(self._line, self._running.report(), json=self._json)
            raise fail(told, INTERRUPTED) from error
        except EdgeMefError as error:
            told = self._after(error)
            _finish(self._line, self._running.report(), json=self._json)
            raise fail(told, error.exit_code) from error
        _finish(self._line, report, json=self._json)
        if not report.written and report.ended == "end of the source":
            raise InputError(
                f"nothing was fused of {report.read} frames: expected {self._running.exposures} "
                "exposures in turn that can be paired, so see what was dropped and noted"
            )

    def _close(self, *, failed: bool = False) -> None:
        """Close the sink; a signal comes after it, unless there is something to wait for."""
        close = self._sink.abandon if failed else self._sink.close
        if not self._sink.waits:
            with self._interruption.held_off():
                close()
            return
        try:
            close()
        except KeyboardInterrupt:
            self._is_cut = True
            raise

    def _ended_early(self) -> str:
        """End the sink after an interrupt, and say how that went."""
        try:
            self._close()
        except EdgeMefError as error:
            return f"interrupted, and {error}"
        except KeyboardInterrupt:  # once more
            pass
        if self._is_cut:
            return "interrupted while the sink was finishing: what it had still to do is lost"
        return "interrupted; what was fused is complete"

    def _after(self, error: EdgeMefError) -> str:
        """End the sink after an error, and return what to say."""
        try:
            self._close(failed=True)
        except (EdgeMefError, KeyboardInterrupt):  # the first error says why
            return str(error)
        return str(error) if self._sink.note is None else f"{error}; {self._sink.note}"


def _finish(line: _Line, report: StreamReport, *, json: bool) -> None:
    line.end()
    if json:
        print_json(describe(report))
        return
    for note in report.notes:
        typer.echo(f"note: {printable(note)}", err=True)
    typer.echo(text_of(report))


class _Line:
    """One line on stderr that tells how it goes: in place on a terminal, else every 10 seconds."""

    _PAUSE = 10.0

    def __init__(self, *, shown: bool) -> None:
        import sys

        self._shown = shown
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._told, self._length = 0.0, 0

    def show(self, report: StreamReport) -> None:
        if not self._shown:
            return
        text = text_of(report)
        if self._terminal:
            typer.echo(f"\r{text:<{self._length}}", nl=False, err=True)
            self._length = len(text)
        elif report.seconds - self._told >= self._PAUSE:
            self._told = report.seconds
            typer.echo(text, err=True)

    def end(self) -> None:
        """Take the line away: the summary tells the same."""
        if self._length:
            typer.echo(f"\r{'':<{self._length}}\r", nl=False, err=True)


def text_of(report: StreamReport) -> str:
    """Return the statistics line."""
    found = report.stream
    lost = {**report.unpaired, **found.dropped}
    told = ", ".join(f"{count} {reason}" for reason, count in lost.items())
    parts = [
        f"{report.written} fused of {report.read} frames in {report.seconds:.1f} s",
        f"{found.fps:.1f} fps" if found.fps == found.fps else "",
        f"p50 {found.p50:.1f} ms, p99 {found.p99:.1f} ms" if found.fused else "",
        f"{report.single} moved" if report.single else "",
        f"{found.late} late" if found.late else "",
        f"dropped: {told}" if told else "none dropped",
        f"{report.bad} bad" if report.bad else "",
    ]
    return "; ".join(part for part in parts if part)


def describe(report: StreamReport) -> dict[str, Any]:
    """Return the report for programs."""
    found = report.stream
    return {
        "seconds": round(report.seconds, 3),
        "frames_read": report.read,
        "brackets": found.submitted,
        "fused": found.fused,
        "written": report.written,
        "failed": found.failed,
        "bad": report.bad,
        "moved": report.single,
        "late": found.late,
        "unpaired": dict(report.unpaired),
        "dropped": dict(found.dropped),
        "fps": finite(found.fps),
        "p50_ms": finite(found.p50),
        "p99_ms": finite(found.p99),
        "notes": list(report.notes),
        "ended": report.ended,
    }
