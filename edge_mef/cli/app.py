"""The program `edge-mef`: its commands, and what every command does about errors."""

import sys

import typer

from edge_mef.cli.advise import advise
from edge_mef.cli.bench import bench
from edge_mef.cli.calibrate import calibrate
from edge_mef.cli.compare import compare
from edge_mef.cli.demo import demo
from edge_mef.cli.doctor import doctor
from edge_mef.cli.evaluate import evaluate
from edge_mef.cli.export import export
from edge_mef.cli.fuse import fuse
from edge_mef.cli.inspect import inspect
from edge_mef.cli.metrics import metrics
from edge_mef.cli.models import models
from edge_mef.cli.report import report
from edge_mef.cli.reporting import INTERRUPTED, fail, guarded
from edge_mef.cli.stream import stream
from edge_mef.cli.train import train
from edge_mef.cli.verify import verify
from edge_mef.version import __version__

app = typer.Typer(
    name="edge-mef",
    help="Fuse differently exposed pictures of one scene; train, export and check the networks.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    *(fuse, train, calibrate, export, verify, inspect, advise),
    *(stream, bench, compare, report, evaluate, metrics, models, doctor, demo),
):
    app.command()(guarded(command))


# Typer brings this class from a place that differs between its versions.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"edge-mef {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


def main() -> None:
    """Run the program; leaves with the exit code. Without arguments it prints its help."""
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="edge-mef", standalone_mode=False)
    except _UsageError as error:
        what = error.format_message()  # type: ignore[attr-defined]
        code = fail(f"{what} (edge-mef --help says what there is)", 2).exit_code
    except typer.Abort:
        code = fail("interrupted", INTERRUPTED).exit_code
    sys.exit(code)
