"""Measure a fused picture that lies in a file, against the files it was made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_mef.errors import InputError
from edge_mef.metrics.scoring import compare, evaluate
from edge_mef.metrics.table import (
    IVF_METRICS,
    MEFB_METRICS,
    METRICS,
    REFERENCE_METRICS,
    choose_metrics,
)
from edge_mef.pictures import read_picture


@dataclass(frozen=True)
class FileScores:
    """size: (height, width). exposures, reference: the metrics against each; empty without it."""

    size: tuple[int, int]
    exposures: dict[str, float]
    reference: dict[str, float]


def measure_files(
    fused: Path | str,
    exposures: Sequence[Path | str] = (),
    *,
    reference: Path | str | None = None,
    names: Sequence[str] | None = None,
) -> FileScores:
    """Measure a file against its exposures, against a reference, or both.

    Args:
        fused, exposures, reference: what `read_picture` reads; all of one size.
        names: what to measure; else the 14 of `MEFB_METRICS` against the exposures and
            `REFERENCE_METRICS` against the reference. PSNR is measured against whatever is given.

    Raises:
        InputError: neither exposures nor a reference, a name that is not known or needs the other
            of the two, or what `evaluate`, `compare` and `read_picture` refuse.
    """
    if not exposures and reference is None:
        raise InputError("expected exposures or a reference to measure against, found neither")
    ours, theirs = _split(
        names, with_exposures=bool(exposures), with_reference=reference is not None
    )
    picture = read_picture(fused).pixels
    against_exposures, against_reference = {}, {}
    if ours:
        frames = [read_picture(path).pixels for path in exposures]
        against_exposures = evaluate(frames, picture, ours)
    if theirs and reference is not None:
        against_reference = compare(read_picture(reference).pixels, picture, theirs)
    return FileScores((picture.shape[0], picture.shape[1]), against_exposures, against_reference)


def _split(
    names: Sequence[str] | None, *, with_exposures: bool, with_reference: bool
) -> tuple[list[str], list[str]]:
    """Return the names to measure against the exposures, and those against the reference."""
    fusion = (*MEFB_METRICS, *IVF_METRICS)
    if names is None:
        ours, theirs = list(MEFB_METRICS), list(REFERENCE_METRICS)
    else:
        choose_metrics(names, tuple(METRICS))
        ours = [name for name in names if name in fusion]
        theirs = [name for name in names if name in REFERENCE_METRICS]
        for name in names:
            if not ((with_exposures and name in ours) or (with_reference and name in theirs)):
                lacking = "the exposures: name them" if name in ours else "a reference: give one"
                raise InputError(f"{name} compares with {lacking} too")
    return ours if with_exposures else [], theirs if with_reference else []
