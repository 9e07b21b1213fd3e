"""The peers' table: chosen by name, imported only then."""

import importlib
import subprocess
import sys

import pytest

from edge_mef.benchmarks.peers import table
from edge_mef.benchmarks.peers.table import PEERS, PeerRow, open_peer
from edge_mef.errors import InputError, MissingError
from edge_mef.exposures import Frame
from tests.conftest import python_environment


@pytest.mark.parametrize("name", [row.name for row in PEERS.values() if row.extra is None])
def test_a_peer_is_opened_and_fuses(name: str, pair: tuple[Frame, Frame]) -> None:
    peer = open_peer(name)
    assert peer(*pair).shape == pair[0].shape
    assert peer.name


def test_names_are_distinct() -> None:
    assert [row.name for row in PEERS.values()] == list(PEERS)
    with pytest.raises(ValueError, match="two peers are called 'mertens'"):
        table._table((PEERS["mertens"], PEERS["mertens"]))


def test_an_unknown_peer() -> None:
    with pytest.raises(InputError, match="no peer called 'abacus'; known are: mertens, meflut"):
        open_peer("abacus")


def test_a_missing_package_gives_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(MissingError, match=r"'torch', .* pip install 'edge-mef\[train\]'"):
        open_peer("ffmef-published")
    with pytest.raises(ModuleNotFoundError):  # needs no extra: then it is a bug of ours
        open_peer("mertens")


def test_the_table_imports_no_peer() -> None:
    code = (
        "import sys, edge_mef.benchmarks.peers.table; "
        "sys.exit(any(n in sys.modules for n in ('torch', 'edge_mef.benchmarks.peers.meflut')))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=python_environment(), check=False)
    assert done.returncode == 0


def test_a_row_says_how_many_frames() -> None:
    assert PeerRow("x", "m", "C", (2, None), "opencv", 10).extra is None
    assert {name: row.exposures for name, row in PEERS.items()} == {
        "mertens": (2, None),
        "meflut": (2, 4),
        "ffmef-published": (2, 2),
    }
