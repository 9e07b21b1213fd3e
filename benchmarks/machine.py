"""Which machine measured: its hardware and system, and nothing that tells whose it is.

Host and user names, serial numbers, UUIDs, addresses and folders are never read.
"""

import hashlib
import json
import os
import platform
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from edge_mef.benchmarks.machine_files import (
    board_of,
    container_of,
    core_counts,
    cpu_limit,
    cpu_model,
    graphics_of,
    jetpack_of,
    l4t_of,
    memory_of,
    nvidia_driver,
    operating_system,
    tensorrt_of,
    usable_cores,
)
from edge_mef.benchmarks.sensors.files import find_text
from edge_mef.benchmarks.sensors.sensor import NotMeasuredError
from edge_mef.benchmarks.sensors.tools import Runner, run_tool
from edge_mef.runtimes.cuda import cuda_device_facts
from edge_mef.toolchain import installed_version

_STABLE = (
    *("cpu", "physical_cores", "logical_cores", "usable_cores", "cpu_limit"),
    *("gpus", "board", "architecture", "container"),
)


class Machine(BaseModel):
    """One machine; what is None is not there, or nothing here tells it.

    Attributes:
        cpu: the model, as the processor or the kernel names it.
        usable_cores: logical ones that this process may run on.
        cpu_limit: processors that a container may use in total, as a fraction.
        memory_bytes: of the whole machine.
        gpus: names, sorted; PCI numbers where nothing names them.
        board: what a device calls itself, such as a Jetson or a model of Mac.
        driver: of NVIDIA. cuda: the newest that it serves, on a Jetson the one installed.
        l4t, jetpack: of a Jetson.
        container: whether this runs in one.
        digest: SHA-256 over the hardware and its limits: of two records with the same one, the
            machines are alike. Systems and versions are not part of it, memory only in whole GiB.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    cpu: str | None
    physical_cores: int | None = Field(ge=1)
    logical_cores: int | None = Field(ge=1)
    usable_cores: int | None = Field(ge=1)
    cpu_limit: float | None = Field(gt=0)
    memory_bytes: int | None = Field(ge=1)
    gpus: tuple[str, ...]
    board: str | None
    os: str
    kernel: str
    architecture: str
    python: str
    driver: str | None
    cuda: str | None
    tensorrt: str | None
    l4t: str | None
    jetpack: str | None
    container: bool
    digest: str = Field(pattern="^[0-9a-f]{64}$")


def machine_fingerprint(root: Path = Path("/"), *, run: Runner = run_tool) -> Machine:
    """Describe this machine, or one whose files were recorded below `root`.

    `run` starts a program and returns what it prints; macOS tells its hardware by sysctl alone.
    Nothing raises: what cannot be read is None.
    """
    here = root == Path("/")
    macos = _sysctl(run) if here and platform.system() == "Darwin" else {}
    facts = dict(_macos(macos) if macos else _linux(root))
    nvidia = cuda_device_facts() if here else {}
    if not facts["gpus"] and "GPU" in nvidia:
        facts["gpus"] = (nvidia["GPU"],)
    versions = {
        "python": platform.python_version(),
        "driver": nvidia_driver(root),
        "cuda": nvidia.get("CUDA") or jetson_cuda(root),
        "tensorrt": (installed_version("tensorrt") if here else None) or tensorrt_of(root),
        "l4t": l4t_of(root),
        "jetpack": jetpack_of(root),
    }
    content = facts | versions
    return Machine.model_validate(content | {"digest": machine_digest(content)})


def machine_digest(content: dict[str, object]) -> str:
    """Return the SHA-256 over what of a machine stays the same from start to start."""
    memory = content["memory_bytes"]
    stable = {name: content[name] for name in _STABLE}
    stable["memory"] = round(memory / 2**30) if isinstance(memory, int) else None
    canonical = json.dumps(stable, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def jetson_cuda(root: Path) -> str | None:
    """Return the version of the CUDA that is installed, from the file that it comes with."""
    try:
        found = json.loads(find_text(root / "usr/local/cuda/version.json") or "")
        return str(found["cuda"]["version"])
    except (ValueError, KeyError, TypeError):
        return None


def _linux(root: Path) -> dict[str, object]:
    """Return what files tell; on other systems than Linux that is little, and Python the rest."""
    here = root == Path("/")
    physical, logical = core_counts(root)
    logical = logical or (os.cpu_count() if here else None)
    cpu, architecture = cpu_model(root)
    return {
        "cpu": cpu or (platform.processor() or None if here else None),
        "physical_cores": physical,
        "logical_cores": logical,
        "usable_cores": usable_cores(root, logical),
        "cpu_limit": cpu_limit(root),
        "memory_bytes": memory_of(root),
        "gpus": graphics_of(root),
        "board": board_of(root),
        "os": operating_system(root) or (platform.system() if here else "unknown"),
        "kernel": find_text(root / "proc/sys/kernel/osrelease")
        or (platform.release() if here else "unknown"),
        "architecture": platform.machine() if here else architecture,
        "container": container_of(root),
    }


_SYSCTL = (
    *("machdep.cpu.brand_string", "hw.physicalcpu", "hw.logicalcpu", "hw.memsize", "hw.model"),
    *("kern.osproductversion", "kern.osrelease", "hw.machine"),
)


def _sysctl(run: Runner) -> dict[str, str]:
    """Ask one by one: an older system does not know them all."""
    found: dict[str, str] = {}
    for name in _SYSCTL:
        try:
            found[name] = run(("sysctl", "-n", name)).strip()
        except NotMeasuredError:
            continue
    return found


def _macos(told: dict[str, str]) -> dict[str, object]:
    """Return what sysctl tells; the GPU of an Apple chip has the chip's name."""
    cpu, architecture = told.get("machdep.cpu.brand_string"), told.get("hw.machine", "unknown")
    logical = _whole(told.get("hw.logicalcpu"))
    version = told.get("kern.osproductversion")
    return {
        "cpu": cpu,
        "physical_cores": _whole(told.get("hw.physicalcpu")),
        "logical_cores": logical,
        "usable_cores": logical,
        "cpu_limit": None,
        "memory_bytes": _whole(told.get("hw.memsize")),
        "gpus": (cpu,) if cpu and architecture == "arm64" else (),
        "board": told.get("hw.model"),
        "os": f"macOS {version}" if version else "macOS",
        "kernel": told.get("kern.osrelease", "unknown"),
        "architecture": architecture,
        "container": False,
    }


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and int(text) else None
