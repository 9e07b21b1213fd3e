"""Options that several commands take, and the reading of their values."""

import re
from pathlib import Path
from typing import Annotated

import typer

from edge_mef.calibration.recipe import QuantRecipe
from edge_mef.errors import InputError

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="CPU threads; all where not given.")
]
BundleArgument = Annotated[
    str | None,
    typer.Argument(metavar="[BUNDLE]", help="A bundle's folder or name; the default one if none."),
]
Data = Annotated[
    str,
    typer.Option(
        "--data",
        help="A folder of brackets, a manifest.csv, or rendered:COUNT for scenes that we render.",
    ),
]
Channels = Annotated[int | None, typer.Option("--channels", help="Width of the features.")]
Kernels = Annotated[str | None, typer.Option("--kernel-sizes", help="Filter sizes, such as 1,3,5.")]
Model = Annotated[str, typer.Option("--model", help="A network; see edge-mef models.")]
Weights = Annotated[
    Path | None, typer.Option("--weights", help="A .safetensors file; our own where not given.")
]


def parse_size(text: str) -> tuple[int, int] | None:
    """Read "HxW" or "dynamic" (None); `InputError` for anything else."""
    if text == "dynamic":
        return None
    match = re.fullmatch("([0-9]{1,6})x([0-9]{1,6})", text)
    if not match:
        raise InputError(
            f"expected a size such as 1080x1920 (height x width) or 'dynamic', found '{text}'"
        )
    return int(match[1]), int(match[2])


def parse_sizes(text: str | None) -> tuple[tuple[int, int], ...]:
    """Read "HxW,HxW"; none where nothing is given, `InputError` for anything else."""
    parts = [] if text is None else [part.strip() for part in text.split(",")]
    sizes = [parse_size(part) for part in parts]
    if None in sizes:
        raise InputError(f"expected sizes such as 1080x1920,720x1280, found '{text}'")
    return tuple(size for size in sizes if size is not None)


def parse_kernels(text: str | None) -> tuple[int, ...] | None:
    """Read "1,3,5"; `InputError` for anything but whole numbers."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("[0-9]{1,3}", part) for part in parts):
        raise InputError(f"expected kernel sizes such as 1,3,5, found '{text}'")
    return tuple(int(part) for part in parts)


def parse_observer(text: str) -> QuantRecipe:
    """Read "minmax" or a percentile such as "99.99"; `InputError` for anything else."""
    if text == "minmax":
        return QuantRecipe()
    if not re.fullmatch("[0-9]{1,3}([.][0-9]{1,6})?", text):
        raise InputError(f"expected minmax, or a percentile such as 99.99, found '{text}'")
    return QuantRecipe("percentile", float(text))


def parse_names(text: str | None) -> list[str] | None:
    """Read names of metrics such as "MEF_SSIM,VIF", in any case."""
    if text is None:
        return None
    return [name.strip().upper() for name in text.split(",") if name.strip()]
