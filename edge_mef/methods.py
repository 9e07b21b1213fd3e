"""What can be compared: bundles, weight files in torch and the peers, each as a call on frames."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.peers.table import PEERS, open_peer
from edge_mef.errors import InputError, MissingError, missing_extra
from edge_mef.fuser import Fuser
from edge_mef.models.table import find_network
from edge_mef.models.weights import read_metadata

Frame = NDArray[np.uint8]
Fuse = Callable[..., Frame]

PUBLISHED = "ffmef-published"
_USUAL_NETWORK = "ffmef"  # of weight files that do not say theirs


@dataclass(frozen=True)
class Method:
    """One way to fuse.

    Attributes:
        name: what tables call it; no other method of a comparison has it.
        fuse: takes frames (H, W, 3) uint8 RGB of one size, darkest first; gives one like them.
        exposures: the smallest and largest number of frames that it fuses; None is without end.
    """

    name: str
    fuse: Fuse
    exposures: tuple[int, int | None]

    def takes(self, count: int) -> bool:
        """Return whether it fuses so many frames at once."""
        fewest, most = self.exposures
        return fewest <= count and (most is None or count <= most)


@dataclass
class Methods:
    """Methods that are open, and notes on those that could not be, for people."""

    found: list[Method] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """The names of all of them."""
        return {method.name for method in self.found}

    def add_peer(self, name: str, fuse: Fuse, exposures: tuple[int, int | None]) -> None:
        """Add a peer; nothing else has its name then."""
        self.found.append(Method(free_title(name, self.names), fuse, exposures))


def open_methods(
    opened: ExitStack,
    *,
    bundles: Sequence[str | Path | None] = (),
    weights: Sequence[Path] = (),
    model: str | None = None,
    peers: bool = False,
    published: Path | None = None,
    threads: int | None = None,
) -> Methods:
    """Open everything that is to be compared; `opened` closes it again.

    Args:
        opened: the context that the open bundles are left to.
        bundles: bundles to run; None is the default one.
        weights: weight files to run in torch.
        model: the network of all weight files; None takes what each file says.
        peers: everything in `PEERS`. What an extra is missing for is left out, with a note.
        published: the weights of the peer `PUBLISHED`, which then runs without `peers` as well.
        threads: CPU threads of every bundle; None for all.

    Raises:
        InputError: nothing to compare, one thing given twice, or a file that holds no such weights.
        BundleError: a bundle that cannot be opened.
        MissingError: weights are given and torch is not installed.
    """
    methods = Methods()
    for bundle in bundles:
        fuser = opened.enter_context(Fuser.open(bundle, threads=threads))
        name = free_name(fuser.bundle.folder, methods.names)
        contract = fuser.bundle.manifest.contract
        methods.found.append(Method(name, partial(fuser.fuse, sort=False), contract.counts))
    for path in weights:
        name = free_name(path.with_suffix(""), methods.names)
        methods.found.append(_torch_method(name, path, model))
    if published is not None:
        peer = _published_method(published)
        methods.add_peer(peer.name, peer.fuse, peer.exposures)
    if peers:
        _add_peers(methods, [name for name in PEERS if published is None or name != PUBLISHED])
    if not methods.found:
        raise InputError("expected something to compare, found nothing: name a bundle or weights")
    return methods


def _torch_method(name: str, path: Path, model: str | None) -> Method:
    spec = find_network(model or _network_of(path))
    try:
        from edge_mef.models import create_model
        from edge_mef.pipeline import make_pipeline
        from edge_mef.validation import torch_fuse
    except ModuleNotFoundError as error:
        raise missing_extra("running weights", error.name or "torch", "train") from error
    pipeline = make_pipeline(spec, create_model(spec.name, weights=path))
    return Method(name, torch_fuse(pipeline), spec.exposures)


def _network_of(path: Path) -> str:
    """Return the network that a file of ours names; the authors' files name none."""
    return read_metadata(path).get("network", _USUAL_NETWORK) if path.is_file() else _USUAL_NETWORK


def _published_method(weights: Path) -> Method:
    try:
        from edge_mef.benchmarks.peers.published_ffmef import PublishedFFMEF
    except ModuleNotFoundError as error:
        wanted = f"the peer '{PUBLISHED}'"
        raise missing_extra(wanted, error.name or "torch", "train") from error
    peer = PublishedFFMEF(weights)
    return Method(f"{peer.name} ({weights.stem})", peer, PEERS[PUBLISHED].exposures)


def _add_peers(methods: Methods, names: Iterable[str]) -> None:
    for name in names:
        try:
            peer = open_peer(name)
        except MissingError as error:
            methods.notes.append(f"left out: {error}")
            continue
        # Nobody should take our weights for what the authors published.
        shown = f"{peer.name} (our weights)" if name == PUBLISHED else peer.name
        methods.add_peer(shown, peer, PEERS[name].exposures)


def free_name(path: Path, taken: Collection[str]) -> str:
    """Return the shortest end of a path that names no other method.

    Raises:
        InputError: the path is given twice.
    """
    parts = path.absolute().parts
    for length in range(1, len(parts)):
        name = "/".join(parts[-length:])
        if name not in taken:
            return name
    raise InputError(f"'{path}' is given twice")


def free_title(name: str, taken: Collection[str]) -> str:
    """Return a peer's name, marked where a bundle is called the same."""
    while name in taken:
        name = f"{name} (peer)"
    return name
