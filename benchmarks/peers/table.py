"""The peers, as one table; each is imported when it is chosen, never before."""

import importlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_mef.errors import InputError, missing_extra

Frame = NDArray[np.uint8]


class Peer(Protocol):
    """What a peer is: a name for tables, and a call from exposures to a fused frame."""

    name: str

    def __call__(self, *exposures: Frame) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB of one size, darkest first, to (H, W, 3) uint8 RGB."""


@dataclass(frozen=True)
class PeerRow:
    """One peer: where its class is, and which extra it needs (None: it runs without any).

    `exposures` is the smallest and largest number of frames that it fuses; None is without end.
    `library` is what works, `bytes_per_pixel` the memory that two exposures take while it does.
    """

    name: str
    module: str
    class_name: str
    exposures: tuple[int, int | None]
    library: str
    bytes_per_pixel: int
    extra: str | None = None

    def bytes_for(self, exposures: int, height: int, width: int) -> int:
        """Return the memory that it takes for so many exposures of this size."""
        return self.bytes_per_pixel * height * width * exposures // 2


_ROWS = (
    PeerRow(
        name="mertens",
        module="edge_mef.benchmarks.peers.mertens",
        class_name="MertensFusion",
        exposures=(2, None),
        library="opencv",
        bytes_per_pixel=100,
    ),
    PeerRow(
        name="meflut",
        module="edge_mef.benchmarks.peers.meflut",
        class_name="MeflutFusion",
        exposures=(2, 4),
        library="opencv",
        bytes_per_pixel=10,
    ),
    PeerRow(
        name="ffmef-published",
        module="edge_mef.benchmarks.peers.published_ffmef",
        class_name="PublishedFFMEF",
        exposures=(2, 2),
        library="torch",
        bytes_per_pixel=1200,
        extra="train",
    ),
)


def _table(rows: tuple[PeerRow, ...]) -> dict[str, PeerRow]:
    table: dict[str, PeerRow] = {}
    for row in rows:
        if row.name in table:
            raise ValueError(f"two peers are called {row.name!r}")
        table[row.name] = row
    return table


PEERS: dict[str, PeerRow] = _table(_ROWS)


def open_peer(name: str) -> Peer:
    """Import a peer and make it, with its defaults.

    Raises:
        InputError: no peer of that name.
        MissingError: a package that an extra brings is not installed.
    """
    if name not in PEERS:
        raise InputError(f"there is no peer called '{name}'; known are: {', '.join(PEERS)}")
    row = PEERS[name]
    try:
        module = importlib.import_module(row.module)
    except ModuleNotFoundError as error:
        if row.extra is None:
            raise
        raise missing_extra(f"the peer '{name}'", error.name or "torch", row.extra) from error
    peer: Peer = getattr(module, row.class_name)()
    return peer
