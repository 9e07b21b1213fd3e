"""The tables of the lookup-table fusion: a JSON file of our own, read and written without torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mef.errors import InputError
from edge_mef.saving import write_atomically

LEVELS = 256
SHIPPED_TABLES = Path(__file__).resolve().parent / "meflut.json"
_DIGITS = 4  # of a weight from 0 to 1: far below a grey level of the fused picture

WeightTable = NDArray[np.float32]


@dataclass(frozen=True)
class MeflutTables:
    """Weights by luma level, for each number of exposures.

    Attributes:
        weights: N to (N, 256) float32 from 0 to 1; row 0 is for the darkest frame.
        eps: the guided filter's regularization that they were learned with, for luma from 0 to 1.
        about: how they were made, in words and numbers; not needed to use them.
    """

    weights: Mapping[int, WeightTable]
    eps: float
    about: Mapping[str, Any] = field(default_factory=dict)

    def for_count(self, count: int) -> WeightTable:
        """Return the (N, 256) table of N exposures; `InputError` names the counts there are."""
        if count not in self.weights:
            known = ", ".join(map(str, sorted(self.weights)))
            raise InputError(
                f"there are lookup tables for {known} exposures, found {count}: leave frames out"
            )
        return self.weights[count]


def read_tables(path: Path = SHIPPED_TABLES) -> MeflutTables:
    """Read a file of tables; `InputError` where it is missing or is something else."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        weights = {
            int(count): np.array(rows, np.float32) for count, rows in document["weights"].items()
        }
        eps, about = float(document["eps"]), dict(document["about"])
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} holds no lookup tables: write one with learn_meflut") from error
    _check(path, weights, eps)
    return MeflutTables(weights, eps, about)


def write_tables(path: Path, tables: MeflutTables) -> None:
    """Write a file of tables, whole or not at all, one row of 256 numbers a line."""
    blocks = [
        f'  "{count}": [\n' + ",\n".join(f"   {_row(row)}" for row in weights) + "\n  ]"
        for count, weights in sorted(tables.weights.items())
    ]
    about = json.dumps(dict(tables.about), indent=1).replace("\n", "\n ")
    joined = ",\n".join(blocks)
    text = f'{{\n "about": {about},\n "eps": {tables.eps},\n "weights": {{\n{joined}\n }}\n}}\n'
    write_atomically(path, text.encode())


def _row(weights: NDArray[np.float32]) -> str:
    return json.dumps([round(float(weight), _DIGITS) for weight in weights], separators=(",", ":"))


def _check(path: Path, weights: Mapping[int, WeightTable], eps: float) -> None:
    for count, table in weights.items():
        inside = table.size > 0 and bool((table >= 0).all() and (table <= 1).all())
        if table.shape != (count, LEVELS) or not inside:
            raise InputError(
                f"{path}: expected {count} tables of {LEVELS} weights from 0 to 1 for {count} "
                f"exposures, found the shape {table.shape}: write the file again with learn_meflut"
            )
    if not weights or not 0 < eps < float("inf"):
        raise InputError(f"{path}: expected tables and an eps above 0, found {len(weights)}, {eps}")
