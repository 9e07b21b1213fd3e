"""The stages of a bundle, found in its manifest and loaded by whichever runtime runs them."""

import os
from collections.abc import Callable

from edge_mef.bundle import Bundle
from edge_mef.errors import BundleError
from edge_mef.manifest import ArtefactEntry, Role
from edge_mef.runtimes.tiles import Stage, Stages

_ROLES: tuple[Role, ...] = ("view", "analysis", "weights", "application")


def load_stages(bundle: Bundle, file_format: str, load: Callable[[ArtefactEntry], Stage]) -> Stages:
    """Load every stage that a bundle has in a format.

    Raises:
        BundleError: a stage is missing, or `load` refuses one.
    """
    manifest = bundle.manifest
    found = {role: manifest.stage(file_format, role) for role in _ROLES}
    low, high = manifest.contract.counts
    counts = {artefact.exposures for artefact in found["application"]}
    if not all(found.values()) or not counts.issuperset(range(low, high + 1)):
        raise BundleError(f"'{bundle.folder}' lacks a stage: export it again")
    return Stages(
        view=load(found["view"][0]),
        analysis=load(found["analysis"][0]),
        weights=load(found["weights"][0]),
        applications={a.exposures or 0: load(a) for a in found["application"]},
    )


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
