"""edge-mef bench."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_mef.cli.bench_request import ALL_PEERS, Asked, make_request
from edge_mef.cli.bench_tables import print_notes, show
from edge_mef.cli.bench_target import HISTORY, check_count, check_target
from edge_mef.cli.options import Json, Threads
from edge_mef.cli.progress import Bar
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
    work = _bench_there if remote else _bench_here
    work(asked, target, remote or "", json=json)


def _bench_here(asked: Asked, target: Path | None, _: str, *, json: bool) -> None:
    from edge_mef.benchmarks.latency.interruption import Interruption
    from edge_mef.benchmarks.latency.request import Listener
    from edge_mef.benchmarks.latency.session import run_benchmark

    kept: list[Record] = []
    with Interruption() as interruption, Bar("starting") as bar:
        try:
            request, notes = make_request(asked)
            check_count(target, len(request.entrants) * len(request.sizes) * len(request.streams))
            listener = Listener(partial(_keep, kept, target), bar.update, interruption.held_off)
            notes += run_benchmark(request, listener)
        finally:
            with interruption.held_off():
                show(kept, target, json=json)
    print_notes(notes)


def _bench_there(asked: Asked, target: Path | None, host: str, *, json: bool) -> None:
    from edge_mef.benchmarks.remote import bench_remote
    from edge_mef.bundle import load_bundle

    if asked.data is not None and not asked.data.startswith("rendered"):
        raise InputError(
            f"'{asked.data}' lies on this machine: with --remote the quality is measured with "
            "--data rendered:COUNT"
        )
    found = bench_remote(
        host, [load_bundle(b) for b in asked.bundles or (None,)], asked.options(), on_line=_echo
    )
    check_count(target, len(found.records))
    kept: list[Record] = []
    for record in found.records:
        _keep(kept, target, record)
    show(kept, target, json=json)
    print_notes(found.notes)
    if found.exit_code:
        raise typer.Exit(found.exit_code)


def _keep(kept: list[Record], target: Path | None, record: Record) -> None:
    from edge_mef.benchmarks.record_files import append_history, write_record

    kept.append(record)
    if target is not None:
        (append_history if target.suffix == ".jsonl" else write_record)(target, record)


def _echo(line: str) -> None:
    typer.echo(line, err=True)
