"""The options of edge-mef export that only TensorRT takes."""

from typing import TYPE_CHECKING, Annotated

import typer

from edge_mef.cli.options import parse_size
from edge_mef.errors import InputError

if TYPE_CHECKING:
    from edge_mef.export.options import TensorRTOptions

RequireEngine = Annotated[
    bool,
    typer.Option("--require-engine", help="trt: build the engine now, or fail with exit code 3."),
]
EngineProfile = Annotated[
    str | None,
    typer.Option(
        "--profile", help="trt: smallest, usual and largest size: 480x640,1080x1920,2160x3840."
    ),
]
Workspace = Annotated[
    int | None, typer.Option("--workspace", min=1, help="trt: MiB of scratch memory at most.")
]
BuilderLevel = Annotated[
    int, typer.Option("--builder-level", min=0, max=5, help="trt: how long to search, 0 to 5.")
]
Accelerator = Annotated[
    int | None, typer.Option("--dla", min=0, help="trt: the DLA core of a Jetson to build for.")
]
VersionCompatible = Annotated[
    bool,
    typer.Option("--version-compatible", help="trt: an engine that newer versions run as well."),
]
HardwareCompatible = Annotated[
    bool,
    typer.Option("--hardware-compatible", help="trt: an engine for Ampere and newer GPUs alike."),
]


def tensorrt_options(
    target: str,
    *,
    require_engine: bool,
    profile: str | None,
    sides: tuple[int, int] | None,
    workspace: int | None,
    level: int,
    dla: int | None,
    version_compatible: bool,
    hardware_compatible: bool,
) -> "TensorRTOptions":
    """Return the options; `sides` is the size of a bundle that takes only one.

    Raises:
        InputError: options of TensorRT for another target, or a profile that is none.
        MissingError: an engine is required, and cannot be built here.
    """
    from edge_mef.export.options import TensorRTOptions

    options = TensorRTOptions(
        workspace=workspace,
        level=level,
        version_compatible=version_compatible,
        hardware_compatible=hardware_compatible,
        dla=dla,
        engine="required" if require_engine else "auto",
    )
    if target != "trt" and (options != TensorRTOptions() or profile is not None):
        raise InputError(
            f"--require-engine, --profile, --workspace, --builder-level, --dla and the compatible "
            f"ones are for --target trt, found --target {target}"
        )
    if require_engine:
        from edge_mef.export.tensorrt import engine_required, missing_for_engine

        problem = missing_for_engine()
        if problem is not None:
            raise engine_required(problem)
    if profile is None:
        return options
    if sides is not None:
        raise InputError("--profile is for --size dynamic: a fixed size needs none")
    return _with_profile(options, profile)


def _with_profile(options: "TensorRTOptions", text: str) -> "TensorRTOptions":
    from dataclasses import replace

    sizes = [parse_size(part.strip()) for part in text.split(",")]
    if len(sizes) != 3 or None in sizes:
        raise InputError(
            f"expected a smallest, a usual and a largest size such as 480x640,1080x1920,2160x3840, "
            f"found '{text}'"
        )
    smallest, usual, largest = (size for size in sizes if size is not None)
    return replace(options, smallest=smallest, usual=usual, largest=largest)
