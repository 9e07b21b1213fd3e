"""The records of the bundles that come with EdgeMEF, and the README's table made from them.

    python -m edge_mef.benchmarks.results --measure --data FOLDER
    python -m edge_mef.benchmarks.results

The first measures this machine and replaces its records in `benchmarks/results`; both write the
table between the marks in the README.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from edge_mef.benchmarks.command import Parser, run, whole_number
from edge_mef.benchmarks.compare import ratio_in_turn
from edge_mef.benchmarks.latency.entrants import Conditions, Size, make_entrants
from edge_mef.benchmarks.latency.quality import DEFAULT_SCENES, find_gallery
from edge_mef.benchmarks.latency.request import Keep, Listener, Request
from edge_mef.benchmarks.latency.session import run_benchmark
from edge_mef.benchmarks.latency.turns import Effort
from edge_mef.benchmarks.machine import Machine, machine_fingerprint
from edge_mef.benchmarks.privacy import command_text
from edge_mef.benchmarks.record_files import append_history, read_records
from edge_mef.benchmarks.records import Record
from edge_mef.errors import InputError
from edge_mef.saving import write_atomically

RESULTS = Path(__file__).parent / "results"
BUNDLES = ("ffmef-edge", "ffmef-edge-4", "ffmef-edge-2", "ffmef")
PEER = "mertens"
# What the table shows, and what is measured: 0.3 to 24 megapixels.
SIZE: Size = (1080, 1920)
SWEEP: tuple[Size, ...] = (
    *((480, 640), (720, 1280), (1080, 1920)),
    *((2160, 3840), (3000, 4000), (4000, 6000)),
)
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
_SLOW_PEERS, _SLOW_SIZE = ("meflut", "ffmef-published"), (480, 640)


def measure(threads: int, seconds: float, data: str, keep: Keep) -> None:
    """Measure all bundles and Mertens at all sizes in turn, and the slow peers at the smallest."""
    conditions = Conditions(threads=threads)
    gallery = find_gallery(data)
    runs = (
        (BUNDLES, (PEER,), SWEEP),
        (BUNDLES[:1], _SLOW_PEERS, (_SLOW_SIZE,)),
    )
    for bundles, peers, sizes in runs:
        request = Request(
            entrants=tuple(make_entrants(bundles, (), peers, conditions)),
            sizes=sizes,
            conditions=conditions,
            effort=Effort(seconds=seconds),
            gallery=gallery,
            command_line=command_text(
                ["python", "-m", "edge_mef.benchmarks.results", *sys.argv[1:]]
            ),
        )
        listener = Listener(keep, _show, nullcontext)
        for note in run_benchmark(request, listener):
            sys.stderr.write(f"\nnote: {note}\n")


def results_file(machine: Machine, folder: Path = RESULTS) -> Path:
    """Return where the records of machines like this one are."""
    what = f"{machine.board or machine.cpu or machine.architecture} {machine.usable_cores} cores"
    name = re.sub(r"\W+", "-", re.sub(r"\((R|TM)\)", "", what)).strip("-").lower()
    return folder / f"{name}.jsonl"


def table(records: Sequence[Record]) -> str:
    """Return the table of one machine in Markdown, with the machine in a sentence."""
    shown = [r for r in records if _size(r) == SIZE]
    if not shown:
        raise InputError(
            f"expected records of frames of {SIZE[0]}x{SIZE[1]}, found none: measure with --measure"
        )
    peer = next((r for r in shown if r.subject.title == PEER), None)
    lines = [
        _machine_text(shown[0]),
        "",
        "| | median | 99 of 100 within | peak memory | times as fast as Mertens | MEF-SSIM |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_row(record, peer) for record in shown),
    ]
    return "\n".join(lines) + "\n"


def with_table(readme: str, tables: Sequence[str]) -> str:
    """Return the README with other tables between its marks; `InputError` where it has none."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"expected the marks {BEGIN} and {END}, found none: put them back")
    return f"{before}{begin}\n{''.join(tables)}{end}{after}"


def all_tables(folder: Path = RESULTS) -> list[str]:
    """Return the tables of all machines, by the names of their files."""
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise InputError(f"expected records in '{folder.name}', found none: run with --measure")
    return [table(read_records(file).records) for file in files]


def _row(record: Record, peer: Record | None) -> str:
    summary, subject = record.series["end_to_end"].summary, record.subject
    memory, quality = record.memory.host_peak_bytes, record.quality
    name = "OpenCV's Mertens" if subject.title == PEER else f"`{subject.title}`"
    cells = [
        name,
        f"{summary.median:.0f} ms",
        f"{summary.p99:.0f} ms",
        "not measured" if memory is None else f"{memory / 1e6:.0f} MB",
        "" if peer is None or peer is record else _speedup(record, peer),
        "not measured" if quality is None else f"{quality.values['MEF_SSIM']:.4f}",
    ]
    return f"| {' | '.join(cells)} |"


def _speedup(record: Record, peer: Record) -> str:
    found, _ = ratio_in_turn(record, peer)
    if found is None:
        return "too few pairs"
    return f"{found.ratio:.2g} ({found.low:.2g} to {found.high:.2g})"


def _machine_text(record: Record) -> str:
    machine, settings = record.machine, record.settings
    threads = f"{settings.threads} thread{'' if settings.threads == 1 else 's'}"
    scenes = len(record.quality.scenes) if record.quality is not None else 0
    quality = f" MEF-SSIM is the mean of {scenes} scenes." if scenes else ""
    return (
        f"{machine.board or machine.cpu}, {machine.usable_cores} cores, {machine.os}, "
        f"{record.runtime['runtime']}, {threads}; two exposures of {SIZE[0]}x{SIZE[1]}, "
        f"from uint8 to uint8, all in turn; measured on {record.date[:10]}.{quality}"
    )


def _size(record: Record) -> Size:
    return record.settings.height, record.settings.width


def _show(what: str, done: int, total: int) -> None:
    sys.stderr.write(f"\r{100 * done // total:3d} % {what:<60}")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line of this module."""
    parser = Parser(prog="edge_mef.benchmarks.results", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="measure this machine first")
    parser.add_argument("--threads", type=whole_number(64), default=2)
    parser.add_argument("--seconds", type=whole_number(3600), default=15)
    parser.add_argument("--data", default=DEFAULT_SCENES, help="scenes for the quality")
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    return run(partial(_run, parser.parse_args(arguments)))


def _run(given: argparse.Namespace) -> str:
    readme = given.readme.read_text(encoding="utf-8")
    if given.measure:
        with_table(readme, [])  # before the work, not after it
        file = results_file(machine_fingerprint())
        unfinished = file.parent / "unfinished" / file.name
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        unfinished.unlink(missing_ok=True)
        keep = partial(append_history, unfinished)
        measure(given.threads, float(given.seconds), given.data, keep)
        unfinished.replace(file)
    write_atomically(given.readme, with_table(readme, all_tables()).encode())
    return ""


if __name__ == "__main__":
    sys.exit(main())
