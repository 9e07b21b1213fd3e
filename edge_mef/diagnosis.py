"""What works on this machine: versions, devices, runtimes, targets, and one real fusion."""

import importlib.util
import os
import platform
from dataclasses import dataclass

import numpy as np

from edge_mef.errors import EdgeMefError, MissingError
from edge_mef.memory import available_bytes
from edge_mef.runtimes.cuda import cuda_device_count
from edge_mef.runtimes.table import RUNTIMES, why_not
from edge_mef.toolchain import toolchain_versions


@dataclass(frozen=True)
class Finding:
    """One runtime, target or check: whether it works here, and what to do if not."""

    kind: str
    name: str
    works: bool
    detail: str


@dataclass(frozen=True)
class Diagnosis:
    """All findings, with versions and devices."""

    versions: dict[str, str]
    machine: dict[str, str]
    findings: tuple[Finding, ...]

    @property
    def can_fuse(self) -> bool:
        """Whether the main job works: fusing with the bundle that comes with EdgeMEF."""
        return all(f.works for f in self.findings if f.kind == "check")


def diagnose() -> Diagnosis:
    """Look at this machine; takes about a second and changes nothing."""
    findings = [*_runtimes(), *_targets(), _training(), *_streams(), _fusion()]
    return Diagnosis(toolchain_versions(), _machine(), tuple(findings))


def _machine() -> dict[str, str]:
    devices = cuda_device_count()
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "CPU cores": str(os.cpu_count()),
        "free memory": f"{available_bytes() / 2**30:.1f} GiB",
        "CUDA devices": str(devices) if devices else "none found",
    }


def _runtimes() -> list[Finding]:
    return [
        Finding("runtime", row.name, problem is None, problem or "installed")
        for row in RUNTIMES.values()
        for problem in (why_not(row),)
    ]


def _targets() -> list[Finding]:
    from edge_mef.export.targets import TARGETS, missing_package

    findings = []
    for row in TARGETS.values():
        package = missing_package(row)
        install = f"lacks '{package}': pip install 'edge-mef[{row.extra}]'"
        findings.append(
            Finding("target", row.name, package is None, install if package else row.summary)
        )
    return findings


def _training() -> Finding:
    packages = ("torch", "tensorboard")
    missing = [p for p in packages if importlib.util.find_spec(p) is None]
    if missing:
        return Finding(
            "training", "train", False, f"lacks '{missing[0]}': pip install 'edge-mef[train]'"
        )
    return Finding("training", "train", True, "installed")


def _streams() -> list[Finding]:
    from edge_mef.stream.gst_launch import find_program
    from edge_mef.stream.sinks.window import find_windows

    found = []
    for name, find in (("gst: pipelines", find_program), ("window", find_windows)):
        try:
            find()
        except MissingError as error:
            found.append(Finding("stream", name, False, str(error)))
        else:
            found.append(Finding("stream", name, True, "installed"))
    return found


def _fusion() -> Finding:
    from edge_mef.fuser import Fuser

    what = "fuse with the default bundle"
    under = np.zeros((32, 48, 3), np.uint8)
    under[:] = np.arange(48, dtype=np.uint8)[:, None]
    try:
        with Fuser.open() as fuser:
            fuser.fuse(under, under * 5)
    except EdgeMefError as error:
        return Finding("check", what, False, str(error))
    return Finding("check", what, True, "works")
