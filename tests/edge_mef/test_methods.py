"""What can be compared, without torch: bundles and peers, their names and what they take."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from edge_mef import methods
from edge_mef.benchmarks.peers.table import PEERS, open_peer
from edge_mef.bundle import DEFAULT_BUNDLE
from edge_mef.data.scenes import Frame
from edge_mef.errors import InputError, MissingError
from edge_mef.fuser import Fuser
from edge_mef.methods import PUBLISHED, Method, open_methods


def test_how_many_exposures_go() -> None:
    two, open_ended = Method("a", max, (2, 2)), Method("b", max, (2, None))
    assert [two.takes(count) for count in (1, 2, 3)] == [False, True, False]
    assert [open_ended.takes(count) for count in (1, 2, 30)] == [False, True, True]


def test_a_bundle_is_fused_in_the_order_given(pair: tuple[Frame, Frame]) -> None:
    with ExitStack() as opened, Fuser.open("ffmef") as fuser:
        (method,) = open_methods(opened, bundles=["ffmef"]).found
        assert (method.name, method.exposures) == ("ffmef", (2, 2))
        brighter_first = pair[::-1]
        expected = fuser.fuse(*brighter_first, sort=False)
        assert not np.array_equal(expected, fuser.fuse(*brighter_first))
        np.testing.assert_array_equal(method.fuse(*brighter_first), expected)


def test_two_bundles_of_one_name(bundle: Path) -> None:
    namesake = bundle.parent / "mine" / DEFAULT_BUNDLE
    namesake.parent.mkdir()
    bundle.rename(namesake)
    with ExitStack() as opened:
        found = open_methods(opened, bundles=[None, namesake]).found
        assert [method.name for method in found] == [DEFAULT_BUNDLE, f"mine/{DEFAULT_BUNDLE}"]


def test_a_bundle_that_is_called_like_a_peer(bundle: Path) -> None:
    namesake = bundle.with_name(open_peer("mertens").name)
    bundle.rename(namesake)
    with ExitStack() as opened:
        names = [m.name for m in open_methods(opened, bundles=[namesake], peers=True).found]
    assert names[0] == namesake.name
    assert f"{namesake.name} (peer)" in names
    assert len(set(names)) == len(names)


def test_threads_reach_the_bundles() -> None:
    with ExitStack() as opened:
        (method,) = open_methods(opened, bundles=[None], threads=1).found
        fuse = method.fuse.func.__self__  # type: ignore[attr-defined]
        assert fuse.runtime.describe()["threads"] == "1"


def test_peers_that_lack_an_extra_are_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[Frame, Frame]
) -> None:
    def opening(name: str) -> object:
        if PEERS[name].extra:
            raise MissingError(f"{name} needs something")
        return open_peer(name)

    monkeypatch.setattr(methods, "open_peer", opening)
    with ExitStack() as opened:
        result = open_methods(opened, peers=True)
    free = [name for name, row in PEERS.items() if row.extra is None]
    lacking = [name for name, row in PEERS.items() if row.extra]
    assert "mertens" in free
    assert [method.exposures for method in result.found] == [PEERS[n].exposures for n in free]
    assert result.notes == [f"left out: {name} needs something" for name in lacking]
    for method in result.found:
        assert method.fuse(*pair).shape == pair[0].shape


def test_there_must_be_something() -> None:
    with ExitStack() as opened, pytest.raises(InputError, match="found nothing"):
        open_methods(opened)


def test_the_published_peer_is_in_the_table() -> None:
    assert PEERS[PUBLISHED].extra == "train"
