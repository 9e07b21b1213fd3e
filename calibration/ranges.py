"""Ranges of activations, kept in a file so that they need not be measured again.

They may be used again only for what they were measured with: the same network, weights, recipe and
calibration set. Anything else about the file, damage too, costs a new measurement and no more.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from edge_mef.errors import InputError
from edge_mef.saving import write_atomically

Setting = str | int | float | bool | None

SCHEMA_VERSION = 1
_PARTS = ("network", "weights_sha256", "recipe", "digest", "ranges")
_TITLES = {
    "network": "the network",
    "weights_sha256": "the weights",
    "digest": "the calibration set",
}


class Range(NamedTuple):
    """The smallest and the largest value of one layer's activations, smallest <= largest."""

    smallest: float
    largest: float


@dataclass(frozen=True)
class RangesKey:
    """What ranges belong to.

    Attributes:
        network: its name and whatever else tells its graph, such as "ffmef-edge-8, 2 exposures".
        weights_sha256: of the weight file.
        recipe: how ranges are observed, such as {"observer": "percentile", "percentile": 99.99}.
        digest: of the calibration set, `CalibrationSet.digest`.
    """

    network: str
    weights_sha256: str
    digest: str
    recipe: Mapping[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredRanges:
    """What a file gives: ranges by layer, or None; `reason` says in a sentence why."""

    ranges: Mapping[str, Range] | None
    reason: str


def save_ranges(path: Path, key: RangesKey, ranges: Mapping[str, Range]) -> None:
    """Write ranges, whole or not at all.

    Raises:
        InputError: there are none, or one is no range of finite numbers.
        OutputError: the file cannot be written.
    """
    if not ranges:
        raise InputError("expected the range of one layer or more to save, found none")
    plain = {layer: Range(float(low), float(high)) for layer, (low, high) in ranges.items()}
    for layer, (low, high) in plain.items():
        if not _is_range(low, high):
            raise InputError(
                f"expected finite numbers, the smaller first, as the range of {layer}, found "
                f"{low} to {high}: look at what was observed"
            )
    content = {
        "schema_version": SCHEMA_VERSION,
        "network": key.network,
        "weights_sha256": key.weights_sha256,
        "recipe": dict(key.recipe),
        "digest": key.digest,
        "ranges": {layer: {"min": low, "max": high} for layer, (low, high) in plain.items()},
    }
    document = content | {"content_sha256": _digest(content)}
    write_atomically(path, (json.dumps(document, indent=2) + "\n").encode())


def check_ranges_file(path: Path) -> None:
    """Raise `InputError` where ranges would replace something else: only .json files may be theirs.

    A damaged file of ranges may be replaced, and still looks like JSON.
    """
    if path.suffix.lower() != ".json":
        raise InputError(f"expected a name that ends in .json for ranges, found '{path}'")
    try:
        with path.open("rb") as file:
            begin = file.read(1)
    except OSError:
        return  # there is none, or writing will tell
    if begin not in (b"", b"{"):
        raise InputError(f"'{path}' holds something else than ranges: name another file")


def load_ranges(path: Path, key: RangesKey) -> StoredRanges:
    """Return the ranges of a file if they belong to the key; never raises for what a file holds."""
    try:
        content = _decode(path.read_bytes())
    except FileNotFoundError:
        return StoredRanges(None, f"there are no ranges at '{path.name}' yet")
    except OSError as error:
        return _ignored(path, error.strerror or "it cannot be read")
    except (ValueError, RecursionError, OverflowError) as error:  # no JSON, or not as we write it
        return _ignored(path, str(error))
    differing = _differences(content, key)
    if differing:
        return StoredRanges(
            None, f"the ranges in '{path.name}' are of something else: {', '.join(differing)}"
        )
    ranges = {name: Range(one["min"], one["max"]) for name, one in content["ranges"].items()}
    return StoredRanges(ranges, f"the ranges of {len(ranges)} layers are taken from '{path.name}'")


def _ignored(path: Path, why: str) -> StoredRanges:
    what = " ".join(why.split())[:120]
    return StoredRanges(
        None, f"'{path.name}' holds no ranges that can be used ({what}): it is ignored"
    )


def _decode(data: bytes) -> dict[str, Any]:
    """Return the content of a file that is as we write it; `ValueError` says what is not."""
    document = json.loads(data.decode())
    if not isinstance(document, dict):
        raise ValueError("it is no document of ours")
    if document.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"its version is {document.get('schema_version')}, not {SCHEMA_VERSION}")
    stated = document.pop("content_sha256", None)
    if stated != _digest(document):
        raise ValueError("it is damaged or was changed by hand")
    missing = [part for part in _PARTS if part not in document]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    if not isinstance(document["recipe"], dict) or not _are_ranges(document["ranges"]):
        raise ValueError("its recipe or ranges are of another form")
    return document


def _differences(content: Mapping[str, Any], key: RangesKey) -> list[str]:
    differing = [
        f"{title} {_shown(content[part])} instead of {_shown(getattr(key, part))}"
        for part, title in _TITLES.items()
        if content[part] != getattr(key, part)
    ]
    stored = content["recipe"]
    return differing + [
        f"{name} {stored.get(name, 'not set')} instead of {key.recipe.get(name, 'not set')}"
        for name in sorted({*stored, *key.recipe})
        if name not in stored or name not in key.recipe or stored[name] != key.recipe[name]
    ]


def _shown(value: object) -> str:
    """Return a name as it is, and the start of a digest."""
    text = str(value)
    return text[:12] if len(text) == 64 else text


def _are_ranges(value: object) -> bool:
    if not isinstance(value, dict) or not value:
        return False
    return all(
        isinstance(one, dict) and one.keys() == {"min", "max"} and _is_range(one["min"], one["max"])
        for one in value.values()
    )


def _is_range(low: object, high: object) -> bool:
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return False
    return math.isfinite(low) and math.isfinite(high) and low <= high


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
