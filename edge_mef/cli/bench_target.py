"""Where edge-mef bench keeps its records."""

import os
from pathlib import Path

from edge_mef.errors import InputError, OutputError

HISTORY = "edge-mef-history.jsonl"


def check_target(output: Path | None, history: bool) -> Path | None:
    """Return the file that records go to, None for none.

    Raises:
        OutputError: it cannot be written, or both a file and none are asked for.
    """
    from edge_mef.saving import check_output

    if output is None:
        target = Path(HISTORY) if history else None
    elif history:
        target = output
    else:
        raise OutputError(f"expected --output or --no-history, found both: '{output}'")
    if target is not None:
        check_output(target, endings=(".json", ".jsonl"))
        _check_replaced(target)
    return target


def _check_replaced(target: Path) -> None:
    """A .json is replaced: refuse to replace anything but a record."""
    from edge_mef.benchmarks.record_files import read_record

    if not os.path.lexists(target) or target.suffix == ".jsonl":
        return
    try:
        read_record(target)
    except InputError as error:
        raise OutputError(
            f"'{target}' is there and is no record, which alone is replaced: choose another name"
        ) from error


def check_count(target: Path | None, records: int) -> None:
    """Raise `OutputError` where a file for one record would have to hold several."""
    if target is not None and target.suffix.lower() == ".json" and records > 1:
        raise OutputError(
            f"a .json holds one record, and these are {records} or more: choose a .jsonl, to which "
            "all are appended"
        )
