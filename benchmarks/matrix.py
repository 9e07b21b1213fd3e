"""The export matrix: every network in every target, precision and kind of size, each verified.

    python -m edge_mef.benchmarks.matrix -o docs/matrix.md

exports each into a temporary folder, verifies it, and writes one page with a table. It leaves with
1 where a row fails. With --rows FILE it goes on where an earlier run stopped.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from edge_mef.benchmarks.advice import PRECISIONS
from edge_mef.benchmarks.command import Parser, run, whole_number
from edge_mef.benchmarks.matrix_page import page
from edge_mef.benchmarks.matrix_rows import (
    Case,
    Row,
    failed_row,
    read_rows,
    verified_row,
    write_rows,
)
from edge_mef.data.scenes import load_scenes
from edge_mef.errors import BundleError, GateError, InputError
from edge_mef.export.options import CoreMLOptions, Size, TargetOptions
from edge_mef.export.parity import verify_bundle
from edge_mef.export.targets import TARGETS, check_target
from edge_mef.manifest import Precision
from edge_mef.models.table import find_network
from edge_mef.models.weights import read_weights, shipped_weights, weights_digest
from edge_mef.runtimes.build_watch import BuildWatcher, watched
from edge_mef.saving import check_output
from edge_mef.version import __version__

NETWORKS = ("ffmef-edge", "ffmef")
FIXED = (240, 320)
ENUMERATED = (FIXED, (320, 240))
# The size of the bundle, and those that get a Core ML package.
_KINDS: tuple[tuple[Size | None, tuple[Size, ...]], ...] = ((None, ()), (FIXED, ()))
_KINDS_OF_COREML: tuple[tuple[Size | None, tuple[Size, ...]], ...] = (
    (FIXED, ()),
    (None, ENUMERATED),
)
_MOST_SCENES, _MOST_THREADS, _LONGEST_SIDE = 1000, 256, 640

Tell = Callable[[Row, int, int], None]


@dataclass(frozen=True)
class MatrixSettings:
    """What exports are compared on; `data` also calibrates int8. None renders scenes."""

    data: str | None = None
    limit: int = 10
    longest_side: int = _LONGEST_SIDE
    threads: int | None = None

    def text(self, network: str) -> str:
        """Return what a row of a network was made with."""
        spec = find_network(network)
        weights = read_weights(shipped_weights(spec.weights.format(channels=spec.default_channels)))
        scenes = f"{self.limit} scenes, longest side {self.longest_side}, of {self.data or 'ours'}"
        return f"EdgeMEF {__version__}, {network} {weights_digest(weights)[:16]}, {scenes}"


@dataclass
class _Int8:
    """What is known of a network's int8 program after its first export."""

    ranges: Path
    kept: tuple[str, ...] | None = None
    refusal: str | None = None


@dataclass
class _Run:
    settings: MatrixSettings
    folder: Path
    int8: dict[str, _Int8] = field(default_factory=dict)


def plan_cases(
    networks: Sequence[str] = NETWORKS,
    targets: Sequence[str] = tuple(TARGETS),
    precisions: Sequence[Precision] = PRECISIONS,
) -> list[Case]:
    """Return every export: any size and one, or for Core ML one size and a package for each of two.

    Raises:
        InputError: no such network or target.
        MissingError: a package that makes a target is not installed.
    """
    for target in targets:
        check_target(target)
    return [
        Case(find_network(network).name, target, precision, size, sizes)
        for network in networks
        for target in targets
        for size, sizes in (_KINDS_OF_COREML if target == "coreml" else _KINDS)
        for precision in PRECISIONS
        if precision in precisions
    ]


def run_matrix(
    cases: Sequence[Case],
    settings: MatrixSettings,
    *,
    stored: Path | None = None,
    tell: Tell | None = None,
) -> list[Row]:
    """Export and verify all cases.

    Args:
        cases: of `plan_cases`; a network's int8 program is calibrated with the first of its cases.
        settings: what to compare on.
        stored: a file that keeps rows. Rows in it that passed, of the same network, scenes and
            version, are not done again.
        tell: is told of every row, how many are done, and how many there are.

    Raises:
        InputError: no such scenes, or `stored` is something else.
        OutputError: a disk is full.
    """
    load_scenes(settings.data or "rendered")
    known = [] if stored is None else read_rows(stored)
    made_with = {case.network: settings.text(case.network) for case in cases}
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="edge-mef-") as folder, watched(BuildWatcher()):
        running = _Run(settings, Path(folder))
        for case in cases:
            text = made_with[case.network]
            found = next((r for r in known if r.passed and r.is_of(case, text)), None)
            row = found or _make(case, text, running)
            _learn(row, running)
            rows.append(row)
            known = [*(r for r in known if not r.is_of(case, r.made_with)), row]
            if stored is not None and found is None:
                write_rows(stored, known)
            if tell is not None:
                tell(row, len(rows), len(cases))
    return rows


def _make(case: Case, made_with: str, running: _Run) -> Row:
    refusal = _int8(case.network, running).refusal
    if case.precision == "int8" and refusal is not None:
        return failed_row(case, made_with, 0.0, f"not tried after the first int8 export: {refusal}")
    started = time.perf_counter()
    try:
        return _export(case, made_with, running, started)
    except (GateError, BundleError) as error:
        return failed_row(case, made_with, time.perf_counter() - started, str(error))


def _export(case: Case, made_with: str, running: _Run, started: float) -> Row:
    from edge_mef.export.build import ExportSettings, export_bundle
    from edge_mef.export.quantization import QuantSettings

    told, known = running.settings, _int8(case.network, running)
    settings = ExportSettings(
        model=case.network,
        precision=case.precision,
        size=case.size,
        options=TargetOptions(coreml=CoreMLOptions(sizes=case.sizes)),
        quantization=QuantSettings(told.data, ranges=known.ranges, kept=known.kept or ()),
    )
    with tempfile.TemporaryDirectory(dir=running.folder) as folder:
        bundle = export_bundle(Path(folder) / "bundle", settings, target=case.target)
        found = verify_bundle(
            bundle.folder,
            data=told.data,
            limit=told.limit,
            longest_side=told.longest_side,
            threads=told.threads,
            write=False,
        )
        seconds = time.perf_counter() - started
        return verified_row(case, made_with, seconds, bundle, found.verification.checks)


def _int8(network: str, running: _Run) -> _Int8:
    return running.int8.setdefault(network, _Int8(running.folder / f"ranges-{network}.json"))


def _learn(row: Row, running: _Run) -> None:
    """Keep what the next int8 export of the network need not search for again."""
    known = _int8(row.network, running)
    if row.precision != "int8" or known.kept is not None:
        return
    if row.proofs:
        known.kept = row.kept
    elif known.refusal is None:
        known.refusal = row.failure


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line of this module."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = Parser(prog="edge_mef.benchmarks.matrix", description=__doc__)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--precisions", default=",".join(PRECISIONS))
    parser.add_argument("--data", help="scenes to compare on and to calibrate int8 with")
    parser.add_argument("--limit", type=whole_number(_MOST_SCENES), default=10)
    parser.add_argument(
        "--longest-side", type=whole_number(100_000), default=_LONGEST_SIDE, help="of the scenes"
    )
    parser.add_argument("--threads", type=whole_number(_MOST_THREADS), help="of the runtimes")
    parser.add_argument("--rows", type=Path, help="a .json file that keeps finished rows")
    parser.add_argument("--output", "-o", type=Path, help="the page, a .md file; else printed")
    failures: list[Row] = []
    code = run(partial(_run, parser.parse_args(words), words, failures))
    return code or (1 if failures else 0)


def _run(given: argparse.Namespace, words: Sequence[str], failures: list[Row]) -> str:
    for path, ending in ((given.output, ".md"), (given.rows, ".json")):
        if path is not None:
            check_output(path, endings=(ending,))
    cases = plan_cases(
        _names(given.networks, NETWORKS, "networks"),
        _names(given.targets, tuple(TARGETS), "targets"),
        _names(given.precisions, PRECISIONS, "precisions"),  # type: ignore[arg-type]
    )
    settings = MatrixSettings(given.data, given.limit, given.longest_side, given.threads)
    rows = run_matrix(cases, settings, stored=given.rows, tell=_tell)
    failures.extend(row for row in rows if not row.passed)
    return page(rows, ("python", "-m", "edge_mef.benchmarks.matrix", *words), given.output)


def _names(text: str, known: Sequence[str], what: str) -> list[str]:
    names = [part.strip() for part in text.split(",")]
    wrong = next((name for name in names if name not in known), None)
    if wrong is not None:
        raise InputError(f"expected {what} of {', '.join(known)}, found '{wrong}'")
    return [name for name in known if name in names]


def _tell(row: Row, done: int, total: int) -> None:
    outcome = "ok" if row.passed else f"FAILED: {row.failure}"
    what = f"{row.network} {row.target} {row.precision}, {row.sizes}"
    sys.stderr.write(f"{done}/{total} {what}: {outcome}, {row.seconds:.0f} s\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
