"""Stored ranges: used again for what they belong to, and for nothing else."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_mef.calibration import ranges as stored
from edge_mef.calibration.ranges import (
    Range,
    RangesKey,
    check_ranges_file,
    load_ranges,
    save_ranges,
)
from edge_mef.errors import InputError, OutputError
from tests.conftest import contents

KEY = RangesKey(
    network="ffmef-edge-8",
    weights_sha256="a" * 64,
    digest="b" * 64,
    recipe={"observer": "percentile", "percentile": 99.99},
)
RANGES = {"view.conv1": Range(-1.5, 0.1 + 0.2), "head": Range(0.0, 0.0)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_ranges(tmp_path / "ranges.json", KEY, RANGES)
    return tmp_path / "ranges.json"


def test_they_come_back_exactly(path: Path) -> None:
    found = load_ranges(path, KEY)
    assert found.ranges == RANGES
    assert "2 layers are taken from" in found.reason
    assert set(contents(path.parent)) == {"ranges.json"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network": "ffmef"}, "the network ffmef-edge-8 instead of ffmef"),
        ({"weights_sha256": "c" * 64}, f"the weights {'a' * 12} instead of {'c' * 12}"),
        ({"digest": "c" * 64}, f"the calibration set {'b' * 12} instead of {'c' * 12}"),
        ({"recipe": {"observer": "percentile", "percentile": 99.9}}, "99.99 instead of 99.9"),
        ({"recipe": {"observer": "minmax", "percentile": 99.99}}, "observer percentile instead"),
        ({"recipe": {"observer": "percentile"}}, "percentile 99.99 instead of not set"),
        ({"recipe": {**KEY.recipe, "bins": None}}, "bins not set instead of None"),
    ],
)
def test_it_is_said_what_differs(path: Path, change: dict[str, Any], words: str) -> None:
    found = load_ranges(path, replace(KEY, **change))
    assert found.ranges is None
    assert words in found.reason
    assert found.reason.count(" instead of ") == 1


def test_a_file_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    assert "no ranges at" in load_ranges(tmp_path / "none.json", KEY).reason
    assert load_ranges(tmp_path / "none.json" / "deeper", KEY).ranges is None
    assert "ignored" in load_ranges(tmp_path, KEY).reason


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"schema_version": 1}',
        b"[" * 100_000,
        b"9" * 10_000,
    ],
)
def test_a_damaged_file_is_ignored(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    found = load_ranges(path, KEY)
    assert found.ranges is None
    assert found.reason.endswith("it is ignored")
    assert "\n" not in found.reason


def test_any_cut_and_any_changed_byte_is_noticed(path: Path) -> None:
    data = path.read_bytes()
    for position in range(0, len(data) - 1, 7):
        path.write_bytes(data[:position])
        assert load_ranges(path, KEY).ranges is None
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        assert load_ranges(path, KEY).ranges in (None, RANGES)
    path.write_bytes(data.replace(b"-1.5", b"-1.4"))
    assert "damaged or was changed by hand" in load_ranges(path, KEY).reason


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 2},
        {"ranges": {}},
        {"ranges": {"a": {"min": 1.0, "max": 0.0}}},
        {"ranges": {"a": {"min": 1.0}}},
        {"ranges": {"a": {"min": "0", "max": 1}}},
        {"ranges": {"a": {"min": 0, "max": float("nan")}}},
        {"ranges": {"a": {"min": 0, "max": 10**400}}},
        {"ranges": [1]},
        {"recipe": 3},
    ],
)
def test_sealed_nonsense_is_ignored(path: Path, change: dict[str, Any]) -> None:
    document = json.loads(path.read_bytes()) | change
    del document["content_sha256"]
    document["content_sha256"] = stored._digest(document)
    path.write_text(json.dumps(document))
    found = load_ranges(path, KEY)
    assert found.ranges is None
    assert found.reason.endswith("it is ignored")


def test_the_order_in_the_file_does_not_matter(path: Path) -> None:
    def turned(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: turned(one) for name, one in reversed(value.items())}

    path.write_text(json.dumps(turned(json.loads(path.read_bytes()))))
    assert load_ranges(path, KEY).ranges == RANGES


@pytest.mark.parametrize("bounds", [(1.0, 0.0), (0.0, float("inf")), (float("nan"), 1.0)])
def test_what_is_no_range_is_not_saved(tmp_path: Path, bounds: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="as the range of head"):
        save_ranges(tmp_path / "ranges.json", KEY, {"head": Range(*bounds)})
    with pytest.raises(InputError, match="found none"):
        save_ranges(tmp_path / "ranges.json", KEY, {})
    assert contents(tmp_path) == {}


def test_numpy_numbers_are_saved(tmp_path: Path) -> None:
    low, high = np.float32(-0.1), np.float32(0.5)
    save_ranges(tmp_path / "r.json", KEY, {"head": Range(low, high)})  # type: ignore[arg-type]
    assert load_ranges(tmp_path / "r.json", KEY).ranges == {"head": (float(low), 0.5)}


def test_a_full_disk_keeps_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="the disk is full"):
        save_ranges(path, KEY, {"head": Range(0.0, 9.0)})
    assert load_ranges(path, KEY).ranges == RANGES
    assert set(contents(path.parent)) == {"ranges.json"}


@pytest.mark.parametrize(("name", "data"), [("a.png", b"{}"), ("a.json", b"\x89PNG"), ("a", b"")])
def test_files_of_something_else_are_not_replaced(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=r"ends in \.json|holds something else"):
        check_ranges_file(tmp_path / name)
    assert (tmp_path / name).read_bytes() == data


def test_files_of_ranges_may_be_written(tmp_path: Path) -> None:
    check_ranges_file(tmp_path / "new.json")
    (tmp_path / "cut.json").write_bytes(b'{"schema_ver')
    check_ranges_file(tmp_path / "cut.json")
