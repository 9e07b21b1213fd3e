"""edge-mef bench."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_mef.cli.bench_request import ALL_PEERS, Asked, make_request
from edge_mef.cli.bench_tables import print_notes, show
from edge_mef.cli.bench_target import HISTORY, check_count, check_target
from edge_mef.cli.options import Json, Threads
from edge_mef.cli.progress import Bar, Lines, show_line
from edge_mef.errors import InputError

if TYPE_CHECKING:
    from edge_mef.benchmarks.records import Record


def bench(
    bundles: Annotated[
        list[str] | None,
        typer.Argument(metavar="[BUNDLE]...", help="Folders or names; the default one if none."),
    ] = None,
    runtime: Annotated[
        list[str] | None, typer.Option("--runtime", help="A runtime; several take turns.")
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", help="HEIGHTxWIDTH, or several: 480x640,1080x1920.")
    ] = None,
    exposures: Annotated[int, typer.Option("--exposures", min=2, max=32)] = 2,
    threads: Threads = None,
    streams: Annotated[
        str, typer.Option("--streams", help="Brackets in flight at a time, or several: 1,2,4.")
    ] = "1",
    provider: Annotated[
        str | None,
        typer.Option("--provider", help="Execution provider or device, such as GPU."),
    ] = None,
    cuda_graph: Annotated[
        bool | None, typer.Option("--cuda-graph/--no-cuda-graph", help="TensorRT only.")
    ] = None,
    peers: Annotated[
        bool, typer.Option("--peers", help="Measure what others would use, in turn with it.")
    ] = False,
    peer: Annotated[
        list[str] | None,
        typer.Option("--peer", help="One of them: mertens, meflut or ffmef-published."),
    ] = None,
    percentile: Annotated[
        str,
        typer.Option("--percentile", help="Sample until it has an interval: median, p90, ..."),
    ] = "p90",
    samples: Annotated[
        int, typer.Option("--samples", min=10, max=100000, help="Samples of each, if time allows.")
    ] = 100,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, max=86400, help="Time for samples of each.")
    ] = 15.0,
    data: Annotated[
        str | None, typer.Option("--data", help="Scenes for the quality; rendered ones if none.")
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            "--skip", help="Leave out phases, throughput, energy, layers, memory or quality."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=f"A .jsonl to append to ({HISTORY}), or a .json."),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history/--no-history", help="Whether to write records to a file.")
    ] = True,
    remote: Annotated[
        str | None, typer.Option("--remote", help="Run there over ssh: user@host.")
    ] = None,
    remote_python: Annotated[
        str | None,
        typer.Option("--remote-python", help="The Python there that has edge-mef installed."),
    ] = None,
    talk: Annotated[bool, typer.Option("--talk", hidden=True)] = False,
    json: Json = False,
) -> None:
    """Measure how long bundles take here, and keep records of it."""
    asked = Asked(
        bundles=tuple(bundles or ()),
        runtimes=tuple(runtime or ()),
        size=size,
        exposures=exposures,
        threads=threads,
        streams=streams,
        provider=provider,
        cuda_graph=cuda_graph,
        peers=tuple(peer or ()) or (ALL_PEERS if peers else ()),
        percentile=percentile,
        samples=samples,
        seconds=seconds,
        data=data,
        skip=tuple(skip or ()),
    )
    target = check_target(output, history)
    check_count(target, asked.least_records)
    if remote is not None:
        _bench_there(asked, target, remote, remote_python, json=json)
        return
    if remote_python is not None:
        raise InputError("expected --remote with --remote-python: name the host, as user@host")
    if talk:
        _bench_here(asked, partial(_say, target), Lines().update, lambda records, kept: None)
        return
    with Bar("starting") as bar:
        _bench_here(asked, partial(_keep, target), bar.update, partial(show, target, json=json))


def _bench_here(
    asked: Asked,
    keep: Callable[[Record], None],
    progress: Callable[[str, int, int], None],
    end: Callable[[Sequence[Record], int], None],
) -> None:
    from edge_mef.benchmarks.latency.request import Listener
    from edge_mef.benchmarks.latency.session import run_benchmark
    from edge_mef.interruption import Interruption

    found: list[Record] = []
    kept: list[Record] = []

    def take(record: Record) -> None:
        found.append(record)
        keep(record)
        kept.append(record)

    with Interruption() as interruption:
        try:
            request, notes = make_request(asked)
            notes += run_benchmark(request, Listener(take, progress, interruption.held_off))
        finally:
            with interruption.held_off():
                end(found, len(kept))
    print_notes(notes)


def _bench_there(
    asked: Asked, target: Path | None, host: str, python: str | None, *, json: bool
) -> None:
    from edge_mef.benchmarks.remote import bench_remote
    from edge_mef.bundle import load_bundle

    if asked.data is not None and not asked.data.startswith("rendered"):
        raise InputError(
            f"'{asked.data}' lies on this machine: with --remote the quality is measured with "
            "--data rendered:COUNT"
        )
    bundles = [load_bundle(bundle) for bundle in asked.bundles or (None,)]
    with Bar(f"connecting to {host}") as bar:
        hear = partial(show_line, bar)
        found = bench_remote(host, bundles, asked.options(), on_line=hear, python=python)
    for record in found.records:
        _keep(target, record)
    show(target, found.records, len(found.records), json=json)
    print_notes(found.notes)
    if found.exit_code:
        raise typer.Exit(found.exit_code)


def _keep(target: Path | None, record: Record) -> None:
    from edge_mef.benchmarks.record_files import append_history, write_record

    if target is not None:
        (append_history if target.suffix == ".jsonl" else write_record)(target, record)


def _say(target: Path | None, record: Record) -> None:
    """Print a record as a line, for the machine at the other end."""
    _keep(target, record)
    typer.echo(record.model_dump_json())
    sys.stdout.flush()
