"""edge-mef fuse."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_mef.cli.building import shown_builds
from edge_mef.cli.options import Json, Threads
from edge_mef.cli.progress import Bar
from edge_mef.cli.reporting import INTERRUPTED, fail, print_json
from edge_mef.errors import EdgeMefError, InputError

if TYPE_CHECKING:
    from edge_mef.batch import BatchResult, Fused, FuseOptions
    from edge_mef.fuser import Fuser


def fuse(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="UNDER OVER... | FOLDER",
            help="Two or more exposures in any order, or one folder of brackets.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The fused picture, or a folder for a folder.")
    ],
    bundle: Annotated[
        str | None, typer.Option("--bundle", help="A bundle's folder, or one that comes with us.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="The bundle of this network that comes with us.")
    ] = None,
    runtime: Annotated[str | None, typer.Option("--runtime", help="See edge-mef doctor.")] = None,
    align: Annotated[
        bool, typer.Option("--align", help="Move the frames onto each other first.")
    ] = False,
    extremes: Annotated[
        bool, typer.Option("--extremes", help="Use only the darkest and the brightest frame.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Fuse again what is already in the output folder.")
    ] = False,
    suffix: Annotated[
        str | None, typer.Option("--suffix", help="Ending of pictures in a folder, such as .png.")
    ] = None,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Quality of a JPEG.")] = 95,
    gap: Annotated[
        float, typer.Option("--gap", min=0.0, help="Seconds that part the brackets of a folder.")
    ] = 2.0,
    threads: Threads = None,
    max_memory: Annotated[
        float | None,
        typer.Option(
            "--max-memory", min=0.0, help="GiB that a fusion may take; else what is free."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Fuse one bracket into a picture, or every bracket of a folder into a folder."""
    from edge_mef.batch import FuseOptions
    from edge_mef.bundle import bundled
    from edge_mef.fuser import Fuser

    if bundle is not None and model is not None:
        raise InputError("give either --bundle or --model, not both")
    options = FuseOptions(align, extremes, overwrite, suffix, quality, _finite("--gap", gap))
    limit = None if max_memory is None else int(_finite("--max-memory", max_memory * 2**30))
    chosen = bundle if model is None else bundled(model)
    with shown_builds(shown=not json):
        opened = Fuser.open(chosen, runtime=runtime, threads=threads, memory_limit=limit)
    with opened as fuser:
        if len(inputs) == 1 and inputs[0].is_dir():
            _fuse_folder(fuser, inputs[0], output, options, json)
        else:
            _fuse_one(fuser, inputs, output, options, json)


def _finite(option: str, value: float) -> float:
    if not math.isfinite(value):
        raise InputError(f"expected a finite number for {option}, found {value}")
    return value


def _fuse_one(
    fuser: "Fuser", inputs: list[Path], output: Path, options: "FuseOptions", json: bool
) -> None:
    from edge_mef.batch import fuse_bracket

    if options.suffix is not None:
        raise InputError("--suffix is for folders: the output's name says how to write one picture")
    fused = fuse_bracket(fuser, inputs, output, options)
    if json:
        print_json(_describe(fuser, fused))
        return
    alignment = fused.exposures.alignment
    for line in alignment.describe() if alignment else ():
        typer.echo(line)
    height, width = fused.exposures.size
    names = ", ".join(path.name for path in fused.exposures.paths)
    by = {"exif": "by EXIF exposure", "luma": "by brightness"}.get(fused.exposures.ordered_by, "")
    typer.echo(f"fused {names} (darkest first, {by})")
    typer.echo(f"{output}: {height}x{width} in {fused.seconds:.2f} s on {fuser.runtime.name}")


def _fuse_folder(
    fuser: "Fuser", folder: Path, output: Path, options: "FuseOptions", json: bool
) -> None:
    from edge_mef.batch import fuse_folder

    with Bar("fusing", shown=not json) as bar:
        try:
            result = fuse_folder(fuser, folder, output, options, bar.update)
        except KeyboardInterrupt as error:
            done = f"after {bar.done} of {bar.total} brackets; run it again to go on"
            raise fail(f"interrupted {done}", INTERRUPTED) from error
        except EdgeMefError as error:
            if not bar.total:
                raise
            done = f"stopped after {bar.done} of {bar.total} brackets"
            raise fail(f"{error} ({done})", error.exit_code) from error
    _report(result, json)
    if result.failed:
        raise typer.Exit(2)


def _report(result: "BatchResult", json: bool) -> None:
    if json:
        failed = [{"bracket": name, "error": why} for name, why in result.failed]
        print_json({"fused": result.fused, "kept": result.kept, "failed": failed})
        return
    kept = f", {len(result.kept)} were there already (--overwrite fuses them again)"
    typer.echo(f"{len(result.fused)} fused{kept if result.kept else ''}")
    for name, why in result.failed:
        typer.echo(f"error: {name}: {' '.join(why.split())}", err=True)


def _describe(fuser: "Fuser", fused: "Fused") -> dict[str, Any]:
    alignment = fused.exposures.alignment
    return {
        "output": fused.output,
        "size": fused.exposures.size,
        "exposures": fused.exposures.paths,
        "ordered_by": fused.exposures.ordered_by,
        "alignment": alignment.describe() if alignment else None,
        "seconds": round(fused.seconds, 4),
        "bundle": fuser.bundle.folder,
        "runtime": fuser.runtime.describe(),
    }
