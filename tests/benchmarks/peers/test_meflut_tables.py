"""The file of lookup tables: what is written is read, what does not fit is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_mef.benchmarks.peers.meflut_tables import MeflutTables, read_tables, write_tables
from edge_mef.errors import InputError


@pytest.fixture
def written(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    weights = {n: rng.random((n, 256), dtype=np.float32) for n in (2, 3)}
    path = tmp_path / "tables.json"
    write_tables(path, MeflutTables(weights, 0.5, {"made by": "a test"}))
    return path


def test_what_is_written_is_read(written: Path) -> None:
    tables = read_tables(written)
    rng = np.random.default_rng(0)
    assert tables.eps == 0.5
    assert tables.about == {"made by": "a test"}
    assert sorted(tables.weights) == [2, 3]
    for n in (2, 3):
        expected = rng.random((n, 256), dtype=np.float32)
        np.testing.assert_allclose(tables.for_count(n), expected, atol=5.1e-5)


def test_a_count_without_tables(written: Path) -> None:
    with pytest.raises(InputError, match="tables for 2, 3 exposures, found 4"):
        read_tables(written).for_count(4)


def test_the_tables_that_come_along() -> None:
    tables = read_tables()
    assert sorted(tables.weights) == [2, 3, 4]
    for count, weights in tables.weights.items():
        assert weights.shape == (count, 256)
        assert weights.dtype == np.float32
        assert weights.max() > 0.1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"eps": 0}, "eps above 0"),
        ({"eps": "much"}, "holds no lookup tables"),
        ({"weights": {}}, "expected tables"),
        ({"weights": {"2": [[0.5] * 256]}}, r"expected 2 tables .* found the shape \(1, 256\)"),
        ({"weights": {"2": [[0.5] * 256, [1.5] * 256]}}, "from 0 to 1"),
        ({"weights": {"2": [[0.5] * 256, [float("nan")] * 256]}}, "from 0 to 1"),
        ({"weights": {"2": [[0.5] * 255, [0.5] * 256]}}, "holds no lookup tables"),
        ({"weights": [1]}, "holds no lookup tables"),
    ],
)
def test_tables_that_do_not_fit(written: Path, change: dict[str, Any], words: str) -> None:
    written.write_text(json.dumps(json.loads(written.read_text()) | change))
    with pytest.raises(InputError, match=words):
        read_tables(written)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_tables(tmp_path / "absent.json")
    (tmp_path / "other.json").write_text("[1, 2]")
    with pytest.raises(InputError, match="holds no lookup tables"):
        read_tables(tmp_path / "other.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="holds no lookup tables"):
        read_tables(tmp_path / "bytes.json")
