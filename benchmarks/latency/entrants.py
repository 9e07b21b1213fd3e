"""What is measured: a bundle on a runtime or a peer, opened for frames of one size."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_mef.benchmarks.footprint import FootprintRequest
from edge_mef.benchmarks.peers.table import PEERS, open_peer
from edge_mef.benchmarks.records import Load, Subject
from edge_mef.benchmarks.speed import limit_libraries
from edge_mef.benchmarks.subjects import bundle_subject
from edge_mef.bundle import Bundle, load_bundle
from edge_mef.errors import FrameTooLargeError, InputError
from edge_mef.fuser import Fuser
from edge_mef.memory import available_bytes
from edge_mef.methods import free_name, free_title
from edge_mef.runtimes.phases import PhaseTimes
from edge_mef.runtimes.profile import LayerTime
from edge_mef.runtimes.table import RUNTIMES

Frame = NDArray[np.uint8]
Size = tuple[int, int]


@dataclass(frozen=True)
class Conditions:
    """How everything runs: CPU threads (None: all), and what the runtime is asked for."""

    threads: int | None = None
    provider: str | None = None
    cuda_graph: bool | None = None


class Opened(ABC):
    """Something that is open and fuses; close it with `close`."""

    load: Load

    @abstractmethod
    def fuse(self, *exposures: Frame) -> Frame:
        """Fuse frames (H, W, 3) uint8 RGB, darkest first, to (H, W, 3) uint8 RGB."""

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """Return what runs, as a record tells it."""

    @abstractmethod
    def close(self) -> None:
        """Release it; calling it again does nothing."""


class Entrant(ABC):
    """Something that can be opened and measured.

    Attributes:
        title: what tables call it; no other entrant has it.
        runtime: its name in the table of runtimes, or the library that works.
        sizes: (height, width) that it was made for, none where it takes any.
    """

    title: str
    runtime: str
    sizes: tuple[Size, ...] = ()
    phases_missing: str | None = None
    layers_missing: str | None = None

    @abstractmethod
    def refusals(self, exposures: int, sizes: Sequence[Size]) -> dict[Size, InputError]:
        """Return why frames of some (height, width) cannot be fused here, by their size."""

    @abstractmethod
    def open(self, frames: Sequence[Frame]) -> Opened:
        """Open it and make the first call with these frames, timed."""

    @abstractmethod
    def subject(self, opened: Opened) -> Subject:
        """Describe what runs."""

    @abstractmethod
    def footprint(self, exposures: int, size: Size) -> FootprintRequest:
        """Return what a process of its own needs to open it and to fuse such frames."""


class OpenedBundle(Opened):
    """A bundle that is open on a runtime."""

    def __init__(self, fuser: Fuser, load: Load) -> None:
        self.fuser, self.load = fuser, load

    def fuse(self, *exposures: Frame) -> Frame:
        """Fuse as a program that uses `Fuser` does, checks included."""
        return self.fuser.fuse(*exposures, sort=False)

    def phases(self, *exposures: Frame) -> PhaseTimes:
        """Return the phases of a call."""
        return self.fuser.runtime.run_phases(exposures)[1]

    def describe(self) -> dict[str, str]:
        """Return what the runtime says of itself."""
        return self.fuser.runtime.describe()

    def close(self) -> None:
        """Close the runtime."""
        self.fuser.close()


class BundleEntrant(Entrant):
    """A bundle on a runtime (None: the first that can run it here)."""

    def __init__(
        self, bundle: Bundle, runtime: str | None, conditions: Conditions, title: str
    ) -> None:
        self.bundle, self.conditions, self.title = bundle, conditions, title
        self._chosen = runtime
        with self._open() as fuser:  # whatever is imported for it is imported from now on
            self.runtime = fuser.runtime.name
            self.sizes = _sizes_of(fuser)
            if "profile" not in RUNTIMES[self.runtime].options:
                self.layers_missing = f"the runtime '{self.runtime}' has no profile of layers"

    def refusals(self, exposures: int, sizes: Sequence[Size]) -> dict[Size, InputError]:
        """Ask an open runtime, as `Fuser` does before it fuses."""
        with self._open() as fuser:
            return _refusals(lambda size: fuser.check(exposures, *size), sizes)

    def open(self, frames: Sequence[Frame]) -> OpenedBundle:
        """Open the bundle, its digests checked, and fuse once."""
        started = time.perf_counter()
        fuser = self._open()
        ready = time.perf_counter()
        try:
            fuser.fuse(*frames, sort=False)
        except BaseException:
            fuser.close()
            raise
        done = time.perf_counter()
        return OpenedBundle(fuser, _load_of(started, ready, done))

    def layer_times(self, frames: Sequence[Frame], calls: int) -> tuple[LayerTime, ...]:
        """Return the layers' times in so many calls, of a runtime of its own that profiles."""
        with self._open(profile=True) as fuser:
            for _ in range(calls):
                fuser.fuse(*frames, sort=False)
            return fuser.runtime.layer_times()

    def subject(self, opened: Opened) -> Subject:
        """Describe the files that run."""
        assert isinstance(opened, OpenedBundle)
        runtime = opened.fuser.runtime
        return bundle_subject(
            self.bundle, runtime=runtime.name, artefact=runtime.artefact, title=self.title
        )

    def footprint(self, exposures: int, size: Size) -> FootprintRequest:
        """Return folder, runtime and conditions."""
        return FootprintRequest(
            *size,
            bundle=str(self.bundle.folder),
            runtime=self.runtime,
            provider=self.conditions.provider,
            threads=self.conditions.threads,
            exposures=exposures,
        )

    def _open(self, *, profile: bool = False) -> Fuser:
        asked = self.conditions
        return Fuser.open(
            self.bundle.folder,
            runtime=self._chosen,
            threads=asked.threads,
            provider=asked.provider,
            cuda_graph=asked.cuda_graph,
            profile=profile,
        )


class OpenedPeer(Opened):
    """A peer that is ready."""

    def __init__(self, name: str, runtime: str, frames: Sequence[Frame]) -> None:
        started = time.perf_counter()
        self.fuse_frames = open_peer(name)
        ready = time.perf_counter()
        self.fuse_frames(*frames)
        self.load = _load_of(started, ready, time.perf_counter())
        self._runtime = runtime

    def fuse(self, *exposures: Frame) -> Frame:
        """Fuse with the peer."""
        return self.fuse_frames(*exposures)

    def describe(self) -> dict[str, str]:
        """Return the library that works."""
        return {"runtime": self._runtime, "device": "CPU"}

    def close(self) -> None:
        """Do nothing: a peer holds no more than memory."""


class PeerEntrant(Entrant):
    """A peer, in torch or OpenCV on the CPU."""

    phases_missing = "a peer copies and computes in one call that is not ours"
    layers_missing = "a peer has no profile of layers"

    def __init__(self, name: str, conditions: Conditions, title: str) -> None:
        open_peer(name)  # an unknown name or a missing extra is told before anything is measured
        self._name, self._conditions, self.title = name, conditions, title
        self._row = PEERS[name]
        self.runtime = self._row.library

    def refusals(self, exposures: int, sizes: Sequence[Size]) -> dict[Size, InputError]:
        """Compare with the row of the table."""
        return _refusals(lambda size: self._check(exposures, *size), sizes)

    def _check(self, exposures: int, height: int, width: int) -> None:
        fewest, most = self._row.exposures
        if exposures < fewest or (most is not None and exposures > most):
            raise InputError(f"the peer '{self._name}' does not fuse {exposures} exposures")
        needed = self._row.bytes_for(exposures, height, width)
        if needed > available_bytes():
            raise FrameTooLargeError(
                f"the peer '{self._name}' needs about {needed / 2**30:.1f} GiB of memory for "
                f"{height}x{width}, more than there is: choose a smaller --size"
            )

    def open(self, frames: Sequence[Frame]) -> OpenedPeer:
        """Make it, and fuse once."""
        return OpenedPeer(self._name, self.runtime, frames)

    def subject(self, opened: Opened) -> Subject:
        """Name it."""
        return Subject(kind="peer", title=self.title, runtime=self.runtime)

    def footprint(self, exposures: int, size: Size) -> FootprintRequest:
        """Return its name and the threads."""
        threads = self._conditions.threads
        return FootprintRequest(*size, peer=self._name, threads=threads, exposures=exposures)


def make_entrants(
    bundles: Sequence[str | Path | None],
    runtimes: Sequence[str | None],
    peers: Sequence[str],
    conditions: Conditions,
) -> list[Entrant]:
    """Return every bundle on every runtime, and the peers.

    Raises:
        InputError: a bundle given twice, an unknown peer, an option that a runtime does not take.
        BundleError: a bundle that cannot be opened.
        MissingError: a runtime or a peer that is not installed.
    """
    entrants: list[Entrant] = []
    folders: dict[str, Path] = {}
    for given in bundles:
        bundle = load_bundle(given)
        folder = bundle.folder.resolve()
        if folder in folders.values():
            raise InputError(f"'{given or bundle.folder.name}' is given twice: name each once")
        name = free_name(folder, folders)
        folders[name] = folder
        for runtime in runtimes or (None,):
            title = name if len(runtimes) < 2 else f"{name} ({runtime})"
            entrants.append(BundleEntrant(bundle, runtime, conditions, title))
    for peer in peers:
        title = free_title(peer, _titles(entrants))
        entrants.append(PeerEntrant(peer, conditions, title))
    limit_libraries(conditions.threads)  # a peer has just loaded torch
    return entrants


def _sizes_of(fuser: Fuser) -> tuple[Size, ...]:
    contract = fuser.bundle.manifest.contract
    if contract.height is not None and contract.width is not None:
        return ((contract.height, contract.width),)
    return fuser.runtime.sizes or ()


def _refusals(check: Callable[[Size], None], sizes: Sequence[Size]) -> dict[Size, InputError]:
    found: dict[Size, InputError] = {}
    for size in sizes:
        try:
            check(size)
        except InputError as error:
            found[size] = error
    return found


def _titles(entrants: Sequence[Entrant]) -> Collection[str]:
    return {entrant.title for entrant in entrants}


def _load_of(started: float, ready: float, done: float) -> Load:
    return Load(open_ms=(ready - started) * 1e3, first_ms=(done - ready) * 1e3)
