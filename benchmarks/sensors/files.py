"""Numbers and names out of the small files of sysfs."""

import math
from collections.abc import Container
from pathlib import Path

from edge_mef.benchmarks.sensors.sensor import NotMeasuredError


def read_text(path: Path) -> str:
    """Return the text of a file without surrounding space; raises with the reason."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except PermissionError as error:
        raise NotMeasuredError(f"{path} is readable by root only") from error
    except FileNotFoundError as error:
        raise NotMeasuredError(f"{path} is not there") from error
    except OSError as error:
        raise NotMeasuredError(f"{path} cannot be read: {error.strerror or error}") from error


def read_number(path: Path) -> float:
    """Return the finite number in a file; raises with the reason."""
    return to_number(read_text(path), str(path))


def to_number(text: str, where: str) -> float:
    """Return a text as a finite number; raises with the reason, which names where it stood."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise NotMeasuredError(f"{where} holds {text!r} where a number was expected")
    return number


def find_text(path: Path) -> str | None:
    """Return the text of a file, or None where it cannot be read."""
    try:
        return read_text(path)
    except NotMeasuredError:
        return None


def find_number(path: Path) -> float | None:
    """Return the number in a file, or None where there is none."""
    try:
        return read_number(path)
    except NotMeasuredError:
        return None


def unique(name: str, taken: Container[str]) -> str:
    """Return a name that is not yet in a container: `acpitz`, then `acpitz 2`."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name} {number}"
    return found
