"""What the files of a Linux machine tell of its hardware; every function takes the tree's root.

Formats: https://docs.kernel.org/filesystems/proc.html, https://docs.kernel.org/admin-guide/cputopology.html
and https://docs.kernel.org/admin-guide/cgroup-v2.html.
"""

import re
from pathlib import Path

from edge_mef.benchmarks.sensors.files import find_text

# By implementer and part: ARM's processors have no name in /proc/cpuinfo but "ARMv8 Processor".
_ARM_PARTS = {
    ("0x41", "0xd03"): "Cortex-A53",
    ("0x41", "0xd07"): "Cortex-A57",
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd0b"): "Cortex-A76",
    ("0x41", "0xd0c"): "Neoverse-N1",
    ("0x41", "0xd40"): "Neoverse-V1",
    ("0x41", "0xd42"): "Cortex-A78AE",
    ("0x41", "0xd4f"): "Neoverse-V2",
    ("0x41", "0xd83"): "Neoverse-V3AE",
    ("0x4e", "0x003"): "NVIDIA Denver 2",
    ("0x4e", "0x004"): "NVIDIA Carmel",
}
_VENDORS = {"0x8086": "Intel", "0x1002": "AMD"}
_CONTAINERS = re.compile(r"docker|kubepods|containerd|lxc|libpod")
_TENSORRT_HEADERS = (
    "usr/include/aarch64-linux-gnu/NvInferVersion.h",
    "usr/include/x86_64-linux-gnu/NvInferVersion.h",
)


def cpu_model(root: Path) -> tuple[str | None, str]:
    """Return the processor's names, joined where there are several, and the architecture."""
    text = find_text(root / "proc/cpuinfo") or ""
    makers, parts = _values(text, "CPU implementer"), _values(text, "CPU part")
    if not makers:
        names = list(dict.fromkeys(_values(text, "model name")))
        return ", ".join(names) or None, "x86_64" if "vendor_id" in text else "unknown"
    cores = list(dict.fromkeys(zip(makers, parts, strict=False)))
    named = (
        _ARM_PARTS.get(core, "ARM part {1} of implementer {0}".format(*core)) for core in cores
    )
    return ", ".join(named) or None, "aarch64"


def core_counts(root: Path) -> tuple[int | None, int | None]:
    """Return the physical and the logical cores that are on."""
    text = find_text(root / "proc/cpuinfo") or ""
    logical = len(re.findall(r"^processor\s*:", text, re.MULTILINE))
    pairs = set(zip(_values(text, "physical id"), _values(text, "core id"), strict=False))
    if not pairs:
        for topology in sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/topology")):
            package = find_text(topology / "physical_package_id")
            core = find_text(topology / "core_id")
            # Clusters of ARM number their cores anew, and the package may be -1 for all.
            cluster = find_text(topology / "cluster_id") or ""
            if package is not None and core is not None:
                pairs.add((f"{package}/{cluster}", core))
    return len(pairs) or None, logical or None


def usable_cores(root: Path, logical: int | None) -> int | None:
    """Return how many logical cores this process may run on."""
    found = _values(find_text(root / "proc/self/status") or "", "Cpus_allowed_list")
    ranges = re.findall(r"(\d+)(?:-(\d+))?", found[0]) if found else []
    count = sum(int(last or first) - int(first) + 1 for first, last in ranges)
    return min(count, logical or count) or logical


def cpu_limit(root: Path) -> float | None:
    """Return how many processors' time the control group grants, None without a limit."""
    words = (find_text(root / "sys/fs/cgroup/cpu.max") or "").split()
    if not words:
        folder = root / "sys/fs/cgroup/cpu"
        quota = find_text(folder / "cpu.cfs_quota_us") or ""
        words = [quota, find_text(folder / "cpu.cfs_period_us") or ""]
    if len(words) != 2 or not all(word.isdecimal() and int(word) for word in words):
        return None
    return int(words[0]) / int(words[1])


def memory_of(root: Path) -> int | None:
    """Return the machine's memory in bytes."""
    found = re.search(
        r"^MemTotal:\s*(\d+) kB", find_text(root / "proc/meminfo") or "", re.MULTILINE
    )
    return int(found[1]) * 1024 or None if found else None


def graphics_of(root: Path) -> tuple[str, ...]:
    """Return the GPUs: NVIDIA's by name, those of Intel and AMD by their PCI numbers."""
    names: list[str] = []
    for file in sorted((root / "proc/driver/nvidia/gpus").glob("*/information")):
        names += _values(find_text(file) or "", "Model")
    for device in sorted((root / "sys/class/drm").glob("card[0-9]*/device")):
        if "-" in device.parent.name:  # a connector of the card
            continue
        vendor, number = find_text(device / "vendor"), find_text(device / "device")
        if vendor in _VENDORS and number:
            names.append(f"{_VENDORS[vendor]} GPU {vendor[2:]}:{number.removeprefix('0x')}")
    return tuple(sorted(names))


def board_of(root: Path) -> str | None:
    """Return what the device tree calls the board; processors of servers have none."""
    return (find_text(root / "proc/device-tree/model") or "").strip("\0 \n") or None


def operating_system(root: Path) -> str | None:
    """Return the name and version of the distribution."""
    text = find_text(root / "etc/os-release") or ""
    found = re.search(r'^PRETTY_NAME="?([^"\n]*)', text, re.MULTILINE)
    return (found[1].strip() or None) if found else None


def container_of(root: Path) -> bool:
    """Say whether this is a container: its marks, its control group, or its layered root."""
    if any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv")):
        return True
    if _CONTAINERS.search(find_text(root / "proc/1/cgroup") or ""):
        return True
    mounts = find_text(root / "proc/self/mounts") or ""
    return any(line.split()[1:3] == ["/", "overlay"] for line in mounts.splitlines())


def nvidia_driver(root: Path) -> str | None:
    """Return the version of NVIDIA's driver."""
    text = find_text(root / "proc/driver/nvidia/version") or ""
    found = re.search(r"\b(\d{3}\.\d+(?:\.\d+)?)\b", text)
    return found[1] if found else None


def l4t_of(root: Path) -> str | None:
    """Return the release of Jetson Linux, such as R36.4.3."""
    text = find_text(root / "etc/nv_tegra_release") or ""
    found = re.search(r"# R(\d+).*?REVISION: ([\d.]+)", text)
    return f"R{found[1]}.{found[2]}" if found else None


def jetpack_of(root: Path) -> str | None:
    """Return the version of the package nvidia-jetpack; a Jetson may be without it."""
    if l4t_of(root) is None:
        return None
    text = find_text(root / "var/lib/dpkg/status") or ""
    found = re.search(r"^Package: nvidia-jetpack\n(?:.+\n)*?Version: (\S+)", text, re.MULTILINE)
    return found[1] if found else None


def tensorrt_of(root: Path) -> str | None:
    """Return the version in TensorRT's own header, where the system's package brought it."""
    for header in _TENSORRT_HEADERS:
        text = find_text(root / header) or ""
        # From 10.9 on NV_TENSORRT_MAJOR only repeats TRT_MAJOR_ENTERPRISE.
        parts = (
            re.search(rf"#define (?:NV_TENSORRT_{p}|TRT_{p}_ENTERPRISE)\s+(\d+)", text)
            for p in ("MAJOR", "MINOR", "PATCH")
        )
        numbers = [found[1] for found in parts if found]
        if len(numbers) == 3:
            return ".".join(numbers)
    return None


def _values(text: str, name: str) -> list[str]:
    """Return the values of all lines `name : value`."""
    pattern = rf"^{re.escape(name)}[ \t]*:[ \t]*(.*?)[ \t]*$"
    return [value for value in re.findall(pattern, text, re.MULTILINE) if value]
