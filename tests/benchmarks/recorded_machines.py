"""Small trees of files in the forms that real machines have; names and numbers of persons in them.

The forms are those of Linux on x86 with an NVIDIA GPU, and of a Jetson; the contents are shortened.
"""

from collections.abc import Mapping
from pathlib import Path

Tree = Mapping[str, str]
SECRETS = ("ada-laptop", "ada", "1420123456789", "GPU-01234567", "4C4C4544")


def _x86_cpu(number: int, core: int) -> str:
    return (
        f"processor\t: {number}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\n"
        "model name\t: Intel(R) Core(TM) i7-1185G7 @ 3.00GHz\n"
        f"physical id\t: 0\nsiblings\t: 8\ncore id\t\t: {core}\nflags\t\t: fpu avx2\n\n"
    )


def _arm_cpu(number: int) -> str:
    return (
        f"processor\t: {number}\nmodel name\t: ARMv8 Processor rev 1 (v8l)\nBogoMIPS\t: 62.50\n"
        "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd42\n"
        "CPU revision\t: 1\n\n"
    )


X86: Tree = {
    "proc/cpuinfo": "".join(_x86_cpu(number, number % 4) for number in range(8)),
    "proc/meminfo": "MemTotal:       32580908 kB\nMemFree:         1000000 kB\n",
    "proc/self/status": "Name:\tpython\nCpus_allowed:\t0f\nCpus_allowed_list:\t0-2,5\n",
    "proc/self/mounts": "/dev/nvme0n1p2 / ext4 rw 0 0\nproc /proc proc rw 0 0\n",
    "proc/1/cgroup": "0::/init.scope\n",
    "proc/sys/kernel/osrelease": "6.8.0-51-generic\n",
    "proc/sys/kernel/hostname": "ada-laptop\n",
    "etc/hostname": "ada-laptop\n",
    "etc/machine-id": "4C4C4544\n",
    "etc/os-release": 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 24.04.1 LTS"\nID=ubuntu\n',
    "sys/class/dmi/id/product_uuid": "4C4C4544\n",
    "sys/fs/cgroup/cpu.max": "max 100000\n",
    "proc/driver/nvidia/version": (
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.120  Fri Sep 13 10:10:01 UTC 2024\n"
        "GCC version:  gcc version 13.2.0 (Ubuntu 13.2.0-23ubuntu4)\n"
    ),
    "proc/driver/nvidia/gpus/0000:01:00.0/information": (
        "Model: \t\t NVIDIA GeForce RTX 3050 Laptop GPU\nIRQ:   \t\t 181\n"
        "GPU UUID: \t GPU-01234567\nBus Location: \t 0000:01:00.0\n"
    ),
    "sys/class/drm/card0/device/vendor": "0x8086\n",
    "sys/class/drm/card0/device/device": "0x9a49\n",
    "sys/class/drm/card0-eDP-1/device/vendor": "0x8086\n",
    "sys/class/drm/card0-eDP-1/device/device": "0x9a49\n",
    "sys/class/drm/card1/device/vendor": "0x10de\n",
    "sys/class/drm/card1/device/device": "0x25a2\n",
    "usr/include/x86_64-linux-gnu/NvInferVersion.h": (
        "#define NV_TENSORRT_MAJOR 8 //!< TensorRT major version.\n"
        "#define NV_TENSORRT_MINOR 6 //!< TensorRT minor version.\n"
        "#define NV_TENSORRT_PATCH 1 //!< TensorRT patch version.\n"
        "#define NV_TENSORRT_BUILD 6 //!< TensorRT build number.\n"
    ),
}


def _topology() -> dict[str, str]:
    """Three clusters of four, numbered anew in each."""
    folder = "sys/devices/system/cpu/cpu{}/topology/{}"
    found: dict[str, str] = {}
    for cpu in range(12):
        found[folder.format(cpu, "physical_package_id")] = "0\n"
        found[folder.format(cpu, "cluster_id")] = f"{cpu // 4}\n"
        found[folder.format(cpu, "core_id")] = f"{cpu % 4}\n"
    return found


JETSON: Tree = {
    "proc/cpuinfo": "".join(_arm_cpu(number) for number in range(12)),
    "proc/meminfo": "MemTotal:       64349192 kB\n",
    "proc/self/status": "Cpus_allowed_list:\t0-11\n",
    "proc/sys/kernel/osrelease": "5.15.148-tegra\n",
    "proc/device-tree/model": "NVIDIA Jetson AGX Orin Developer Kit\0",
    "proc/device-tree/serial-number": "1420123456789\0",
    "etc/os-release": 'PRETTY_NAME="Ubuntu 22.04.5 LTS"\n',
    "etc/nv_tegra_release": (
        "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, "
        "DATE: Wed Jan  8 01:49:37 UTC 2025\n"
    ),
    "etc/hostname": "ada-laptop\n",
    "usr/local/cuda/version.json": '{"cuda": {"name": "CUDA SDK", "version": "12.6.20240801"}}',
    "usr/include/aarch64-linux-gnu/NvInferVersion.h": (
        "#define TRT_MAJOR_ENTERPRISE 10\n#define TRT_MINOR_ENTERPRISE 9\n"
        "#define TRT_PATCH_ENTERPRISE 0\n"
        "#define NV_TENSORRT_MAJOR TRT_MAJOR_ENTERPRISE //!< TensorRT major version.\n"
    ),
    "var/lib/dpkg/status": (
        "Package: nvidia-container\nStatus: install ok installed\nVersion: 6.1\n\n"
        "Package: nvidia-jetpack\nStatus: install ok installed\nMaintainer: NVIDIA\n"
        "Version: 6.2+b77\nDepends: nvidia-jetpack-runtime (= 6.2+b77)\n\n"
    ),
    **_topology(),
}

MACOS = {
    "machdep.cpu.brand_string": "Apple M2 Pro",
    "hw.physicalcpu": "10",
    "hw.logicalcpu": "10",
    "hw.memsize": "17179869184",
    "hw.model": "Mac14,9",
    "kern.osproductversion": "15.2",
    "kern.osrelease": "24.2.0",
    "hw.machine": "arm64",
    "kern.hostname": "ada-laptop",
    "kern.uuid": "4C4C4544",
}


def plant(root: Path, tree: Tree) -> Path:
    """Write a tree below a folder, which is returned."""
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root
